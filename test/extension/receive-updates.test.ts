import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Switches } from '../emulators/thingworx/switches.ts';
import { createDevice, createHub, type ExtensionPlatform, HUB, startPlatform, until } from './platform.ts';

const T0 = 1_700_000_000_000;

interface Group {
  readonly thing: string;
  readonly properties: readonly string[];
  readonly baseTypes: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

interface Answer {
  readonly accepted: number;
  readonly repeated: number;
  readonly refused: {
    thing: string;
    property?: string;
    sequenceNumber: number;
    reason: string;
    message: string;
  }[];
}

function receive({ client, sidecarKey }: ExtensionPlatform, batch: Record<string, unknown>): Promise<Answer> {
  return client.result(`Things/${HUB}`, 'ReceiveUpdates', { batch }, { key: sidecarKey });
}

const numbers = (thing: string, ...rows: readonly (readonly unknown[])[]): Group => ({
  thing,
  properties: ['temperature'],
  baseTypes: ['NUMBER'],
  rows,
});

const PLATFORMS: Record<string, Partial<Switches>> = {
  'that refuses calls with unknown properties': {},
  'that skips rows with unknown properties': {
    unknownPropertyInUpdate: 'row',
    jsonInScripts: 'native',
    rowViews: 'shared',
    nestedRights: 'caller',
  },
};

for (const [name, switches] of Object.entries(PLATFORMS)) {
  describe(`ReceiveUpdates on a platform ${name}`, () => {
    test('applies values of every base type to several Things', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform);
      const types = {
        number: 'NUMBER',
        integer: 'INTEGER',
        long: 'LONG',
        text: 'STRING',
        flag: 'BOOLEAN',
        when: 'DATETIME',
        place: 'LOCATION',
        json: 'JSON',
        table: 'INFOTABLE',
        bytes: 'BLOB',
      };
      await createDevice(platform, 'dev-1', types);
      await createDevice(platform, 'dev-2', { temperature: 'NUMBER' });
      const fields = {
        partition: {
          name: 'partition',
          baseType: 'STRING',
          description: '',
          ordinal: 1,
          aspects: { isPrimaryKey: true },
        },
      };
      const table = { dataShape: { fieldDefinitions: fields }, rows: [{ partition: '7' }] };
      const row = [
        10,
        T0,
        'GOOD',
        21.5,
        40,
        2 ** 45,
        'ä "x"',
        false,
        T0 + 5,
        { latitude: 1, longitude: 2, elevation: 3 },
        { array: [1, { a: [2] }] },
        table,
        'AQID',
      ];
      const answer = await receive(platform, {
        stream: 's1',
        partition: '3',
        through: 11,
        groups: [
          { thing: 'dev-1', properties: Object.keys(types), baseTypes: Object.values(types), rows: [row] },
          numbers('dev-2', [11, T0 + 1000, 'BAD', -1]),
        ],
      });
      assert.deepEqual(answer, { accepted: 2, repeated: 0, appliedThrough: -1, refused: [] });
      const { json } = await platform.client.get('/Things/dev-1/Properties/');
      const [read] = json.rows;
      assert.equal(read.number, 21.5);
      assert.equal(read.integer, 40);
      assert.equal(read.long, 2 ** 45);
      assert.equal(read.text, 'ä "x"');
      assert.equal(read.flag, false);
      assert.equal(read.when, T0 + 5);
      assert.equal(read.place.longitude, 2);
      assert.deepEqual(read.json, { array: [1, { a: [2] }] });
      assert.equal(read.table.rows[0].partition, '7');
      assert.equal(read.bytes, 'AQID');
      assert.equal(await platform.client.read('dev-2', 'temperature'), -1);
      assert.equal(await platform.client.read(HUB, 'partition03'), 's1:11');
    });

    test('drops what it has applied, by partition and stream', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform);
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER' });
      const batch = (through: number, ...rows: readonly (readonly unknown[])[]) => ({
        stream: 's1',
        partition: '31',
        through,
        groups: [numbers('dev-1', ...rows)],
      });
      const first = [
        [1, T0 + 1, 'GOOD', 1],
        [2, T0 + 2, 'GOOD', 2],
      ] as const;
      assert.deepEqual(await receive(platform, batch(2, ...first)), {
        accepted: 2,
        repeated: 0,
        appliedThrough: -1,
        refused: [],
      });
      const overlap = await receive(platform, batch(3, ...first, [3, T0 + 3, 'GOOD', 3]));
      assert.deepEqual(overlap, { accepted: 1, repeated: 2, appliedThrough: 2, refused: [] });
      const twice = batch(3, ...first);
      const severalRows = { ...twice, groups: [...twice.groups, numbers('dev-1', [2, T0 + 2, 'GOOD', 2])] };
      assert.equal(
        (await receive(platform, severalRows)).repeated,
        2,
        'messages are counted, not their rows',
      );
      assert.deepEqual(await receive(platform, { ...batch(2, ...first), partition: '0' }), {
        accepted: 2,
        repeated: 0,
        appliedThrough: -1,
        refused: [],
      });
      assert.deepEqual(await receive(platform, { ...batch(2, ...first), stream: 's2' }), {
        accepted: 2,
        repeated: 0,
        appliedThrough: -1,
        refused: [],
      });
      assert.equal(await platform.client.read(HUB, 'partition31'), 's2:2');
      const { stream: _, ...replay } = batch(1, [1, T0 + 9, 'GOOD', 9]);
      assert.deepEqual(await receive(platform, replay), { accepted: 1, repeated: 0, refused: [] });
      assert.equal(await platform.client.read(HUB, 'partition31'), 's2:2', 'a replay moves no mark');
      assert.equal(await platform.client.read('dev-1', 'temperature'), 9);
      const far = { ...batch(5, [5, T0 + 20, 'GOOD', 5]), partition: '32' };
      assert.equal((await receive(platform, far)).accepted, 1);
      assert.equal((await receive(platform, far)).accepted, 1, 'no mark beyond 32 partitions, so no loss');
    });

    test('reports what is refused and applies the rest', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform);
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER', count: 'INTEGER', unset: 'DATETIME' });
      const answer = await receive(platform, {
        stream: 's1',
        partition: '0',
        through: 7,
        groups: [
          {
            thing: 'dev-1',
            properties: ['temperature', 'count', 'unset', 'missing'],
            baseTypes: ['NUMBER', 'INTEGER', 'DATETIME', 'STRING'],
            rows: [
              [1, T0 + 1, 'GOOD', 1, 1, null, null],
              [2, T0 + 2, 'GOOD', 'warm', 2, null, 'x'],
              [3, T0 + 3, 'GOOD', 3, null, T0, null],
              [4, T0 + 4, 'GOOD', 4, 4, null, null],
            ],
          },
          numbers('nobody', [5, T0, 'GOOD', 1], [6, T0, 'GOOD', 2]),
          numbers('dev-1', [7, T0 + 7, 'GOOD', 7]),
        ],
      });
      assert.equal(answer.accepted, 5);
      assert.deepEqual(
        answer.refused
          .map(({ thing, property, sequenceNumber, reason }) => [thing, property, sequenceNumber, reason])
          .sort(),
        [
          ['dev-1', 'missing', 2, 'PROPERTY_NOT_FOUND'],
          ['dev-1', 'temperature', 2, 'VALUE_REFUSED'],
          ['nobody', undefined, 5, 'THING_NOT_FOUND'],
          ['nobody', undefined, 6, 'THING_NOT_FOUND'],
        ],
      );
      assert.match(answer.refused.find(({ reason }) => reason === 'VALUE_REFUSED')?.message ?? '', /./);
      assert.equal(await platform.client.read('dev-1', 'temperature'), 7);
      assert.equal(await platform.client.read('dev-1', 'count'), 4);
      assert.equal(await platform.client.read('dev-1', 'unset'), T0);
      assert.equal(await platform.client.read(HUB, 'partition00'), 's1:1', 'a lost answer is given again');
    });

    test('finds one bad value among many', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform);
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER', count: 'INTEGER' });
      const rows = Array.from({ length: 200 }, (_, i) => [i, T0 + i, 'GOOD', i === 77 ? 'bad' : i, i]);
      const group = {
        thing: 'dev-1',
        properties: ['temperature', 'count'],
        baseTypes: ['NUMBER', 'INTEGER'],
        rows,
      };
      const answer = await receive(platform, { groups: [group] });
      assert.deepEqual(
        answer.refused.map(({ property, sequenceNumber }) => [property, sequenceNumber]),
        [['temperature', 77]],
      );
      assert.equal(answer.accepted, 200);
      assert.equal(await platform.client.read('dev-1', 'temperature'), 199);
    });

    test('says what it may not do', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform);
      await platform.client.thing('private', 'GenericThing', [{ name: 'temperature', type: 'NUMBER' }]);
      const { refused } = await receive(platform, { groups: [numbers('private', [1, T0, 'GOOD', 1])] });
      assert.ok(
        ['THING_NOT_FOUND', 'NOT_AUTHORIZED'].includes(String(refused[0]?.reason)),
        JSON.stringify(refused),
      );
      assert.equal(refused[0]?.property, undefined);
    });

    test('drops what another hub Thing of the same stream has applied, values and events', async (t) => {
      const platform = await startPlatform(t, switches);
      const { client, sidecarKey } = platform;
      await createHub(platform);
      const other = 'Hub2';
      await client.thing(other, 'AzureIoT.Hub_TT');
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER' });
      const call = (hub: string, service: string, batch: Record<string, unknown>): Promise<Answer> =>
        client.result(`Things/${hub}`, service, { batch }, { key: sidecarKey });
      const values = (stream: string, through: number, from: number) => ({
        stream,
        partition: '0',
        through,
        groups: [numbers('dev-1', [from, T0 + from, 'GOOD', from], [through, T0 + through, 'GOOD', through])],
      });
      assert.equal((await call(other, 'ReceiveUpdates', values('s1', 20, 11))).repeated, 0);
      const answer = await call(HUB, 'ReceiveUpdates', values('s1', 21, 20));
      assert.deepEqual([answer.accepted, answer.repeated], [1, 1]);
      const late = await call(other, 'ReceiveUpdates', values('s1', 21, 20));
      assert.deepEqual([late.accepted, late.repeated], [0, 2], 'a sidecar that was frozen comes late');
      assert.equal((await call(HUB, 'ReceiveUpdates', values('s2', 20, 11))).repeated, 0, 'another stream');
      const events = (through: number) => ({
        stream: 's1',
        partition: '0',
        through,
        events: [{ sequenceNumber: through, data: {} }],
      });
      assert.equal((await call(other, 'ReceiveEvents', events(20))).accepted, 1);
      assert.equal((await call(HUB, 'ReceiveEvents', events(20))).repeated, 1);
      assert.equal((await call(HUB, 'ReceiveEvents', events(21))).accepted, 1);
    });

    test('refuses what is no batch', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform);
      await assert.rejects(receive(platform, { rows: [] }), /REQUEST_INVALID: batch must be an object/);
      assert.deepEqual(await receive(platform, { groups: [] }), { accepted: 0, repeated: 0, refused: [] });
    });
  });

  describe(`DescribeThings on a platform ${name}`, () => {
    test('answers template and properties, and who is missing', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform);
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER', table: 'INFOTABLE' });
      const names = { names: ['dev-1', 'nobody', 'constructor'] };
      const answer = await platform.client.result(
        `Things/${HUB}`,
        'DescribeThings',
        { names },
        { key: platform.sidecarKey },
      );
      assert.deepEqual(answer.missing, ['nobody', 'constructor']);
      const { template, properties } = answer.things['dev-1'];
      assert.equal(template, 'AzureIoT.Device_TT');
      assert.deepEqual(properties.temperature, { baseType: 'NUMBER', dataShape: '' });
      assert.deepEqual(properties.table, { baseType: 'INFOTABLE', dataShape: 'AzureIoT.Partition_DS' });
      assert.deepEqual(properties.twinReported, { baseType: 'JSON', dataShape: '' });
      for (const own of ['name', 'description', 'deviceId', 'hubThing']) assert.ok(!(own in properties), own);
    });
  });
}

