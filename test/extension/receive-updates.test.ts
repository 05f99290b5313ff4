import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PACKAGE_SHAPE } from '../../extension/entities/hub-inbound.ts';
import type { Switches } from '../emulators/thingworx/switches.ts';
import { batchOf, type Group } from './batch.ts';
import {
  createDevice,
  createHub,
  deleteThings,
  type ExtensionPlatform,
  HUB,
  startPlatform,
  until,
} from './platform.ts';

const T0 = 1_700_000_000_000;

interface Answer {
  readonly busy?: boolean;
  readonly taken?: boolean;
  readonly accepted: number;
  readonly repeated: number;
  readonly refused: {
    thing: string;
    property?: string;
    sequenceNumber: number;
    reason: string;
    message: string;
    index?: number;
    fired?: boolean;
  }[];
}

type Batch = Readonly<Record<string, unknown>> & { readonly groups?: readonly Group[] };

function receive(platform: ExtensionPlatform, batch: Batch): Promise<Answer> {
  return call(platform, HUB, 'ReceiveUpdates', batch);
}

const numbers = (thing: string, ...rows: readonly (readonly unknown[])[]): Group => ({
  thing,
  properties: ['temperature'],
  baseTypes: ['NUMBER'],
  rows,
});

function call(
  { client, sidecarKey }: ExtensionPlatform,
  hub: string,
  service: string,
  { groups, ...more }: Batch,
): Promise<Answer> {
  const batch = { ...more, ...(groups ? batchOf(groups) : {}) };
  return client.result(`Things/${hub}`, service, { batch }, { key: sidecarKey });
}

/** Asks for the partition 0. */
function ask(platform: ExtensionPlatform, hub: string, writer: string, stream = 's1'): Promise<Answer> {
  return call(platform, hub, 'ReceiveUpdates', { stream, partition: '0', writer, opens: true, groups: [] });
}

async function open(platform: ExtensionPlatform, hub: string, writer: string, stream?: string) {
  const { busy, taken } = await ask(platform, hub, writer, stream);
  assert.deepEqual([busy, taken], [false, false]);
}

/** Values with the sequence numbers `from` to `through`. */
const values = (writer: string, through: number, from: number) => ({
  stream: 's1',
  partition: '0',
  writer,
  through,
  groups: [
    numbers(
      'dev-1',
      ...Array.from({ length: through - from + 1 }, (_, i) => [from + i, T0 + from + i, 'GOOD', from + i]),
    ),
  ],
});

