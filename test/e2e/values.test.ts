import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { registerDevices } from '../../scripts/local/registry.ts';
import { HUB_THING } from '../../scripts/local/system.ts';
import { Auditor, deadLetters, Listener, type StoredEvent, store } from './instruments.ts';
import { accounts, eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

/** The characters that IoT Hub allows in device ids beside letters and digits. */
const DEVICE_ID_CHARACTERS = [..."-.+%_#*?!(),:=@$'"];

/** What a message says and what Things then hold: base types, policies for what is unknown, and bodies that mean harm. */
describe('values, policies and hostile bodies on the whole delivery pipeline', () => {
  const system = new WatchedSystem({ devices: 1, localCheckpoints: true });
  const auditor = new Auditor(() => system.sidecar.url);
  let listener: Listener;

  before(async () => {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    listener = new Listener(system, 'Events');
    await listener.listen([
      { thing: HUB_THING, event: 'ThingCreated', expression: 'eventData.thing + " " + eventData.template' },
      {
        thing: HUB_THING,
        event: 'PropertyCreated',
        expression: 'eventData.thing + " " + eventData.property + " " + eventData.baseType',
      },
    ]);
    auditor.start();
  });
  after(async () => {
    await auditor.end();
    await system.stop();
  });

  const device = () => system.devices[0] ?? assert.fail('There is no device.');

  /** A reading by the device SDK after all else, on its Thing: the lane of that partition goes on. */
  async function goodStillArrives(): Promise<void> {
    await device().sendReading();
    await eventually(async () =>
      assert.equal(
        (await system.platform.properties(device().deviceId))['count'],
        device().sent.at(-1)?.count,
      ),
    );
  }

  async function use(settings: Record<string, unknown>): Promise<void> {
    await system.platform.setProperties(HUB_THING, settings);
    // The hub Thing hands a changed setting over by itself; this only waits until it has.
    await system.platform.invoke(HUB_THING, 'Connect');
  }

  const lettersOf = (deviceId: string) => deadLetters(system, { deviceId });
  const lastLettersOf = (deviceId: string, count: number) =>
    eventually(async () => {
      const letters = await lettersOf(deviceId);
      assert.equal(letters.length, count);
      return letters;
    });

  // Must be the first test: the Things of later ones stand for devices that the hub does not know, and ask for their twins.
  test('Things that are made for messages show the twins of their devices, and ask for none', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `registered-${index}`);
    await registerDevices(system.cloud.iotHubConnectionString, names);
    const { unknownThing, unknownProperty } = await system.platform.properties(HUB_THING);
    await use({ unknownThing: 'create', unknownProperty: 'create' });
    await store(
      system,
      names.map((deviceId) => ({ deviceId, body: { level: 1 } })),
    );
    for (const name of names)
      await eventually(async () => {
        const { level, twinDesired, twinTags } = await system.platform.properties(name);
        assert.equal(level, 1);
        assert.equal((twinDesired as { $version?: number } | undefined)?.$version, 1);
        assert.ok((twinTags as { $version?: number } | undefined)?.$version);
      });
    const metrics = await (await fetch(`${system.sidecar.url}/metrics`)).text();
    const asked = metrics.split('\n').filter((line) => line.includes('/DeferTwin"'));
    assert.deepEqual(asked, []);
    await use({ unknownThing, unknownProperty });
  });

  test('one message with every base type but PASSWORD, which telemetry may not set: the Thing holds the right value of each', async () => {
    const picture = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255]).toString('base64');
    const cases: Record<string, { type: string; sent: unknown; held?: unknown }> = {
      aString: { type: 'STRING', sent: 'Grüße' },
      aText: { type: 'TEXT', sent: 'line\nline' },
      aNumber: { type: 'NUMBER', sent: -21.5 },
      anInteger: { type: 'INTEGER', sent: 2_147_483_647 },
      aLong: { type: 'LONG', sent: 9_007_199_254_740_991 },
      aBoolean: { type: 'BOOLEAN', sent: 'TRUE', held: true },
      aDateTime: { type: 'DATETIME', sent: '2024-01-02T03:04:05.678+02:00', held: 1_704_157_445_678 },
      aLocation: {
        type: 'LOCATION',
        sent: '48.1,11.6,520',
        held: { latitude: 48.1, longitude: 11.6, elevation: 520 },
      },
      aJson: { type: 'JSON', sent: { deep: { list: [1, null, 'x'] } } },
      aTable: {
        type: 'INFOTABLE',
        sent: { rows: [{ partition: '0', lag: 3 }] },
      },
      anHtml: { type: 'HTML', sent: '<b>ok</b>' },
      anXml: { type: 'XML', sent: '<a><b>1</b></a>' },
      anImage: { type: 'IMAGE', sent: picture },
      aBlob: { type: 'BLOB', sent: picture },
      aHyperlink: { type: 'HYPERLINK', sent: 'https://example.com/?a=1&b=2' },
      anImageLink: { type: 'IMAGELINK', sent: 'https://example.com/a.png' },
      aGuid: { type: 'GUID', sent: '0b6f5a4e-6a0d-4f0e-9d4e-3f4f8d2a1c11' },
      aThingName: { type: 'THINGNAME', sent: HUB_THING },
      aUserName: { type: 'USERNAME', sent: 'Administrator' },
      aGroupName: { type: 'GROUPNAME', sent: 'Administrators' },
      aMashupName: { type: 'MASHUPNAME', sent: 'Overview' },
      aMenuName: { type: 'MENUNAME', sent: 'Main' },
      aDashboardName: { type: 'DASHBOARDNAME', sent: 'Line 1' },
      aNotification: { type: 'NOTIFICATIONDEFINITIONNAME', sent: 'Alarm' },
      aNotificationContent: { type: 'NOTIFICATIONCONTENTNAME', sent: 'Mail' },
      aThingCode: { type: 'THINGCODE', sent: '4711:3' },
      aVec2: { type: 'VEC2', sent: [1, 2.5], held: { x: 1, y: 2.5 } },
      aVec3: { type: 'VEC3', sent: { x: 1, y: 2, z: 3 }, held: { x: 1, y: 2, z: 3 } },
      aVec4: { type: 'VEC4', sent: '1,2,3,4', held: { w: 4, x: 1, y: 2, z: 3 } },
      aQuery: { type: 'QUERY', sent: { filters: { type: 'GT', fieldName: 'v', value: 1 } } },
    };
    const thing = 'every-type';
    await system.platform.createThing(thing, 'AzureIoT.Device_TT');
    for (const [name, { type }] of Object.entries(cases)) {
      await system.platform.invoke(thing, 'AddPropertyDefinition', {
        name,
        type,
        description: '',
        category: '',
        dataShape: type === 'INFOTABLE' ? 'AzureIoT.Partition_DS' : '',
        readOnly: false,
        persistent: false,
        logged: false,
        dataChangeType: 'VALUE',
        remote: false,
      });
    }
    const body = Object.fromEntries(Object.entries(cases).map(([name, { sent }]) => [name, sent]));
    await store(system, [{ deviceId: thing, body }]);
    await eventually(async () => {
      const letters = (await lettersOf(thing)).map(({ property, reason }) => `${property}: ${reason}`);
      assert.deepEqual(letters, []);
      const values = await system.platform.properties(thing);
      assert.equal(values['aNumber'], -21.5);
    });
    const values = await system.platform.properties(thing);
    for (const [name, { type, sent, held = sent }] of Object.entries(cases)) {
      if (type === 'INFOTABLE') {
        const { rows } = values[name] as { rows: Record<string, unknown>[] };
        assert.equal(rows[0]?.['lag'], 3, name);
      } else assert.deepEqual(values[name], held, name);
    }
  });

  test('unknownThing: dead-letter, then ignore, then create, changed while it runs', async () => {
    const stranger = 'stranger-1';
    await store(system, [{ deviceId: stranger, body: { level: 1 } }]);
    assert.equal((await lastLettersOf(stranger, 1))[0]?.code, 'THING_UNKNOWN');

    await use({ unknownThing: 'ignore' });
    const { ignored } = await accounts(system);
    await store(system, [{ deviceId: stranger, body: { level: 2 } }]);
    await eventually(async () => assert.equal((await accounts(system)).ignored, ignored + 1));
    assert.equal((await lettersOf(stranger)).length, 1);

    await use({ unknownThing: 'create', unknownProperty: 'create' });
    await store(system, [
      {
        deviceId: stranger,
        body: {
          level: 3.5,
          name2: 'x',
          on: true,
          at: '2024-01-02T03:04:05Z',
          where: { latitude: 1, longitude: 2 },
          more: { a: [1] },
        },
      },
    ]);
    await eventually(async () => {
      const values = await system.platform.properties(stranger);
      assert.equal(values['level'], 3.5);
      assert.equal(values['name2'], 'x');
      assert.equal(values['on'], true);
      assert.equal(values['at'], Date.parse('2024-01-02T03:04:05Z'));
      assert.deepEqual(values['more'], { a: [1] });
      assert.equal((values['where'] as { longitude?: number }).longitude, 2);
      assert.equal(values['deviceId'], stranger);
      assert.equal(values['hubThing'], HUB_THING);
    });
    await eventually(async () => {
      const heard = async (index: number) =>
        (await listener.heard(index)).filter((line) => line.startsWith(`${stranger} `));
      assert.deepEqual(await heard(0), [`${stranger} AzureIoT.Device_TT`]);
      assert.deepEqual((await heard(1)).toSorted(), [
        `${stranger} at DATETIME`,
        `${stranger} level NUMBER`,
        `${stranger} more JSON`,
        `${stranger} name2 STRING`,
        `${stranger} on BOOLEAN`,
        `${stranger} where LOCATION`,
      ]);
    });
  });

  test('unknownProperty: dead-letter, then ignore, then create, changed while it runs', async () => {
    const thing = 'partly-known';
    await system.platform.createThing(thing, 'AzureIoT.Device_TT');
    await system.platform.addProperty(thing, 'known', 'NUMBER');
    const known = (value: number) =>
      eventually(async () => assert.equal((await system.platform.properties(thing))['known'], value));

    await use({ unknownThing: 'dead-letter', unknownProperty: 'dead-letter' });
    await store(system, [{ deviceId: thing, body: { known: 1, extra: 1 } }]);
    const [letter] = await lastLettersOf(thing, 1);
    assert.deepEqual([letter?.code, letter?.property], ['PROPERTY_UNKNOWN', 'extra']);
    await known(1);

    await use({ unknownProperty: 'ignore' });
    await store(system, [{ deviceId: thing, body: { known: 2, extra: 2 } }]);
    await known(2);
    assert.ok(!('extra' in (await system.platform.properties(thing))));

    await use({ unknownProperty: 'create' });
    await store(system, [{ deviceId: thing, body: { known: 3, extra: 3 } }]);
    await known(3);
    await eventually(async () => assert.equal((await system.platform.properties(thing))['extra'], 3));
    assert.equal((await lettersOf(thing)).length, 1);
    await use({ unknownProperty: 'ignore' });
  });

  test('hostile bodies: each is accounted for with its reason, and the lane goes on', async () => {
    const { deviceId } = device();
    const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    const base64 = (bytes: Buffer) => ({ bodyBase64: bytes.toString('base64') });
    const bodies: (Omit<StoredEvent, 'deviceId'> & { code?: string })[] = [
      { body: { label: 'x'.repeat(256 * 1024 - 20) } },
      { body: { ...keys(10_000), humidity: 51 } },
      {
        ...base64(gzipSync(`[${'1,'.repeat(1_100_000)}1]`)),
        contentEncoding: 'gzip',
        code: 'BODY_TOO_MANY_KEYS',
      },
      { body: nested(1_000), code: 'BODY_TOO_DEEP' },
      { ...base64(gzipSync(Buffer.alloc(64 << 20, ' '))), contentEncoding: 'gzip', code: 'BODY_TOO_LARGE' },
      { body: '{"humidity":1,"humidity":52}' },
      { body: '{"humidity":NaN}', code: 'BODY_NOT_JSON' },
      { body: '{"humidity":1e400}', code: 'VALUE_OUT_OF_RANGE' },
      { ...base64(Buffer.from('7b226c6162656c223a22c328227d', 'hex')), code: 'BODY_NOT_TEXT' },
      { body: '{"__proto__":{"humidity":1},"constructor":{"prototype":{"x":1}},"humidity":53}' },
      { body: '', code: 'BODY_EMPTY' },
      { body: '[[[]]]', code: 'BODY_NOT_OBJECT' },
      { ...base64(Buffer.from([0x9f, 0x9f, 0x9f])), contentType: 'application/cbor', code: 'BODY_NOT_CBOR' },
    ];
    const before = await accounts(system);
    const letters = (await lettersOf(deviceId)).length;
    for (const { code, ...event } of bodies) await store(system, [{ ...event, deviceId }]);
    await goodStillArrives();
    const expected = bodies.flatMap(({ code }) => code ?? []);
    await eventually(async () => assert.equal((await accounts(system)).inFlight, 0));
    const now = await lettersOf(deviceId);
    assert.deepEqual(
      now
        .slice(0, now.length - letters)
        .map(({ code }) => code)
        .toSorted(),
      expected.toSorted(),
    );
    const after = await accounts(system);
    assert.equal(after.received - before.received, bodies.length + 1);
    assert.equal(after.deadLettered - before.deadLettered, expected.length);
    assert.equal(after.delivered - before.delivered, bodies.length + 1 - expected.length);
  });

  test('device ids with every character that IoT Hub allows: each message is delivered or put aside', async () => {
    const ids = [
      ...DEVICE_ID_CHARACTERS.map((character) => `id${character}x`),
      ...DEVICE_ID_CHARACTERS.map((character) => `${character}id`),
      'i'.repeat(128),
    ];
    await use({ unknownThing: 'create', unknownProperty: 'create' });
    const before = await accounts(system);
    await store(
      system,
      ids.map((deviceId) => ({ deviceId, body: { seen: 1 } })),
    );
    await eventually(async () => {
      const { received, inFlight } = await accounts(system);
      assert.equal(received, before.received + ids.length);
      assert.equal(inFlight, 0);
    });
    let delivered = 0;
    for (const deviceId of ids) {
      const letters = await lettersOf(deviceId);
      if (letters.length === 0) {
        assert.equal((await system.platform.properties(deviceId))['seen'], 1, deviceId);
        delivered += 1;
      } else assert.match(letters[0]?.code ?? '', /^THING_(NAME_INVALID|UNKNOWN)$/, deviceId);
    }
    const after = await accounts(system);
    assert.equal(after.delivered - before.delivered, delivered);
    assert.equal(after.deadLettered - before.deadLettered, ids.length - delivered);
    assert.ok(delivered > ids.length / 2);
    await goodStillArrives();
  });

  test('the accounts added up at every scrape', () => auditor.stop());
});
