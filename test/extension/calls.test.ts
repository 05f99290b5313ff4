import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { ERRORS } from '../../sidecar/errors/catalogue.ts';
import { VERSION } from '../../sidecar/version.ts';
import { InfoTable, type InfoTableRow } from '../emulators/thingworx/infotable.ts';
import type { ScriptSwitches } from '../emulators/thingworx/script-switches.ts';
import { startApp, statusOf, type TestApp, TOKEN } from '../http/fixture.ts';
import { ScriptHub } from './script-hub.ts';

const NAME = 'My Hub/1';
const SECRET = 'HostName=h.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0Og==';

async function startHub(
  t: TestContext,
  switches: Partial<ScriptSwitches> = {},
): Promise<{ app: TestApp; hub: ScriptHub }> {
  const app = await startApp(t);
  const hub = new ScriptHub(t, NAME, switches);
  hub.set('sidecarUrl', `HTTP://127.0.0.1:${app.port}/`);
  hub.set('introducedAddress', `http://127.0.0.1:${app.port}`);
  hub.setPassword('sidecarToken', TOKEN);
  return { app, hub };
}

/** The row of a service that returns an INFOTABLE with one row. */
async function row(hub: ScriptHub, service: string): Promise<InfoTableRow> {
  const { rows } = (await hub.call(service, '', 'INFOTABLE')) as InfoTable;
  assert.equal(rows.length, 1);
  return rows[0] as InfoTableRow;
}

const MODES: Partial<ScriptSwitches>[] = [
  {
    contentLoaderStatusKeys: true,
    contentLoaderThrows: false,
    contentLoaderPreemptiveLogin: false,
    passwordInScripts: 'encrypted',
  },
  {
    contentLoaderStatusKeys: false,
    contentLoaderThrows: false,
    contentLoaderPreemptiveLogin: true,
    passwordInScripts: 'clear',
  },
  {
    contentLoaderStatusKeys: true,
    contentLoaderThrows: true,
    contentLoaderPreemptiveLogin: true,
    passwordInScripts: 'masked',
  },
  {
    contentLoaderStatusKeys: false,
    contentLoaderThrows: true,
    contentLoaderPreemptiveLogin: false,
    jsonInScripts: 'native',
  },
];

