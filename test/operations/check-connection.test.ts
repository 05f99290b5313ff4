import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

interface Step extends Row {
  readonly step: string;
  readonly outcome: string;
  readonly timeMs: number;
  readonly message: string;
  readonly remedy: string;
}

describe('CheckConnection', () => {
  const factory = new Factory({ localCheckpoints: false });
  before(() => factory.start());
  after(() => factory.stop());

  async function check(): Promise<Step[]> {
    const table = await factory.hub<{ rows: Step[] }>('CheckConnection');
    for (const { step, outcome, remedy, timeMs } of table.rows) {
      assert.equal(remedy !== '', outcome === 'failed' || outcome === 'warning', step);
      assert.ok(timeMs >= 0, step);
    }
    return table.rows;
  }

  async function find(step: string): Promise<Step> {
    const found = (await check()).find((row) => row.step === step);
    assert.ok(found, step);
    return found;
  }

  async function set(values: Row): Promise<void> {
    await factory.system.platform.setProperties(HUB_THING, values);
  }

  test('tests everything in order, and warns of what only an administrator can grant', async () => {
    const { platform } = factory.system;
    await platform.invokeOn('Resources', 'EntityServices', 'DeleteRunTimePermission', {
      principal: 'AzureIoT.Sidecar_UG',
      principalType: 'Group',
      type: 'ServiceInvoke',
      resource: 'CreateThing',
    });
    const before = await check();
    assert.deepEqual(
      before.filter(({ outcome }) => outcome !== 'ok').map(({ step, outcome }) => [step, outcome]),
      [['Right: CreateThing', 'warning']],
    );
    await factory.hub('GrantPermissions');
    assert.deepEqual(
      (await check()).map(({ step, outcome }) => [step, outcome]),
      [
        'Settings of the sidecar',
        'Sidecar',
        'Token',
        'Settings of the hub',
        'Application key',
        'Right: DescribeThings',
        'Right: ReceiveUpdates',
        'Right: ReceiveStatus',
        'Right: CreateThings',
        'Right: ListDeviceThings',
        'Right: ReceiveImportStatus',
        'Right: CreateThing',
        'IoT Hub: service connection',
        'IoT Hub: right RegistryRead',
        'IoT Hub: right RegistryWrite',
        'Built-in endpoint',
        'Storage for checkpoints',
      ].map((step) => [step, 'ok']),
    );
  });

  test('names the right that is missing', async () => {
    const template = 'ThingTemplates';
    const right = {
      principal: 'AzureIoT.Sidecar_UG',
      principalType: 'Group',
      type: 'ServiceInvoke',
      resource: 'DescribeThings',
    };
    const { platform } = factory.system;
    await platform.invokeOn(template, 'AzureIoT.Hub_TT', 'DeleteInstanceRunTimePermission', right);
    const step = await find('Right: DescribeThings');
    assert.equal(step.outcome, 'failed');
    assert.match(step.message, /^THINGWORX_FORBIDDEN: .*DescribeThings/);
    assert.match(step.remedy, /GrantPermissions/);
    await platform.invokeOn(template, 'AzureIoT.Hub_TT', 'AddInstanceRunTimePermission', {
      ...right,
      allow: true,
    });
    assert.equal((await find('Right: DescribeThings')).outcome, 'ok');
  });

  test('says that the token is wrong, and goes no further', async () => {
    await set({ sidecarToken: 'not-the-token-of-this-sidecar-000' });
    const steps = await check();
    assert.deepEqual(
      steps.map(({ step, outcome }) => [step, outcome]),
      [
        ['Settings of the sidecar', 'ok'],
        ['Sidecar', 'ok'],
        ['Token', 'failed'],
      ],
    );
    await set({ sidecarToken: factory.system.sidecar.token });
  });

  test('says that nobody answers', async () => {
    await set({ sidecarUrl: 'http://127.0.0.1:1' });
    const steps = await check();
    assert.deepEqual(
      steps.map(({ step, outcome }) => [step, outcome]),
      [
        ['Settings of the sidecar', 'ok'],
        ['Sidecar', 'failed'],
        ['Token', 'skipped'],
      ],
    );
    assert.match(steps[1]?.message ?? '', /^SIDECAR_UNREACHABLE/);
    await set({ sidecarUrl: factory.system.sidecar.url });
  });

  test('tells a policy that may not manage devices from one that may', async () => {
    const full = factory.system.cloud.iotHubConnectionString;
    const key = /SharedAccessKey=([^;]+)/.exec(full)?.[1] ?? '';
    await set({ iotHubConnectionString: full.replace(key, Buffer.from('wrong').toString('base64')) });
    await eventually(async () => {
      const steps = await check();
      const outcomes = new Map(steps.map(({ step, outcome }) => [step, outcome]));
      assert.equal(outcomes.get('IoT Hub: service connection'), 'failed');
      assert.equal(outcomes.get('IoT Hub: right RegistryRead'), 'warning');
      assert.equal(outcomes.get('Built-in endpoint'), 'failed');
      assert.equal(outcomes.get('Storage for checkpoints'), 'ok');
    });
    await set({ iotHubConnectionString: full });
    await factory.system.waitForState('running');
  });
});