const events = (writer: string, through: number) => ({
  stream: 's1',
  partition: '0',
  writer,
  through,
  events: [{ sequenceNumber: through, data: {} }],
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
  test(`ReceiveUpdates on a platform ${name}`, async (t) => {
    const platform = await startPlatform(t, switches);
    /** A test with a hub Thing. It leaves neither that nor the Things of devices to the next one. */
    const withHub = (what: string, check: () => Promise<void>) =>
      t.test(what, async (t) => {
        t.after(() => deleteThings(platform));
        await createHub(platform);
        await check();
      });

    await withHub('applies values of every base type to several Things', async () => {
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

    await withHub('drops what it has applied, by partition and stream', async () => {
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

    await withHub('reports what is refused and applies the rest', async () => {
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

    await withHub('finds one bad value among many', async () => {
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

    await withHub('accounts for every value, however many are refused', async () => {
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER', text: 'STRING' });
      const group = {
        thing: 'dev-1',
        properties: ['temperature', 'text'],
        baseTypes: ['NUMBER', 'STRING'],
        rows: Array.from({ length: 900 }, (_, i) => [i, T0 + i, 'GOOD', i % 2 ? 'warm' : i, `t${i}`]),
      };
      let rows: readonly (readonly unknown[])[] = group.rows;
      const refused: number[] = [];
      let calls = 0;
      for (; rows.length > 0 && calls < 50; calls += 1) {
        const answer = await receive(platform, {
          stream: 's1',
          partition: '0',
          through: calls === 0 ? 899 : undefined,
          groups: [{ ...group, rows }],
        });
        const undecided = new Set<unknown>();
        for (const { property, sequenceNumber, reason } of answer.refused) {
          assert.equal(property, 'temperature', 'the other property is not affected');
          if (reason === 'UNDECIDED') undecided.add(sequenceNumber);
          else refused.push(sequenceNumber);
        }
        rows = rows.filter(([sequenceNumber]) => undecided.has(sequenceNumber));
      }
      assert.ok(calls >= 2, 'a call tries so many values and leaves the others to the next one');
      assert.deepEqual(
        refused,
        Array.from({ length: 450 }, (_, i) => 2 * i + 1),
      );
      assert.equal(await platform.client.read('dev-1', 'temperature'), 898);
      assert.equal(await platform.client.read('dev-1', 'text'), 't899');
      assert.equal(await platform.client.read(HUB, 'partition00'), 's1:0', 'before the first refusal');
    });

    await withHub('says what it may not do', async () => {
      await platform.client.thing('private', 'GenericThing', [{ name: 'temperature', type: 'NUMBER' }]);
      const { refused } = await receive(platform, { groups: [numbers('private', [1, T0, 'GOOD', 1])] });
      assert.ok(
        ['THING_NOT_FOUND', 'NOT_AUTHORIZED'].includes(String(refused[0]?.reason)),
        JSON.stringify(refused),
      );
      assert.equal(refused[0]?.property, undefined);
    });

    await withHub(
      'lets the writer alone apply values and events that has opened the partition last',
      async () => {
        await createDevice(platform, 'dev-1', { temperature: 'NUMBER' });
        const { client } = platform;
        assert.equal((await receive(platform, values('first', 1, 1))).taken, true, 'it has not opened it');
        await open(platform, HUB, 'first');
        assert.deepEqual(await receive(platform, values('first', 1, 1)), {
          accepted: 1,
          repeated: 0,
          appliedThrough: -1,
          refused: [],
        });
        await open(platform, HUB, 'second');
        for (const batch of [values('first', 2, 2), { ...values('first', 2, 2), through: undefined }])
          assert.deepEqual(await receive(platform, batch), {
            accepted: 0,
            repeated: 0,
            refused: [],
            taken: true,
          });
        assert.equal(await client.read('dev-1', 'temperature'), 1);
        assert.deepEqual((await call(platform, HUB, 'ReceiveEvents', events('first', 2))).taken, true);
        assert.equal((await call(platform, HUB, 'ReceiveEvents', events('second', 2))).accepted, 1);
        assert.equal((await receive(platform, values('second', 2, 1))).repeated, 1);
        const unmarked = { ...values('second', 1, 1), through: undefined };
        assert.equal((await receive(platform, unmarked)).accepted, 1, 'no mark, so no repeat');
        await assert.rejects(call(platform, HUB, 'ReceiveEvents', { ...events('second', 3), events: 1 }));
        assert.equal(await client.read(HUB, 'call00'), '', 'no call is under way');
        const note = `${Date.now()} third`;
        const meanwhile = [{ sequenceNumber: 3, values: { call00: note }, data: {} }];
        await call(platform, HUB, 'ReceiveEvents', { ...events('second', 3), events: meanwhile });
        assert.equal(await client.read(HUB, 'call00'), note, 'the note of another call stays');
      },
    );

    await withHub('says of an event that it refuses whether it was fired', async () => {
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER' });
      await platform.client.write('dev-1', { hubThing: HUB });
      const data = { deviceId: 'dev-1', state: 'Connected', time: T0 };
      const event = { sequenceNumber: 1, thing: 'dev-1', event: 'DeviceConnectionChanged', data };
      // The user of the sidecar may not delete Things before GrantPermissions.
      const removed = { ...event, remove: { thing: 'dev-1', how: 'delete' } };
      const unknown = { ...event, event: 'NoSuchEvent' };
      const { accepted, refused } = await call(platform, HUB, 'ReceiveEvents', {
        events: [event, removed, unknown],
      });
      assert.equal(accepted, 1);
      assert.deepEqual(
        refused.map(({ index, fired }) => [index, fired]),
        [
          [1, true],
          [2, false],
        ],
      );
    });

    await withHub('opens a partition when no call of an earlier writer runs', async () => {
      await platform.client.write(HUB, { call00: `${Date.now()} first` });
      assert.equal((await ask(platform, HUB, 'second')).busy, true);
      await platform.client.write(HUB, { call00: `${Date.now() - 60_000} first` });
      assert.equal((await ask(platform, HUB, 'second')).busy, false, 'the platform has ended that script');
      await platform.client.write(HUB, { call00: `${Date.now() + 3_600_000} first` });
      assert.equal((await ask(platform, HUB, 'second')).busy, true, 'the clock was put back');
      const [since, writer] = String(await platform.client.read(HUB, 'call00')).split(' ');
      assert.ok(Number(since) <= Date.now(), 'it counts from now on');
      assert.equal(writer, 'first');
    });

    await withHub(
      'a second hub Thing of the same stream goes on after what the first has applied',
      async () => {
        const other = 'Hub2';
        await platform.client.thing(other, 'AzureIoT.Hub_TT');
        await createDevice(platform, 'dev-1', { temperature: 'NUMBER' });
        await open(platform, other, 'first');
        assert.equal((await call(platform, other, 'ReceiveUpdates', values('first', 20, 11))).repeated, 0);
        assert.equal((await call(platform, other, 'ReceiveEvents', events('first', 20))).accepted, 1);
        await platform.client.write(other, { call00: `${Date.now()} first` });
        assert.equal((await ask(platform, HUB, 'second')).busy, true, 'a call to the other hub Thing runs');
        await platform.client.write(other, { call00: '' });
        await open(platform, HUB, 'second');
        const answer = await receive(platform, values('second', 21, 20));
        assert.deepEqual([answer.accepted, answer.repeated], [1, 1]);
        assert.equal((await call(platform, HUB, 'ReceiveEvents', events('second', 20))).repeated, 1);
        const late = await call(platform, other, 'ReceiveUpdates', values('first', 21, 20));
        assert.equal(late.taken, true, 'a sidecar that was frozen comes late');
        await open(platform, HUB, 'third', 's2');
        const anew = { ...values('third', 20, 11), stream: 's2' };
        assert.equal((await receive(platform, anew)).repeated, 0, 'another stream');
      },
    );

    await withHub('applies each message once, however many writers send it at the same time', async () => {
      await platform.client.thing('Hub2', 'AzureIoT.Hub_TT');
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER' });
      let accepted = 0;
      const MESSAGES = 40;
      const write = async (hub: string, name: string) => {
        for (let life = 0; life < 5_000; life += 1) {
          const writer = `${name}${life}`;
          const { busy, taken } = await ask(platform, hub, writer);
          if (busy || taken) continue;
          const mark = String(await platform.client.read(hub, 'partition00'));
          const next = Number(mark.split(':')[1] || 0) + 1;
          if (next > MESSAGES) return;
          // A writer repeats what is before the mark, too, as one that begins at an old checkpoint.
          const answer = await call(platform, hub, 'ReceiveUpdates', values(writer, next, 1));
          accepted += answer.accepted;
        }
      };
      await Promise.all([write(HUB, 'a'), write(HUB, 'b'), write('Hub2', 'c'), write('Hub2', 'd')]);
      assert.equal(accepted, MESSAGES);
    });

    await withHub('refuses what is no batch', async () => {
      await assert.rejects(receive(platform, { rows: [] }), /REQUEST_INVALID: batch must be an object/);
      assert.deepEqual(await receive(platform, { groups: [] }), { accepted: 0, repeated: 0, refused: [] });
    });

    await withHub('DescribeThings answers template and properties, and who is missing', async () => {
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER', table: 'INFOTABLE' });
      await createDevice(platform, 'dev-2', { temperature: 'NUMBER', table: 'INFOTABLE' });
      await createDevice(platform, 'other', {});
      const names = { names: ['dev-1', 'nobody', 'dev-2', 'constructor', 'other'] };
      const answer = await platform.client.result(
        `Things/${HUB}`,
        'DescribeThings',
        { names },
        { key: platform.sidecarKey },
      );
      assert.deepEqual(answer.missing, ['nobody', 'constructor']);
      const { template, properties: set } = answer.things['dev-1'];
      const properties = answer.propertySets[set];
      assert.equal(answer.things['dev-2'].properties, set, 'the same properties, once');
      assert.notEqual(answer.things.other.properties, set);
      assert.equal(template, 'AzureIoT.Device_TT');
      assert.deepEqual(properties.temperature, { baseType: 'NUMBER', dataShape: '' });
      assert.deepEqual(properties.table, { baseType: 'INFOTABLE', dataShape: 'AzureIoT.Partition_DS' });
      // The tables of each device are known without reading its metadata.
      const other = answer.propertySets[answer.things.other.properties];
      const tables = [properties, other].map(({ softwarePackages }) => softwarePackages);
      const expected = { baseType: 'INFOTABLE', dataShape: PACKAGE_SHAPE };
      assert.deepEqual(tables, [expected, expected]);
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
