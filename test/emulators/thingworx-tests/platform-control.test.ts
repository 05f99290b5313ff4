import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ThingworxEmulator } from '../thingworx/emulator.ts';
import {
  entities,
  metadata,
  property,
  shapeBlocks,
  thing,
  until,
  updates,
  withPlatform,
  zip,
} from './platform-support.ts';

describe('faults', () => {
  test('a status for chosen requests, counted, after some are let through', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [{ name: 'a', type: 'NUMBER' }]);
      const fault = await client.control('POST', '/faults', {
        action: 'status',
        status: 503,
        path: '/Things/T/',
        method: 'PUT',
        skip: 1,
        count: 2,
        body: 'busy',
      });
      const statuses = [];
      for (let index = 0; index < 5; index += 1) {
        statuses.push((await client.write('T', { a: index })).status);
      }
      assert.deepEqual(statuses, [200, 503, 503, 200, 200]);
      assert.equal((await client.get('/Things/T/Properties/a')).status, 200);
      const { faults } = await client.control('GET', '/faults');
      assert.deepEqual([faults[0].id, faults[0].applied], [fault.id, 2]);
      await client.control('DELETE', `/faults/${fault.id}`);
      assert.deepEqual((await client.control('GET', '/faults')).faults, []);
    });
  });

  test('connections dropped before and after the work, and answers cut in half', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [{ name: 'a', type: 'NUMBER' }]);
      await client.control('POST', '/faults', { action: 'drop', count: 1, method: 'PUT' });
      await assert.rejects(client.write('T', { a: 1 }));
      assert.equal(await client.read('T', 'a'), 0);
      await client.control('POST', '/faults', { action: 'dropAnswer', count: 1, method: 'PUT' });
      await assert.rejects(client.write('T', { a: 2 }));
      assert.equal(await client.read('T', 'a'), 2);
      await client.control('POST', '/faults', { action: 'half', count: 1, path: '/Properties' });
      await assert.rejects(client.get('/Things/T/Properties/'));
      assert.equal(await client.read('T', 'a'), 2);
    });
  });

  test('an answer that comes late: the work is done before', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [{ name: 'a', type: 'NUMBER' }]);
      await client.control('POST', '/faults', {
        action: 'delayAnswer',
        delayMs: 300,
        count: 1,
        method: 'PUT',
      });
      let answered = false;
      const writing = client.write('T', { a: 1 }).then(() => {
        answered = true;
      });
      await until('the work', async () => (await client.read('T', 'a')) === 1);
      assert.equal(answered, false);
      await writing;
    });
  });

  test('a clock that is off: the Date of all answers, and the end of application keys', async () => {
    await withPlatform({}, async (client) => {
      const services = 'Resources/EntityServices';
      const expirationDate = Date.now() + 3_600_000;
      await client.result(services, 'CreateApplicationKey', {
        name: 'HourKey',
        user: 'Administrator',
        expirationDate,
      });
      const key = String(await client.result('ApplicationKeys/HourKey', 'GetKeyID'));
      const look = async (path = '/Things') => {
        const { status, headers } = await client.get(path, { key });
        return { status, aheadMs: Date.parse(headers.get('date') ?? '') - Date.now() };
      };
      const near = ({ aheadMs }: { aheadMs: number }, expectedMs: number) =>
        assert.ok(Math.abs(aheadMs - expectedMs) < 60_000, `${aheadMs} instead of ${expectedMs}`);
      near(await look(), 0);
      const day = 86_400_000;
      await client.control('POST', '/clock', { offsetMs: day });
      const ahead = await look();
      near(ahead, day);
      assert.equal(ahead.status, 401, 'for the server the key is over');
      near(await look('/Nothing'), day);
      await client.control('POST', '/clock', { offsetMs: -day });
      const behind = await look();
      near(behind, -day);
      assert.equal(behind.status, 200);
      await client.control('DELETE', '/faults');
      near(await look(), 0);
      assert.match((await client.control('POST', '/clock', { offsetMs: 'x' })).error, /offsetMs/);
    });
  });

  test('a delay, and a server that refuses connections for a while', async () => {
    await withPlatform({}, async (client) => {
      await client.control('POST', '/faults', { action: 'delay', delayMs: 150, count: 1 });
      const start = performance.now();
      await client.get('/Things');
      assert.ok(performance.now() - start >= 140);
      await client.control('POST', '/faults', { action: 'refuse' });
      await assert.rejects(client.get('/Things'));
      await client.control('DELETE', '/faults');
      assert.equal((await client.get('/Things')).status, 200);
      await client.control('POST', '/faults', { action: 'refuse', forMs: 50 });
      await until(
        'the server',
        async () => (await client.get('/Things').catch(() => undefined))?.status === 200,
      );
    });
  });

  test('nonsense is refused with a reason', async () => {
    await withPlatform({}, async (client) => {
      assert.match(
        (await client.control('POST', '/faults', { action: 'explode' })).error,
        /action must be one of/,
      );
      assert.match((await client.control('POST', '/faults', { action: 'delay' })).error, /delayMs/);
      assert.match((await client.control('PUT', '/switches', { nope: 1 })).error, /no switch nope/);
      assert.match(
        (await client.control('PUT', '/switches', { nestedRights: 'x' })).error,
        /nestedRights takes/,
      );
      assert.match((await client.control('GET', '/nothing')).error, /does not exist/);
    });
  });
});