test('the event TelemetryRefused tells the first refusal and how many there were', async (t) => {
  const platform = await startPlatform(t);
  await createHub(platform);
  const { client } = platform;
  await createDevice(platform, 'listener', { heard: 'STRING' });
  const xml = `<Entities><Things><Thing name="subscriber" thingTemplate="GenericThing" enabled="true"><ThingShape><PropertyDefinitions/>
    <ServiceDefinitions/><EventDefinitions/><ServiceMappings/><ServiceImplementations/><Subscriptions>
    <Subscription enabled="true" eventName="TelemetryRefused" name="s" source="${HUB}" sourceProperty="" sourceType="Thing">
    <ServiceImplementation description="" handlerName="Script" name="s"><ConfigurationTables><ConfigurationTable description="" isMultiRow="false"
    name="Script" ordinal="0"><DataShape><FieldDefinitions><FieldDefinition baseType="STRING" description="code" name="code" ordinal="0"/>
    </FieldDefinitions></DataShape><Rows><Row><code><![CDATA[Things["listener"].heard = eventData.thing + " " + eventData.reason + " " + eventData.count;]]></code>
    </Row></Rows></ConfigurationTable></ConfigurationTables></ServiceImplementation></Subscription></Subscriptions></ThingShape></Thing></Things></Entities>`;
  assert.equal((await client.importXml(xml)).status, 200);
  await receive(platform, { groups: [numbers('nobody', [1, T0, 'GOOD', 1], [2, T0, 'GOOD', 2])] });
  await until(
    'the event',
    async () => (await client.read('listener', 'heard')) === 'nobody THING_NOT_FOUND 2',
  );
});
