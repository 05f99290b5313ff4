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
    const since = Date.now();
    const table = await factory.hub<{ rows: Step[] }>('CheckConnection');
    assert.deepEqual(await errorLines(since), []);
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
        'Value stream',
        'Application key',
        'Right: Connect',
        'Right: DescribeThings',
        'Right: ReceiveUpdates',
        'Right: ReceiveStatus',
        'Right: FindDeviceThings',
        'Right: ReceiveEvents',
        'Right: ReadTwins',
        'Right: DeleteThings',
        'Right: CreateThings',
        'Right: ListDeviceThings',
        'Right: ReceiveTwins',
        'Right: ReceiveImportStatus',
        'Right: CreateThing',
        'Clock',
        'IoT Hub: service connection',
        'IoT Hub: right RegistryRead',
        'IoT Hub: right RegistryWrite',
        'Built-in endpoint',
        'Consumer group',
        'Storage for checkpoints',
        'Ingestion',
      ].map((step) => [step, 'ok']),
    );
  });

  test('is green for a new user with least rights, and leaves no error in the logs', async () => {
    const { platform, cloud } = factory.system;
    const name = 'new-operator';
    await platform.invokeOn('Resources', 'EntityServices', 'CreateUser', {
      name,
      password: `${crypto.randomUUID()}aA1!`,
      description: '',
      tags: '',
    });
    await platform.invokeOn('Groups', 'AzureIoT.Administrators_UG', 'AddMember', {
      member: name,
      type: 'User',
    });
    await platform.invokeOn('Resources', 'EntityServices', 'CreateApplicationKey', {
      name,
      user: name,
      clientName: '',
      description: '',
      whitelist: '',
      tags: '',
      expirationDate: Date.now() + 3_600_000,
    });
    const key = (await platform.invokeOn('ApplicationKeys', name, 'GetKeyID')) as { rows: Row[] };
    const since = Date.now();
    const answer = await fetch(`${cloud.thingworxUrl}/Things/${HUB_THING}/Services/CheckConnection`, {
      method: 'POST',
      headers: {
        appKey: String(key.rows[0]?.result),
        accept: 'application/json',
        'content-type': 'application/json',
        'x-xsrf-token': 'x',
      },
      body: '{}',
    });
    assert.equal(answer.status, 200);
    const { rows } = (await answer.json()) as { rows: Step[] };
    assert.deepEqual(trouble(rows), []);
    assert.ok(rows.length >= 26);
    assert.deepEqual(await errorLines(since), []);
  });

  /** What ThingWorx has logged as errors since then. */
  async function errorLines(since: number): Promise<unknown[]> {
    const found: unknown[] = [];
    for (const log of ['ApplicationLog', 'ScriptLog', 'ErrorLog', 'SecurityLog']) {
      const table = (await factory.system.platform.invokeOn('Logs', log, 'QueryLogEntries', {
        maxItems: 100,
        fromLogLevel: 'ERROR',
        startDate: since,
      })) as { rows: Row[] };
      found.push(...table.rows.map(({ content }) => content));
    }
    return found;
  }

  /** Steps that are not ok, with their outcomes. */
  const trouble = (steps: readonly Step[]) =>
    steps.filter(({ outcome }) => outcome !== 'ok').map(({ step, outcome }) => [step, outcome]);

  for (const [service, outcome] of [
    ['Connect', 'failed'],
    ['DescribeThings', 'failed'],
    ['ReceiveUpdates', 'failed'],
    ['ReceiveStatus', 'failed'],
    ['FindDeviceThings', 'warning'],
    ['ReceiveEvents', 'warning'],
    ['ReadTwins', 'warning'],
    ['DeleteThings', 'warning'],
    ['CreateThings', 'warning'],
    ['ListDeviceThings', 'warning'],
    ['ReceiveTwins', 'warning'],
    ['ReceiveImportStatus', 'warning'],
  ] as const) {
    test(`names the right ${service} alone when it is missing`, async () => {
      const right = {
        principal: 'AzureIoT.Sidecar_UG',
        principalType: 'Group',
        type: 'ServiceInvoke',
        resource: service,
      };
      const { platform } = factory.system;
      const change = (how: string) =>
        platform.invokeOn('ThingTemplates', 'AzureIoT.Hub_TT', `${how}InstanceRunTimePermission`, {
          ...right,
          allow: true,
        });
      await change('Delete');
      try {
        const steps = await check();
        assert.deepEqual(trouble(steps), [[`Right: ${service}`, outcome]]);
        const step = steps.find((one) => one.step === `Right: ${service}`);
        assert.match(step?.message ?? '', new RegExp(`^THINGWORX_FORBIDDEN: .*${service}`));
        assert.match(step?.remedy ?? '', /GrantPermissions/);
        if (outcome === 'warning') assert.match(step?.message ?? '', /Needed only /);
      } finally {
        await change('Add');
      }
      assert.deepEqual(trouble(await check()), []);
    });
  }

  test('names the setting that is missing or wrong', async () => {
    const { sidecar } = factory.system;
    for (const [setting, value] of [
      ['sidecarUrl', sidecar.url],
      ['sidecarToken', sidecar.token],
    ] as const) {
      await set({ [setting]: '' });
      const steps = await check();
      assert.deepEqual(trouble(steps), [['Settings of the sidecar', 'failed']]);
      assert.match(steps[0]?.message ?? '', new RegExp(`^SETTING_MISSING: ${setting} of`));
      assert.match(steps[0]?.remedy ?? '', /^Enter the value/);
      await set({ [setting]: value });
    }
    await set({ mappings: { version: 1, rules: 'none' } });
    // The Thing sends them itself, too; whoever comes second finds that nothing is left to hand over.
    await eventually(async () => {
      const step = await find('Settings of the hub');
      assert.equal(step.outcome, 'failed');
      assert.match(step.message, /^MAPPINGS_INVALID: /);
      assert.match(step.remedy, /ValidateMappings/);
    }).finally(() => set({ mappings: {} }));
    await eventually(async () => assert.deepEqual(trouble(await check()), []));
  });

  test('tells rights of the policy apart', async () => {
    const full = factory.system.cloud.iotHubConnectionString;
    const expected: Record<string, string[][]> = {
      service: [
        ['IoT Hub: right RegistryRead', 'warning'],
        ['IoT Hub: right RegistryWrite', 'warning'],
      ],
      registryRead: [
        ['IoT Hub: service connection', 'failed'],
        ['IoT Hub: right RegistryWrite', 'warning'],
        ['Built-in endpoint', 'failed'],
        ['Consumer group', 'skipped'],
        ['Ingestion', 'failed'],
      ],
      registryReadWrite: [
        ['IoT Hub: service connection', 'failed'],
        ['Built-in endpoint', 'failed'],
        ['Consumer group', 'skipped'],
        ['Ingestion', 'failed'],
      ],
    };
    for (const [policy, steps] of Object.entries(expected)) {
      await set({ iotHubConnectionString: await factory.policy(policy) });
      await eventually(async () => {
        const found = await check();
        assert.deepEqual(trouble(found), steps, policy);
        for (const { step, outcome, message, remedy } of found) {
          if (outcome === 'ok' || outcome === 'skipped') continue;
          assert.match(message, /^AZURE_UNAUTHORIZED: /, step);
          assert.match(remedy, /policy has the right named in the message/, step);
        }
      });
    }
    await set({ iotHubConnectionString: full });
    await factory.system.waitForState('running');
  });

  test('says that the hub or the storage cannot be reached, or refuses the key', async () => {
    const { iotHubConnectionString, storageConnectionString } = factory.system.cloud;
    await set({
      iotHubConnectionString: iotHubConnectionString.replace(/HostName=[^;]+/, 'HostName=localhost:1'),
    });
    await eventually(async () => {
      const steps = await check();
      assert.deepEqual(trouble(steps), [
        ['IoT Hub: service connection', 'failed'],
        ['IoT Hub: right RegistryRead', 'skipped'],
        ['IoT Hub: right RegistryWrite', 'skipped'],
        ['Built-in endpoint', 'failed'],
        ['Consumer group', 'skipped'],
        ['Ingestion', 'failed'],
      ]);
      for (const { message, outcome, remedy } of steps)
        if (outcome === 'failed') {
          assert.match(message, /^AZURE_UNREACHABLE: .*localhost:1/);
          assert.match(remedy, /firewall towards the host/);
        }
    });
    await set({ iotHubConnectionString });
    await factory.system.waitForState('running');
    await set({
      storageConnectionString: storageConnectionString.replace(
        /AccountKey=[^;]+/,
        `AccountKey=${btoa('wrong')}`,
      ),
    });
    await eventually(async () => {
      const steps = await check();
      assert.deepEqual(trouble(steps), [
        ['Storage for checkpoints', 'failed'],
        ['Ingestion', 'failed'],
      ]);
      assert.match(steps.at(-2)?.message ?? '', /^AZURE_UNAUTHORIZED: /);
      assert.notEqual(steps.at(-2)?.remedy, '');
    });
    await set({ storageConnectionString });
    await factory.system.waitForState('running');
  });

  test('shows what no single call does: ingestion that cannot begin, or shall not', async () => {
    await set({ consumerGroup: 'no-such-group' });
    await eventually(async () => {
      const steps = await check();
      assert.deepEqual(trouble(steps), [
        ['Consumer group', 'failed'],
        ['Ingestion', 'failed'],
      ]);
      for (const { message, remedy } of steps.filter(({ outcome }) => outcome === 'failed')) {
        assert.match(message, /^CONSUMER_GROUP_NOT_FOUND: .*no-such-group/);
        assert.match(remedy, /Create the consumer group/);
      }
    });
    await set({ consumerGroup: '$Default', enabled: false });
    await eventually(async () => assert.deepEqual(trouble(await check()), [['Ingestion', 'skipped']]));
    await set({ enabled: true });
    await factory.system.waitForState('running');
  });

  test('names a clock that is off, and blames it for refused tokens', async () => {
    const { cloud, sidecar } = factory.system;
    const shift = (offsetMs: number) => factory.control('/clock', { offsetMs });
    await shift(3 * 3_600_000);
    await set({ units: 2 });
    try {
      await eventually(async () => {
        const steps = await check();
        const clock = steps.find(({ step }) => step === 'Clock');
        assert.equal(clock?.outcome, 'failed');
        assert.match(clock?.message ?? '', /^CLOCK_OFF: .* 10[78]\d\d seconds behind localhost/);
        assert.match(clock?.remedy ?? '', /NTP/);
        const refused = steps.filter(({ message }) => message.startsWith('AZURE_UNAUTHORIZED'));
        for (const { remedy } of refused) assert.match(remedy, /^Correct the clock first/);
        const { lastError } = (await factory.system.status()) as { lastError?: { code: string } };
        assert.equal(lastError?.code, 'CLOCK_OFF');
      });
      const metrics = await (await fetch(`${sidecar.url}/metrics`)).text();
      assert.match(metrics, /^azure_iot_host_clock_offset_seconds\{host="localhost:\d+"\} 10[78]\d\d$/m);
    } finally {
      await shift(0);
      await set({ units: 1 });
    }
    await eventually(async () => assert.deepEqual(trouble(await check()), []), 120_000);
    await fetch(`${cloud.thingworxControlUrl}/clock`, {
      method: 'POST',
      body: JSON.stringify({ offsetMs: -600_000 }),
    });
    await eventually(async () => {
      assert.deepEqual(trouble(await check()), [['Clock', 'failed']]);
    }).finally(() => factory.clearThingworxFaults());
    await eventually(async () => assert.deepEqual(trouble(await check()), []));
  });

  test('says that the token is wrong, and goes no further', async () => {
    await set({ sidecarToken: 'not-the-token-of-this-sidecar-000' });
    const steps = await check();
    assert.match(steps[2]?.message ?? '', /^UNAUTHORIZED: The sidecar refused sidecarToken/);
    assert.match(steps[2]?.remedy ?? '', /token/);
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
    assert.match(steps[1]?.remedy ?? '', /sidecarUrl|sidecar runs/i);
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

  test('says that the application key is refused, or that its user is in no group', async () => {
    const { platform } = factory.system;
    const member = { member: 'azure-iot-sidecar', type: 'User' };
    await platform.invokeOn('Groups', 'AzureIoT.Sidecar_UG', 'DeleteMember', member);
    const step = await find('Application key');
    assert.equal(step.outcome, 'failed');
    assert.match(step.remedy, /AzureIoT.Sidecar_UG/);
    await platform.invokeOn('Groups', 'AzureIoT.Sidecar_UG', 'AddMember', member);
    assert.equal((await find('Application key')).outcome, 'ok');
    await platform.invokeOn('Resources', 'EntityServices', 'DeleteApplicationKey', {
      name: 'azure-iot-sidecar',
    });
    const steps = await check();
    const key = steps.find((one) => one.step === 'Application key');
    assert.equal(key?.outcome, 'failed');
    assert.match(key?.message ?? '', /^THINGWORX_UNAUTHORIZED: /);
    assert.match(key?.remedy ?? '', /application key/i);
    assert.ok(
      steps.filter(({ step }) => step.startsWith('Right: ')).every(({ outcome }) => outcome === 'skipped'),
    );
  });
});
