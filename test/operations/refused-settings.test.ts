import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

interface Refusal extends Row {
  readonly setting: string;
  readonly code: string;
  readonly message: string;
}

const STORAGE_THING = 'Plant.Storage';
const BAD_MAPPINGS = { version: 1, rules: 'none' };

describe('a refused setting', () => {
  const lines: string[] = [];
  const environment: Record<string, string> = {};
  const factory = new Factory({
    localCheckpoints: true,
    sidecarEnvironment: environment,
    onSidecarLine: (line) => void lines.push(line),
  });
  before(() => factory.start());
  after(() => factory.stop());

  const set = (values: Row, thing = HUB_THING) => factory.system.platform.setProperties(thing, values);
  const status = async () => {
    const row = (await factory.system.status()) as Row & {
      state: string;
      reason?: string;
      lastError?: unknown;
      refusedSettings?: { rows: Refusal[] };
      recentErrors: { rows: Row[] };
    };
    return {
      ...row,
      refusedSettings: row.refusedSettings?.rows ?? [],
      recentErrors: row.recentErrors.rows,
    };
  };
  const refused = async () => (await status()).refusedSettings.map(({ setting }) => setting).toSorted();
  const metric = async () => {
    const text = await (await fetch(`${factory.system.sidecar.url}/metrics`)).text();
    return [...text.matchAll(/^azure_iot_setting_refused\{thing="([^"]+)",setting="([^"]+)"\} 1$/gm)]
      .map(([, thing, setting]) => `${thing} ${setting}`)
      .toSorted();
  };
  const health = async () => {
    const answer = await fetch(`${factory.system.sidecar.url}/health/ready`);
    return { code: answer.status, ...((await answer.json()) as { warnings: string[] }) };
  };
  const stored = (thing: string) => {
    const state = path.join(path.dirname(factory.system.cloud.caFile), '..', '..', 'state');
    return readFile(path.join(state, 'settings', `${thing}.json`), 'utf8');
  };
  const restart = async () => {
    await factory.system.sidecar.kill();
    await factory.system.sidecar.start();
  };

  test('keeps its last accepted value, also after a restart, while other changes take effect', async () => {
    const { system } = factory;
    await set({
      enabled: false,
      mappings: BAD_MAPPINGS,
      maxRowsPerCall: 99_999,
      startPosition: 'yesterday',
      eventHubConnectionString: 'Endpoint=nowhere',
    });
    const names = ['eventHubConnectionString', 'mappings', 'maxRowsPerCall', 'startPosition'];
    await eventually(async () => assert.deepEqual(await refused(), names));
    // enabled was accepted.
    await system.waitForState('stopped');
    await set({ enabled: true });
    await system.waitForState('running');
    const check = async () => {
      await eventually(async () => {
        assert.deepEqual(await refused(), names);
        assert.equal((await status()).state, 'running');
      });
      const { warnings, code } = await health();
      assert.equal(code, 200);
      for (const name of names) assert.match(warnings.join(), new RegExp(name));
      assert.deepEqual(
        await metric(),
        names.map((name) => `${HUB_THING} ${name}`),
      );
      await eventually(async () => {
        const { lastError, connectionStatus } = await factory.read(HUB_THING);
        assert.match(String(lastError), /^[A-Z_]+: .*maxRowsPerCall.* stay in use\.$/);
        assert.equal(connectionStatus, 'running');
      });
    };
    await check();
    await restart();
    await check();
    const warned = lines.filter((line) => /stay in use/.test(line));
    assert.ok(warned.length >= 1 && warned.every((line) => /"settings":\[/.test(line)), warned.join('\n'));
    assert.doesNotMatch(await stored(HUB_THING), /SharedAccessKey|nowhere/);
    await set({ mappings: {}, maxRowsPerCall: 400, startPosition: 'earliest', eventHubConnectionString: '' });
    await eventually(async () => {
      const { refusedSettings, lastError, recentErrors } = await status();
      assert.deepEqual([refusedSettings, lastError], [[], undefined]);
      assert.ok(recentErrors.length > 0 && recentErrors.every(({ clearedAt }) => clearedAt));
      assert.equal((await factory.read(HUB_THING)).lastError, '');
    });
    assert.deepEqual(await metric(), []);
    assert.deepEqual((await health()).warnings, []);
  });

  test('may be a secret reference', async () => {
    const { iotHubConnectionString } = factory.system.cloud;
    environment.GOOD_SECRET = iotHubConnectionString;
    await restart();
    await set({
      secretReferences: { iotHubConnectionString: 'env:GOOD_SECRET' },
      iotHubConnectionString: '',
    });
    await eventually(async () => assert.match(await stored(HUB_THING), /env:GOOD_SECRET/));
    await factory.system.waitForState('running');
    for (const reference of ['env:ABSENT_SECRET', 'file:/absent', 'HostName=h', 'env:']) {
      await set({ secretReferences: { iotHubConnectionString: reference } });
      await eventually(async () => assert.deepEqual(await refused(), ['iotHubConnectionString'], reference));
      assert.equal((await status()).state, 'running');
      await restart();
      await eventually(async () => {
        assert.deepEqual(await refused(), ['iotHubConnectionString'], reference);
        assert.equal((await status()).state, 'running');
      });
    }
    await set({ secretReferences: {}, iotHubConnectionString });
    await eventually(async () => assert.deepEqual(await refused(), []));
    await factory.system.waitForState('running');
  });

  test('that ThingWorx alone held is named when it is lost', async () => {
    const { iotHubConnectionString } = factory.system.cloud;
    await set({ iotHubConnectionString: 'HostName=broken' });
    await eventually(async () => assert.deepEqual(await refused(), ['iotHubConnectionString']));
    assert.equal((await status()).state, 'running');
    await restart();
    await eventually(async () => {
      const { state, reason } = await status();
      assert.equal(state, 'failed');
      assert.match(String(reason), /No accepted value of iotHubConnectionString is known/);
    });
    await set({ iotHubConnectionString });
    await factory.system.waitForState('running');
  });

  test('of a storage Thing does the same', async () => {
    environment.GOOD_STORAGE = factory.system.cloud.storageConnectionString;
    await restart();
    await factory.createStorage(STORAGE_THING);
    await set({ secretReferences: { storageConnectionString: 'env:GOOD_STORAGE' } }, STORAGE_THING);
    await eventually(async () => assert.match(await stored(STORAGE_THING), /env:GOOD_STORAGE/));
    await set({ secretReferences: { storageConnectionString: 'env:ABSENT_STORAGE' } }, STORAGE_THING);
    const check = () =>
      eventually(async () => {
        assert.deepEqual(await metric(), [`${STORAGE_THING} storageConnectionString`]);
        assert.match((await health()).warnings.join(), /Plant\.Storage: storageConnectionString refers to/);
        await factory.call(STORAGE_THING, 'CheckStorage');
      });
    await check();
    await restart();
    await check();
    assert.match(String((await factory.read(STORAGE_THING)).lastError), /^SECRET_UNREADABLE: /);
    await set({ secretReferences: { storageConnectionString: 'env:GOOD_STORAGE' } }, STORAGE_THING);
    await eventually(async () => assert.deepEqual(await metric(), []));
    assert.deepEqual((await health()).warnings, []);
  });
});
