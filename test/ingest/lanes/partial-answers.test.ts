import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { PlatformRefusal } from '../../../sidecar/ingest/lanes/sender.ts';
import type { EventItem } from '../../../sidecar/ingest/notifications/delivery.ts';
import { ThingworxClient } from '../../../sidecar/thingworx/client.ts';
import { Creator } from '../../../sidecar/thingworx/creator.ts';
import { ThingDefinitions } from '../../../sidecar/thingworx/definitions.ts';
import { DeviceThings } from '../../../sidecar/thingworx/device-things.ts';
import type { Creation, HubMessage } from '../../../sidecar/translate/types.ts';
import { listeningLog, message, until } from '../../dead-letters/letters.ts';
import { TestRoad } from '../pipeline-fixture.ts';

const { signal } = new AbortController();

const device = (number: number, deviceId: string): HubMessage => message(number, { deviceId });

/** What is not known for certain must not be taken for "there is no such Thing", which would make dead letters. */
describe('answers that say nothing', () => {
  let road: TestRoad;
  let client: ThingworxClient;
  let definitions: ThingDefinitions;

  beforeEach(async () => {
    road = new TestRoad();
    await road.start();
    client = new ThingworxClient({ url: road.thingworx.url, appKey: 'key' });
    definitions = new ThingDefinitions({ client, hubThing: 'hub' });
    for (const name of ['dev-1', 'dev-2']) road.thingworx.things.set(name, { temperature: 'NUMBER' });
  });
  afterEach(async () => {
    await client.close();
    await road.stop();
  });

  for (const text of ['', '{}', 'null', '{"missing":["dev-1"]}'])
    test(`DescribeThings that answers 200 with ${text || 'an empty body'} is asked again`, async () => {
      let left = 2;
      road.thingworx.describeTrouble = () => (left-- > 0 ? { status: 200, text } : undefined);
      const [entry] = await road.road.interpreter.interpret([device(1, 'dev-1')], signal);
      assert.deepEqual(entry?.reasons, []);
      assert.equal(entry?.updates.length, 1);
      assert.deepEqual(road.waits, ['THINGWORX_UNAVAILABLE', undefined]);
    });

  test('FindDeviceThings and CreateThings without their lists are no answers', async () => {
    const things = new DeviceThings({ client, hubThing: 'hub' });
    await assert.rejects(things.find(['dev-1']), { code: 'THINGWORX_UNAVAILABLE' });
    const { log } = listeningLog();
    const creator = new Creator({ client, hubThing: 'hub', onThing: () => undefined, log });
    await assert.rejects(creator.create([], signal), { code: 'THINGWORX_UNAVAILABLE' });
  });

  test('a Thing that another lane forgets meanwhile is looked up again, not taken for unknown', async () => {
    road.use({ unknownThing: 'create', deviceTemplate: 'AzureIoT.Device_TT' });
    const made: string[] = [];
    road.creator = {
      create: async (creations) => {
        made.push(...creations.map(({ thing }) => thing));
        for (const { thing } of creations) road.thingworx.things.set(thing, { temperature: 'NUMBER' });
        // Meanwhile another lane has a value of the second Thing refused.
        road.definitions.invalidate('dev-2');
      },
    };
    const entries = await road.road.interpreter.interpret([device(1, 'new-1'), device(2, 'dev-2')], signal);
    assert.deepEqual(
      entries.map(({ updates, reasons }) => [updates.length, reasons]),
      [
        [1, []],
        [1, []],
      ],
    );
    assert.deepEqual(made, ['new-1']);
  });

  test('a definition that was asked for before a change is not believed after it', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let asked = 0;
    road.thingworx.beforeDescribed = async () => {
      asked += 1;
      if (asked === 1) await held;
    };
    const first = definitions.load(['dev-1']);
    await until(() => asked === 1);
    // Another lane makes a property, and asks again while the first answer is under way.
    road.thingworx.things.set('dev-1', { temperature: 'NUMBER', pressure: 'NUMBER' });
    definitions.invalidate('dev-1');
    await definitions.load(['dev-1']);
    assert.ok(definitions.get('dev-1')?.properties.has('pressure'));
    release();
    await first;
    assert.ok(definitions.get('dev-1')?.properties.has('pressure'), 'the old answer came last');
  });

  test('Things that have the same properties share one set of them', async () => {
    road.thingworx.things.set('other', { pressure: 'NUMBER' });
    await definitions.load(['dev-1', 'dev-2', 'other']);
    const [one, two, other] = ['dev-1', 'dev-2', 'other'].map((name) => definitions.get(name)?.properties);
    assert.equal(one, two);
    assert.deepEqual([...(other?.keys() ?? [])], ['pressure']);
  });

  test('Things that push each other out of memory are looked up again', async () => {
    road.maxEntries = 1;
    await road.stopAndStart();
    const entries = await road.road.interpreter.interpret(
      [1, 2, 3, 4].map((number) => device(number, `dev-${1 + (number % 2)}`)),
      signal,
    );
    assert.deepEqual(
      entries.map(({ updates, reasons }) => [updates.length, reasons]),
      [1, 2, 3, 4].map(() => [1, []]),
    );
  });
});