interface Live {
  total: number;
  matching: number;
  writes: number;
  things: { name: string; properties: { name: string; value: string }[] }[];
  faults: string[];
  messages: unknown[];
}

/** What the page polls. */
async function live(emulator: ThingworxEmulator, named = ''): Promise<Live> {
  return (await (await fetch(`${emulator.url}/live.json?named=${named}`)).json()) as Live;
}

test('every switch is described', async () => {
  const folder = join(import.meta.dirname, '..', 'thingworx');
  const pages = ['README-platform.md', 'README-scripts.md'].map((name) =>
    readFile(join(folder, name), 'utf8'),
  );
  const rows = (await Promise.all(pages)).join('\n').split('\n');
  await withPlatform({}, async (client) => {
    const switches = await client.control('GET', '/switches');
    for (const [name, value] of Object.entries(switches)) {
      const row = rows.find((line) => line.startsWith(`| ${name} `));
      assert.match(
        row ?? '',
        new RegExp(`^\\| ${name} +\\| ${value}, `),
        `${name}: the default stands first`,
      );
    }
  });
});

describe('the page', () => {
  test('shows Things and their values, no passwords', async () => {
    await withPlatform({}, async (client, emulator) => {
      await client.thing('T', 'GenericThing', [
        { name: 'a', type: 'NUMBER' },
        { name: 'p', type: 'PASSWORD' },
      ]);
      await client.write('T', { a: 7, p: 'hunter2' });
      const page = await (await fetch(`${emulator.url}/`)).text();
      assert.match(page, /<title>ThingWorx emulator<\/title>/);
      const data = await live(emulator);
      assert.deepEqual(
        data.things.map((one) => one.name),
        ['T'],
      );
      assert.deepEqual(
        data.things[0]?.properties.map((one) => [one.name, one.value]),
        [['a', '7']],
      );
      assert.equal(data.writes, 2);
    });
  });

  test('finds Things by a part of their name, in the order that people expect', async () => {
    await withPlatform({}, async (client, emulator) => {
      for (const name of ['pump-10', 'pump-9', 'Valve']) await client.thing(name, 'GenericThing');
      const names = async (named: string) => (await live(emulator, named)).things.map(({ name }) => name);
      assert.deepEqual(await names(''), ['pump-9', 'pump-10', 'Valve']);
      assert.deepEqual(await names('PUMP'), ['pump-9', 'pump-10']);
      assert.deepEqual(await names('nothing'), []);
      const { total, matching } = await live(emulator, 'valve');
      assert.deepEqual([total, matching], [3, 1]);
    });
  });

  test('tells of faults, which do not hit it, and of warnings and errors', async () => {
    await withPlatform({}, async (client, emulator) => {
      assert.deepEqual((await live(emulator)).messages, []);
      await client.control('POST', '/faults', { action: 'status', status: 503 });
      await client.control('POST', '/faults', { action: 'delay', delayMs: 1, count: 0 });
      assert.equal((await client.get('/Things')).status, 503);
      assert.deepEqual((await live(emulator)).faults, [
        'status 503 for any request to any address, applied 1 times',
      ]);
      await client.control('DELETE', '/faults');
      await client.importXml(entities(thing('X', 'Missing')));
      const { faults, messages } = await live(emulator);
      assert.deepEqual(faults, []);
      assert.match(JSON.stringify(messages), /ERROR.*Missing/);
    });
  });

  test('its control endpoint answers no web page', async () => {
    await withPlatform({}, async (client, emulator) => {
      const answer = await fetch(`${emulator.controlUrl}/faults`, {
        method: 'POST',
        headers: { origin: 'http://example.com' },
        body: JSON.stringify({ action: 'drop' }),
      });
      assert.equal(answer.status, 403);
      assert.deepEqual((await client.control('GET', '/faults')).faults, []);
    });
  });
});