for (const mode of MODES) {
  describe(`services with ${JSON.stringify(mode)}`, () => {
    test('connect hands over settings and secrets, and shows the status', async (t) => {
      const { app, hub } = await startHub(t, mode);
      hub.setPassword('iotHubConnectionString', SECRET);
      hub.setPassword('storageConnectionString', 'STORAGE');
      hub.set('enabled', true);
      hub.set('consumerGroup', 'thingworx');
      hub.set('maxRowsPerCall', 250);
      hub.set('mappings', { rules: [{ when: {} }] });
      assert.equal((await row(hub, 'Connect')).state, 'running');
      const connected = app.hubs.connected.get(NAME);
      assert.deepEqual(connected?.secrets, {
        iotHubConnectionString: SECRET,
        storageConnectionString: 'STORAGE',
      });
      assert.equal(connected?.settings.consumerGroup, 'thingworx');
      assert.equal(connected?.settings.maxRowsPerCall, 250);
      assert.deepEqual(connected?.settings.mappings, { rules: [{ when: {} }] });
      assert.equal(hub.get('connectionStatus'), 'running');
      assert.equal(hub.get('lag'), 7);
      assert.equal(hub.fired('ConnectionStateChanged').length, 1);
    });

    test('get results and end calls that have none', async (t) => {
      const { app, hub } = await startHub(t, mode);
      assert.equal((await row(hub, 'CheckSidecar')).version, VERSION);
      hub.set('enabled', true);
      await row(hub, 'Connect');
      assert.equal((await row(hub, 'GetStatus')).lag, 7);
      await hub.call('Disconnect', '', 'NOTHING');
      assert.equal(app.hubs.connected.size, 0);
      assert.equal(hub.get('connectionStatus'), 'stopped');
    });

    test('give the counters and the last error as columns', async (t) => {
      const { app, hub } = await startHub(t, mode);
      const time = new Date('2026-01-31T12:00:00.123Z');
      const lastError = { code: 'AZURE_UNREACHABLE', message: 'No way.', time: time.toISOString() };
      app.hubs.status = (thing) => ({ ...statusOf(thing), lastError });
      const status = await row(hub, 'GetStatus');
      assert.deepEqual([status.received, status.delivered, status.repeated], [5, 4, 2]);
      assert.deepEqual(
        [status.lastErrorCode, status.lastErrorMessage, status.lastErrorTime, status.lastErrorRemedy],
        ['AZURE_UNREACHABLE', 'No way.', time, ERRORS.AZURE_UNREACHABLE.remedy],
      );
    });

    test('throw a problem as CODE: detail', async (t) => {
      const { hub } = await startHub(t, mode);
      await assert.rejects(
        hub.call('GetStatus'),
        /HUB_NOT_CONNECTED: The hub Thing My Hub\/1 is not connected/,
      );
      assert.equal(hub.get('lastErrorCode'), 'HUB_NOT_CONNECTED');
      assert.equal(hub.get('connectionStatus'), 'stopped');
      hub.set('maxRowsPerCall', 99_999);
      await assert.rejects(
        hub.call('Connect'),
        /REQUEST_INVALID: settings\.maxRowsPerCall is 99999; expected a whole number/,
      );
      assert.equal(hub.get('connectionStatus'), 'failed');
      assert.match(String(hub.get('lastError')), /^REQUEST_INVALID: settings\.maxRowsPerCall/);
    });

    test('say that the token is missing or wrong', async (t) => {
      const { hub } = await startHub(t, mode);
      hub.setPassword('sidecarToken', 'wrong');
      const expected =
        mode.contentLoaderStatusKeys || mode.contentLoaderThrows
          ? /UNAUTHORIZED: /
          : /SIDECAR_ANSWER_INVALID: .*refused sidecarToken/;
      await assert.rejects(hub.call('CheckSidecar'), expected);
      hub.setPassword('sidecarToken', '');
      await assert.rejects(hub.call('CheckSidecar'), /SETTING_MISSING: sidecarToken/);
    });

    test('say that nobody or somebody else answers', async (t) => {
      const { hub } = await startHub(t, mode);
      const other = createServer((_request, response) => {
        response.writeHead(404, { 'content-type': 'text/html' }).end('<html>nothing here</html>');
      });
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      hub.set('sidecarUrl', url);
      await assert.rejects(hub.call('CheckSidecar'), /SIDECAR_(ANSWER_INVALID|UNREACHABLE): /);
      await new Promise((resolve) => other.close(resolve));
      await assert.rejects(hub.call('Connect'), /SIDECAR_UNREACHABLE: The sidecar does not answer at http/);
      assert.equal(hub.get('connectionStatus'), 'unreachable');
      hub.set('sidecarUrl', 'localhost:8780');
      await assert.rejects(hub.call('CheckSidecar'), /SETTING_INVALID: sidecarUrl must be an address/);
    });
  });
}

test('a Thing sends a token that it has in clear at once', async (t) => {
  const { app, hub } = await startHub(t, { contentLoaderPreemptiveLogin: false });
  hub.setPassword('sidecarToken', '');
  hub.set('sidecarTokenText', TOKEN);
  await hub.call('CheckSidecar');
  assert.ok(!app.lines.some((line) => line.includes('UNAUTHORIZED')), app.lines.join(''));
  hub.set('sidecarTokenText', 'größe');
  await assert.rejects(hub.call('CheckSidecar'), /UNAUTHORIZED: .*sidecarTokenText is not one word/);
});

describe('connecting', () => {
  test('in the background logs a failure and does not throw', async (t) => {
    const { hub } = await startHub(t);
    hub.set('sidecarUrl', 'http://127.0.0.1:1');
    const background = hub.fixture.platform.findEntity('Things', NAME);
    assert.ok(background);
    const service = hub.fixture.platform.definition(background.definitionId).services.ConnectInBackground;
    assert.ok(service?.isAsync && service.implementation.kind === 'script');
    await hub.fixture.engine.run({
      entity: background,
      service: 'ConnectInBackground',
      source: service.implementation.source,
      variables: {},
      result: { baseType: 'NOTHING' },
      principal: 'Administrator',
      depth: 0,
    });
    assert.ok(
      hub.fixture.platform.logs.some(({ message }) => /is not connected: SIDECAR_UNREACHABLE/.test(message)),
    );
    assert.equal(hub.get('connectionStatus'), 'unreachable');
  });

  test('again sends what has changed meanwhile', async (t) => {
    const { app, hub } = await startHub(t);
    hub.set('consumerGroup', 'first');
    const connect = app.hubs.connect.bind(app.hubs);
    app.hubs.connect = async (...given) => {
      if (given[1].consumerGroup === 'first') hub.set('consumerGroup', 'second');
      return connect(...given);
    };
    await row(hub, 'Connect');
    assert.equal(app.hubs.connected.get(NAME)?.settings.consumerGroup, 'second');
  });

  test('leaves the secrets to a later Connect that has replaced it', async (t) => {
    const { app, hub } = await startHub(t);
    hub.setPassword('iotHubConnectionString', SECRET);
    const connect = app.hubs.connect.bind(app.hubs);
    app.hubs.connect = async (...given) => {
      const answer = await connect(...given);
      await connect(...given);
      return answer;
    };
    assert.equal((await row(hub, 'Connect')).state, 'running');
  });
});