describe('a second look at what ThingWorx refused', () => {
  let road: TestRoad;

  const gone = (thing: string, property?: string): PlatformRefusal => ({
    thing,
    sequenceNumber: 1,
    reason: property === undefined ? 'THING_NOT_FOUND' : 'PROPERTY_NOT_FOUND',
    message: 'gone',
    ...(property === undefined ? {} : { property }),
  });

  beforeEach(async () => {
    road = new TestRoad();
    await road.start();
  });
  afterEach(() => road.stop());

  test('puts a value aside that the mappings of today send elsewhere: nobody has taken it', async () => {
    road.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
    road.thingworx.things.set('other', { temperature: 'NUMBER' });
    const { interpreter } = road.road;
    const entries = await interpreter.interpret([device(1, 'dev-1')], signal);
    road.use({ mappings: { version: 1, rules: [{ thing: 'other' }] } });
    const rows = await interpreter.reconsider(entries, [gone('dev-1')], signal);
    assert.deepEqual(rows, []);
    assert.deepEqual(
      entries[0]?.reasons.map(({ code, thing }) => [code, thing]),
      [['THING_UNKNOWN', 'dev-1']],
    );
  });

  test('knows a property by each of its spellings', async () => {
    const { things } = road.thingworx;
    things.set('dev-1', { mod_temperature: 'NUMBER' });
    const { interpreter } = road.road;
    const messages = [message(1, { moduleId: 'mod' })];
    const entries = await interpreter.interpret(messages, signal);
    things.set('dev-1', { 'mod::temperature': 'NUMBER' });
    const rows = await interpreter.reconsider(entries, [gone('dev-1', 'mod_temperature')], signal);
    assert.deepEqual(
      rows.map(({ update }) => update.properties),
      [['mod::temperature']],
    );
    things.set('dev-1', {});
    const again = await interpreter.reconsider(entries, [gone('dev-1', 'mod::temperature')], signal);
    assert.deepEqual(again, []);
    assert.deepEqual(entries[0]?.reasons, [], 'the policy is to ignore it');
    assert.deepEqual(road.counters.ignoredByReason, { PROPERTY_UNKNOWN: 1 });
  });
});