describe('a data directory', () => {
  test('keeps entities, persistent values, history, keys, rights and extensions over a restart', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'thingworx-data-'));
    try {
      let key = '';
      let appKey = '';
      await withPlatform({ dataDirectory }, async (client, emulator) => {
        appKey = emulator.appKey;
        const archive = await zip({
          'metadata.xml': metadata('Ext', '1.2.3'),
          'Entities/a.xml': entities(
            thing(
              'FromExt',
              'GenericThing',
              shapeBlocks({ services: [{ name: 'S', result: 'STRING', code: 'result = "s";' }] }),
            ),
          ),
          'ui/Ext/file.txt': 'f',
        });
        assert.equal((await client.upload(archive)).status, 200);
        await client.thing('Stream', 'ValueStream');
        await client.thing('T', 'GenericThing', [
          { name: 'kept', type: 'JSON', persistent: true },
          { name: 'lost', type: 'NUMBER' },
          { name: 'n', type: 'NUMBER', logged: true },
          { name: 'secret', type: 'PASSWORD', persistent: true },
        ]);
        await client.result('Things/T', 'SetValueStream', { name: 'Stream' });
        await client.write('T', { kept: { $: 'x', a: [1] }, lost: 5, secret: 'hunter2' });
        await client.result(
          'Things/T',
          'UpdatePropertyValues',
          updates([
            { name: 'n', time: 1_700_000_000_000, value: 1 },
            { name: 'n', time: 1_700_000_000_001, value: 2 },
          ]),
        );
        await client.thing('Gone');
        await client.call('DELETE', '/Things/Gone');
        await client.result('Resources/EntityServices', 'CreateUser', { name: 'eve', password: 'e' });
        await client.result('Resources/EntityServices', 'CreateApplicationKey', {
          name: 'EveKey',
          user: 'eve',
        });
        key = String(await client.result('ApplicationKeys/EveKey', 'GetKeyID'));
        await client.result('Resources/CollectionFunctions', 'AddCollectionVisibilityPermission', {
          collectionName: 'Things',
          principal: 'Everyone',
          principalType: 'Organization',
        });
      });
      const journal = await readFile(join(dataDirectory, 'journal.jsonl'), 'utf8');
      assert.ok(!journal.includes('hunter2'));
      await withPlatform({ dataDirectory }, async (client, emulator) => {
        assert.equal(emulator.appKey, appKey);
        assert.deepEqual(await client.read('T', 'kept'), { $: 'x', a: [1] });
        assert.equal(await client.read('T', 'lost'), 0);
        assert.equal(
          emulator.platform.properties
            .read(emulator.platform.visible('Things', 'T', 'Administrator'), 'secret')
            .value?.toString(),
          '********',
        );
        const history = await client.result('Things/T', 'QueryNumberPropertyHistory', { propertyName: 'n' });
        assert.deepEqual(
          history.rows.map((row: { value: number }) => row.value),
          [2, 1],
        );
        assert.equal((await client.get('/Things/Gone')).status, 404);
        assert.equal((await client.get('/Things/T/Properties/kept', { key })).status, 403);
        assert.equal(await client.result('Things/FromExt', 'S'), 's');
        assert.equal((await client.get('/Common/extensions/Ext/ui/Ext/file.txt')).text, 'f');
        const list = await client.result('Subsystems/PlatformSubsystem', 'GetExtensionPackageList');
        assert.deepEqual(
          list.rows.map((row: { packageVersion: string }) => row.packageVersion),
          ['1.2.3'],
        );
        assert.match(
          (await client.upload(await zip({ 'metadata.xml': metadata('Ext', '1.2.2') }))).text,
          /Not Acceptable/,
        );
      });
    } finally {
      await rm(dataDirectory, { recursive: true, force: true });
    }
  });
});

describe('the process', () => {
  test('prints one JSON line, serves, and ends on SIGTERM', async () => {
    const main = fileURLToPath(new URL('../thingworx/main.ts', import.meta.url));
    const child = spawn(process.execPath, [main, '--app-key', 'my-key'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      const ready = JSON.parse(line) as { url: string; controlUrl: string; appKey: string };
      assert.equal(ready.appKey, 'my-key');
      const answer = await fetch(`${ready.url}/Thingworx/Things`, {
        headers: { appKey: 'my-key', accept: 'application/json' },
      });
      assert.equal(answer.status, 200);
      await answer.text();
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('a taken port ends with one line and exit code 1', async () => {
    await withPlatform({}, async (_client, emulator) => {
      const main = fileURLToPath(new URL('../thingworx/main.ts', import.meta.url));
      const port = new URL(emulator.url).port;
      const child = spawn(process.execPath, [main, '--port', port], { stdio: ['ignore', 'ignore', 'pipe'] });
      let text = '';
      child.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      const [code] = await once(child, 'exit');
      assert.equal(code, 1);
      assert.match(text, /did not start: .*EADDRINUSE/);
    });
  });
});

test('thousands of values in one call', async () => {
  await withPlatform({}, async (client) => {
    await client.importXml(
      entities(
        thing(
          'T',
          'GenericThing',
          shapeBlocks({ properties: property('n', 'NUMBER', { dataChangeType: 'ALWAYS' }) }),
        ),
      ),
    );
    const rows = Array.from({ length: 5_000 }, (_, index) => ({
      name: 'n',
      time: 1_700_000_000_000 + index,
      value: index,
    }));
    assert.equal((await client.service('Things/T', 'UpdatePropertyValues', updates(rows))).status, 200);
    assert.equal(await client.read('T', 'n'), 4_999);
  });
});