describe('the status properties', () => {
  const problem = {
    code: 'AZURE_UNREACHABLE',
    message: 'No route to h.',
    time: '2026-01-31T12:00:00.1234567Z',
  };

  test('take a status in part and the table of partitions', async (t) => {
    const { hub } = await startHub(t);
    const partitions = [
      {
        partition: '0',
        owner: 'a',
        offset: '1',
        sequenceNumber: 5,
        lag: 2,
        inFlight: 0,
        lastEnqueuedTime: '2026-01-31T12:00:00.5Z',
      },
    ];
    await hub.call(
      'ReceiveStatus',
      JSON.stringify({ status: { state: 'waiting', lastError: problem, partitions } }),
      'NOTHING',
    );
    assert.equal(hub.get('connectionStatus'), 'waiting');
    assert.equal(hub.get('lastErrorCode'), problem.code);
    assert.deepEqual(hub.get('lastErrorTime'), new Date('2026-01-31T12:00:00.123Z'));
    const table = hub.get('partitionStatus');
    assert.ok(table instanceof InfoTable);
    assert.deepEqual(table.rows[0]?.lastEnqueuedTime, new Date('2026-01-31T12:00:00.500Z'));
    assert.equal(table.rows[0]?.sequenceNumber, 5);
  });

  test('tell both ends of a stall once, also when it has ended before ThingWorx could be told', async (t) => {
    const { hub } = await startHub(t);
    const counters = { received: 0, delivered: 0, ignored: 0, deadLettered: 0, inFlight: 0, repeated: 0 };
    const report = (stall?: Record<string, string>) =>
      hub.call('ReceiveStatus', JSON.stringify({ status: { state: 'running', counters, stall } }), 'NOTHING');
    const cause = { code: 'INGESTION_STALLED', reason: 'Partition 0 has 5 messages.' };
    const told = () =>
      ['IngestionStalled', 'IngestionResumed'].map((event) =>
        hub.fired(event).map(({ since, seconds, code }) => [since, seconds, code]),
      );
    await report();
    assert.deepEqual(told(), [[], []]);
    const first = { ...cause, since: '2026-01-31T12:00:00.123Z' };
    await report(first);
    await report(first);
    assert.equal(told()[0]?.length, 1);
    assert.equal(hub.get('ingestionStalled'), true);
    await report({ ...first, until: '2026-01-31T12:00:40.123Z' });
    await report({ ...first, until: '2026-01-31T12:00:40.123Z' });
    assert.deepEqual(told()[1], [[new Date(first.since), 40, 'INGESTION_STALLED']]);
    assert.equal(hub.get('ingestionStalled'), false);
    await report({ ...cause, since: '2026-01-31T13:00:00.000Z', until: '2026-01-31T13:01:00.000Z' });
    assert.deepEqual(
      told().map((events) => events.length),
      [2, 2],
    );
    await report({ ...cause, since: '2026-01-31T14:00:00.000Z' });
    await report();
    assert.equal(hub.get('ingestionStalled'), false, 'a sidecar that was started anew knows of no stall');
    assert.deepEqual(
      told().map((events) => events.length),
      [3, 3],
    );
  });

  test('fire ConnectionStateChanged only when the state is another', async (t) => {
    const { hub } = await startHub(t);
    for (const state of ['connecting', 'running', 'running', 'waiting']) {
      const status = state === 'waiting' ? { state, lastError: problem } : { state };
      await hub.call('ReceiveStatus', JSON.stringify({ status }), 'NOTHING');
    }
    const states = hub
      .fired('ConnectionStateChanged')
      .map(({ previousState, state, code }) => [previousState, state, code]);
    assert.deepEqual(states, [
      ['stopped', 'connecting', ''],
      ['connecting', 'running', ''],
      ['running', 'waiting', 'AZURE_UNREACHABLE'],
    ]);
  });
});