describe('creation', () => {
  let road: TestRoad;
  let calls: (readonly Creation[])[];

  beforeEach(async () => {
    road = new TestRoad();
    await road.start();
    calls = [];
    const { things } = road.thingworx;
    road.creator = {
      create: async (creations) => {
        calls.push(creations);
        for (const creation of creations) {
          const { thing } = creation;
          if (creation.kind === 'thing') things.set(thing, {});
          else things.set(thing, { ...things.get(thing), [creation.property]: creation.baseType });
        }
      },
    };
    road.use({ unknownThing: 'create', unknownProperty: 'create', deviceTemplate: 'AzureIoT.Device_TT' });
  });
  afterEach(() => road.stop());

  test('thousands of new devices share calls, each of a size that the platform can bear', async () => {
    const messages = Array.from({ length: 1_000 }, (_, i) => device(i, `new-${i % 500}`));
    const entries = await road.road.interpreter.interpret(messages, signal);
    assert.ok(entries.every(({ updates, reasons }) => updates.length === 1 && reasons.length === 0));
    assert.ok(calls.every((creations) => creations.length <= 20));
    assert.equal(calls.flat().length, 1_000, 'each Thing and each property once');
    assert.ok(road.thingworx.describes <= 20, `${road.thingworx.describes} calls of DescribeThings`);
  });

  test('of two messages that want one property with different base types the first decides', async () => {
    const body = (value: unknown) => Buffer.from(JSON.stringify({ level: value }));
    const entries = await road.road.interpreter.interpret(
      [message(1, { body: body(5) }), message(2, { body: body('high') })],
      signal,
    );
    assert.deepEqual(
      calls.flat().map((creation) => (creation.kind === 'property' ? creation.baseType : creation.kind)),
      ['thing', 'NUMBER'],
    );
    assert.deepEqual(
      entries.map(({ reasons }) => reasons.map(({ code }) => code)),
      [[], ['VALUE_WRONG_TYPE']],
    );
  });

  test('what cannot be made is asked for once and refused', async () => {
    road.creator = { create: async (creations) => void calls.push(creations) };
    const entries = await road.road.interpreter.interpret([device(1, 'x'), device(2, 'x')], signal);
    assert.deepEqual(
      entries.map(({ reasons }) => reasons.map(({ code }) => code)),
      [['THING_UNKNOWN'], ['THING_UNKNOWN']],
    );
    assert.equal(calls.length, 1);
  });
});

describe('delivery of events', () => {
  let road: TestRoad;
  let broken: (sequenceNumbers: readonly number[]) => boolean;
  let calls: { through: number | undefined; sequenceNumbers: number[] }[];

  const items = (count: number): EventItem[] =>
    Array.from({ length: count }, (_, sequenceNumber) => ({
      sequenceNumber,
      event: {
        type: 'connectionStateChanged',
        deviceId: 'dev-1',
        state: 'connected',
        operationTimeMs: sequenceNumber,
      },
    }));
  const origin = (through: number) => ({ stream: 's', partition: '0', through });

  beforeEach(async () => {
    road = new TestRoad();
    await road.start();
    calls = [];
    broken = () => false;
    road.thingworx.other = async (service, input) => {
      if (service === 'FindDeviceThings') {
        if (broken([])) return { body: 'boom', status: 500 };
        return { body: { things: [{ deviceId: 'dev-1', thing: 'dev-1' }] } };
      }
      if (service !== 'ReceiveEvents') return undefined;
      const { batch } = input as { batch: { through?: number; events: { sequenceNumber: number }[] } };
      const sequenceNumbers = batch.events.map(({ sequenceNumber }) => sequenceNumber);
      if (broken(sequenceNumbers)) return { body: 'boom', status: 500 };
      if (sequenceNumbers.length > 0) calls.push({ through: batch.through, sequenceNumbers });
      return { body: { accepted: sequenceNumbers.length, repeated: 0, refused: [] } };
    };
  });
  afterEach(() => road.stop());

  test('no mark passes an event that was refused and is not in the dead letters yet', async () => {
    broken = (numbers) => numbers.includes(1);
    const { refused } = await road.road.events.deliver(items(8), origin(7), signal);
    assert.deepEqual(
      refused.map(({ sequenceNumber }) => sequenceNumber),
      [1],
    );
    assert.deepEqual(
      calls.flatMap(({ sequenceNumbers }) => sequenceNumbers),
      [0, 2, 3, 4, 5, 6, 7],
    );
    assert.ok(calls.every(({ through = 0 }) => through < 1));
  });

  test('events that the hub Thing had applied before are counted', async () => {
    const { other } = road.thingworx;
    road.thingworx.other = async (service, input) =>
      service === 'ReceiveEvents'
        ? { body: { accepted: 1, repeated: 2, refused: [] } }
        : await other(service, input);
    await road.road.events.deliver(items(3), origin(2), signal);
    assert.equal(road.counters.counts.repeated, 2);
  });

  test('a platform that fails for everything makes no dead letters of events', async () => {
    let left = 6;
    broken = () => left-- > 0;
    const { refused } = await road.road.events.deliver(items(1), origin(0), signal);
    assert.deepEqual(refused, []);
    assert.deepEqual(
      calls.flatMap(({ sequenceNumbers }) => sequenceNumbers),
      [0],
    );
    assert.ok(road.waits.includes('THINGWORX_REJECTED') && road.waits.at(-1) === undefined);
  });
});
