import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { PlatformRefusal } from '../../../sidecar/ingest/lanes/refusals.ts';
import type { Creation, ReceivedMessage } from '../../../sidecar/translate/types.ts';
import { message } from '../../dead-letters/letters.ts';
import { TestPipeline } from '../pipeline-fixture.ts';

const { signal } = new AbortController();

const device = (number: number, deviceId: string): ReceivedMessage => message(number, { deviceId });

/** An answer without its members must not be taken for "there is no such Thing", which would make dead letters. */
describe('answers that say nothing', () => {
  let pipeline: TestPipeline;

  beforeEach(async () => {
    pipeline = new TestPipeline();
    await pipeline.start();
    for (const name of ['dev-1', 'dev-2']) pipeline.thingworx.things.set(name, { temperature: 'NUMBER' });
  });
  afterEach(() => pipeline.stop());

  for (const text of ['', '{}', 'null', '{"missing":["dev-1"]}'])
    test(`DescribeThings that answers 200 with ${text || 'an empty body'} is asked again`, async () => {
      let left = 2;
      pipeline.thingworx.describeTrouble = () => (left-- > 0 ? { status: 200, text } : undefined);
      const [translated] = await pipeline.parts.interpreter.interpret([device(1, 'dev-1')], signal);
      assert.deepEqual(translated?.reasons, []);
      assert.equal(translated?.updates.length, 1);
      assert.deepEqual(pipeline.waits, ['THINGWORX_UNAVAILABLE', undefined]);
    });

  test('a Thing that another lane forgets meanwhile is looked up again, not taken for unknown', async () => {
    pipeline.use({ unknownThing: 'create', deviceTemplate: 'AzureIoT.Device_TT' });
    const made: string[] = [];
    pipeline.creator = {
      create: async (creations) => {
        made.push(...creations.map(({ thing }) => thing));
        for (const { thing } of creations) pipeline.thingworx.things.set(thing, { temperature: 'NUMBER' });
        // Meanwhile another lane has a value of the second Thing refused.
        pipeline.definitions.invalidate('dev-2');
      },
    };
    const entries = await pipeline.parts.interpreter.interpret(
      [device(1, 'new-1'), device(2, 'dev-2')],
      signal,
    );
    assert.deepEqual(
      entries.map(({ updates, reasons }) => [updates.length, reasons]),
      [
        [1, []],
        [1, []],
      ],
    );
    assert.deepEqual(made, ['new-1']);
  });

  test('Things that push each other out of memory are looked up again', async () => {
    pipeline.maxEntries = 1;
    await pipeline.stopAndStart();
    const entries = await pipeline.parts.interpreter.interpret(
      [1, 2, 3, 4].map((number) => device(number, `dev-${1 + (number % 2)}`)),
      signal,
    );
    assert.deepEqual(
      entries.map(({ updates, reasons }) => [updates.length, reasons]),
      [1, 2, 3, 4].map(() => [1, []]),
    );
  });
});

describe('a retry of what ThingWorx refused', () => {
  let pipeline: TestPipeline;

  const gone = (thing: string, property?: string): PlatformRefusal => ({
    thing,
    sequenceNumber: 1,
    reason: property === undefined ? 'THING_NOT_FOUND' : 'PROPERTY_NOT_FOUND',
    message: 'gone',
    ...(property === undefined ? {} : { property }),
  });

  beforeEach(async () => {
    pipeline = new TestPipeline();
    await pipeline.start();
  });
  afterEach(() => pipeline.stop());

  test('puts a value aside that the mappings of today send elsewhere: nobody has taken it', async () => {
    pipeline.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
    pipeline.thingworx.things.set('other', { temperature: 'NUMBER' });
    const { interpreter } = pipeline.parts;
    const entries = await interpreter.interpret([device(1, 'dev-1')], signal);
    pipeline.use({ mappings: { version: 1, rules: [{ thing: 'other' }] } });
    const rows = await interpreter.retryRefused(entries, [gone('dev-1')], signal);
    assert.deepEqual(rows, []);
    assert.deepEqual(
      entries[0]?.reasons.map(({ code, thing }) => [code, thing]),
      [['THING_UNKNOWN', 'dev-1']],
    );
  });

  test('knows a property by each of its spellings', async () => {
    const { things } = pipeline.thingworx;
    things.set('dev-1', { mod_temperature: 'NUMBER' });
    const { interpreter } = pipeline.parts;
    const messages = [message(1, { moduleId: 'mod' })];
    const entries = await interpreter.interpret(messages, signal);
    things.set('dev-1', { 'mod::temperature': 'NUMBER' });
    const rows = await interpreter.retryRefused(entries, [gone('dev-1', 'mod_temperature')], signal);
    assert.deepEqual(
      rows.map(({ update }) => update.properties),
      [['mod::temperature']],
    );
    things.set('dev-1', {});
    const again = await interpreter.retryRefused(entries, [gone('dev-1', 'mod::temperature')], signal);
    assert.deepEqual(again, []);
    assert.deepEqual(entries[0]?.reasons, [], 'the policy is to ignore it');
    assert.deepEqual(pipeline.counters.ignoredByReason, { PROPERTY_UNKNOWN: 1 });
  });
});

describe('creation', () => {
  let pipeline: TestPipeline;
  let calls: (readonly Creation[])[];

  beforeEach(async () => {
    pipeline = new TestPipeline();
    await pipeline.start();
    calls = [];
    const { things } = pipeline.thingworx;
    pipeline.creator = {
      create: async (creations) => {
        calls.push(creations);
        for (const creation of creations) {
          const { thing } = creation;
          if (creation.kind === 'thing') things.set(thing, {});
          else things.set(thing, { ...things.get(thing), [creation.property]: creation.baseType });
        }
      },
    };
    pipeline.use({ unknownThing: 'create', unknownProperty: 'create', deviceTemplate: 'AzureIoT.Device_TT' });
  });
  afterEach(() => pipeline.stop());

  test('thousands of new devices share calls, each of a size that the platform can bear', async () => {
    const messages = Array.from({ length: 1_000 }, (_, i) => device(i, `new-${i % 500}`));
    const entries = await pipeline.parts.interpreter.interpret(messages, signal);
    assert.ok(entries.every(({ updates, reasons }) => updates.length === 1 && reasons.length === 0));
    assert.ok(calls.every((creations) => creations.length <= 20));
    assert.equal(calls.flat().length, 1_000, 'each Thing and each property once');
    assert.ok(pipeline.thingworx.describes <= 20, `${pipeline.thingworx.describes} calls of DescribeThings`);
  });

  test('of two messages that want one property with different base types the first decides', async () => {
    const body = (value: unknown) => Buffer.from(JSON.stringify({ level: value }));
    const entries = await pipeline.parts.interpreter.interpret(
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
    pipeline.creator = { create: async (creations) => void calls.push(creations) };
    const entries = await pipeline.parts.interpreter.interpret([device(1, 'x'), device(2, 'x')], signal);
    assert.deepEqual(
      entries.map(({ reasons }) => reasons.map(({ code }) => code)),
      [['THING_UNKNOWN'], ['THING_UNKNOWN']],
    );
    assert.equal(calls.length, 1);
  });
});
