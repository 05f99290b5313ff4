import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { ThingDefinitions } from '../../sidecar/thingworx/definitions.ts';
import { until } from '../dead-letters/letters.ts';
import { FakeThingworx } from '../ingest/fake-thingworx.ts';

describe('definitions of Things', () => {
  let thingworx: FakeThingworx;
  let client: ThingworxClient;
  let definitions: ThingDefinitions;

  beforeEach(async () => {
    thingworx = new FakeThingworx();
    await thingworx.start();
    client = new ThingworxClient({ url: thingworx.url, appKey: 'key' });
    definitions = new ThingDefinitions({ client, hubThing: 'hub' });
    for (const name of ['dev-1', 'dev-2']) thingworx.things.set(name, { temperature: 'NUMBER' });
  });
  afterEach(async () => {
    await client.close();
    await thingworx.stop();
  });

  test('a definition that was asked for before a change is not believed after it', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let asked = 0;
    thingworx.beforeDescribed = async () => {
      asked += 1;
      if (asked === 1) await held;
    };
    const first = definitions.load(['dev-1']);
    await until(() => asked === 1);
    // Another lane makes a property, and asks again while the first answer is under way.
    thingworx.things.set('dev-1', { temperature: 'NUMBER', pressure: 'NUMBER' });
    definitions.invalidate('dev-1');
    await definitions.load(['dev-1']);
    assert.ok(definitions.get('dev-1')?.properties.has('pressure'));
    release();
    await first;
    assert.ok(definitions.get('dev-1')?.properties.has('pressure'), 'the old answer came last');
  });

  test('an old definition is used while it is loaded again in the background', async () => {
    definitions = new ThingDefinitions({ client, hubThing: 'hub', refreshAgeMs: 0 });
    await definitions.load(['dev-1']);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    thingworx.beforeDescribed = () => held;
    thingworx.things.set('dev-1', { temperature: 'NUMBER', pressure: 'NUMBER' });
    await definitions.load(['dev-1']);
    assert.equal(definitions.get('dev-1')?.properties.has('pressure'), false, 'nobody waits');
    release();
    await until(() => definitions.get('dev-1')?.properties.has('pressure') === true);
  });

  test('known definitions stay in use while ThingWorx does not answer', async () => {
    definitions = new ThingDefinitions({ client, hubThing: 'hub', refreshAgeMs: 0 });
    await definitions.load(['dev-1']);
    thingworx.describeTrouble = () => ({ status: 503 });
    await definitions.load(['dev-1']);
    await until(() => thingworx.describes === 2);
    await definitions.load(['dev-1']);
    assert.ok(definitions.get('dev-1'));
    await assert.rejects(definitions.load(['dev-2']));
  });

  test('a refused value makes no new definition doubtful', async () => {
    await definitions.load(['dev-1']);
    for (let refused = 0; refused < 5; refused += 1) {
      definitions.doubt('dev-1');
      await definitions.load(['dev-1']);
    }
    assert.equal(thingworx.describes, 1);
  });

  test('a refused value makes an older definition doubtful', async ({ mock }) => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    await definitions.load(['dev-1']);
    mock.timers.tick(30_000);
    definitions.doubt('dev-1');
    assert.ok(definitions.hasAll(['dev-1']), 'it is not forgotten');
    thingworx.things.set('dev-1', { temperature: 'STRING' });
    await definitions.load(['dev-1']);
    assert.equal(definitions.get('dev-1')?.properties.get('temperature')?.baseType, 'STRING');
  });

  test('large sets of properties are shared between calls', async () => {
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`property-${i}`, 'NUMBER']));
    for (const name of ['big-1', 'big-2']) {
      thingworx.things.set(name, many);
      await definitions.load([name]);
    }
    assert.equal(definitions.get('big-1')?.properties, definitions.get('big-2')?.properties);
  });

  test('Things of one template with the same properties share one definition, also between calls', async () => {
    thingworx.things.set('other', { pressure: 'NUMBER' });
    await definitions.load(['dev-1', 'other']);
    await definitions.load(['dev-2']);
    const [one, two, other] = ['dev-1', 'dev-2', 'other'].map((name) => definitions.get(name));
    assert.ok(one);
    assert.equal(one, two);
    assert.deepEqual([...(other?.properties.keys() ?? [])], ['pressure']);
  });

  test('a Thing that gets another definition leaves those that it shared one with as they are', async () => {
    await definitions.load(['dev-1', 'dev-2']);
    thingworx.things.set('dev-1', { temperature: 'STRING' });
    definitions.invalidate('dev-1');
    await definitions.load(['dev-1', 'dev-2']);
    const types = ['dev-1', 'dev-2'].map((name) => definitions.get(name)?.properties.get('temperature'));
    assert.deepEqual(
      types.map((type) => type?.baseType),
      ['STRING', 'NUMBER'],
    );
  });
});
