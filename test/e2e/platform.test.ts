import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { HUB_THING } from '../../scripts/local/system.ts';
import {
  Auditor,
  addThingworxFault,
  clearThingworxFaults,
  countListener,
  deadLetters,
  difference,
  type Listener,
  store,
  thingworxFaultsApplied,
  Volume,
} from './instruments.ts';
import { accounts, eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

interface LogLine {
  readonly level: string;
  readonly msg: string;
}

const RECEIVE = '/Services/ReceiveUpdates';

/** ThingWorx in trouble, and changed under the hand of the sidecar, while messages of many devices come in. */
describe('a ThingWorx that is slow, away, half there or being changed', () => {
  const lines: LogLine[] = [];
  const system = new WatchedSystem({
    devices: 5,
    hubSettings: { maxRowsPerCall: 100 },
    onSidecarLine: (line) => lines.push(JSON.parse(line) as LogLine),
  });
  const auditor = new Auditor(() => system.sidecar.url);
  let volume: Volume;
  let listener: Listener;

  before(async () => {
    await system.start();
    volume = new Volume(
      system,
      system.devices.map(({ deviceId }) => deviceId),
    );
    listener = await countListener(system, 'Counts', volume.deviceIds);
    auditor.start();
  });
  after(async () => {
    await auditor.end();
    await system.stop();
  });
  afterEach(() => clearThingworxFaults(system));

  /** Readings that were put aside, by device. */
  const putAside: Record<string, readonly number[]> = {};

  /** A subscriber has seen every reading of each device once and in order. */
  async function everythingInOrder(): Promise<void> {
    for (const [index, deviceId] of volume.deviceIds.entries()) {
      const expected = volume.sent.filter((count) => !putAside[deviceId]?.includes(count));
      await eventually(async () =>
        assert.equal(difference(await listener.heard(index), expected), '', deviceId),
      );
    }
  }

  const settled = () => eventually(async () => assert.equal((await accounts(system)).inFlight, 0));

  test('answers take three seconds: everything arrives, in order, and nobody calls it an outage', async () => {
    await addThingworxFault(system, { action: 'delay', delayMs: 3_000, path: RECEIVE, count: 8 });
    lines.length = 0;
    await volume.send(60);
    await everythingInOrder();
    assert.deepEqual(
      lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg),
      [],
    );
  });

  test('503 for a while in the middle of the load: the hub waits and loses nothing', async () => {
    await addThingworxFault(system, { action: 'status', status: 503, path: '/Services/' });
    await volume.send(100);
    await eventually(async () => {
      const metrics = await (await fetch(`${system.sidecar.url}/metrics`)).text();
      assert.match(metrics, /azure_iot_hub_state\{[^}]*state="waiting"[^}]*\} 1/);
    });
    await volume.send(100);
    await clearThingworxFaults(system);
    await everythingInOrder();
    assert.deepEqual(await deadLetters(system), []);
  });

  test('every second answer breaks off in its middle: applied values are dropped as repeats, none is there twice', async () => {
    const before = await accounts(system);
    for (const skip of [0, 1, 2, 3])
      await addThingworxFault(system, { action: 'half', path: RECEIVE, skip, count: 1 });
    await volume.send(100);
    await everythingInOrder();
    // The last answer may have broken off after its values were applied: they come again now.
    await settled();
    const { repeated } = await accounts(system);
    assert.ok(repeated > before.repeated, 'What came again was not seen as a repeat.');
  });

  test('an answer is lost that told refusals: they are told again, and their messages are in the dead letters', async () => {
    const deviceId = 'passing-by';
    await system.platform.createThing(deviceId, 'AzureIoT.Device_TT');
    await system.platform.addProperty(deviceId, 'passing', 'NUMBER');
    await system.platform.setProperties(HUB_THING, { unknownProperty: 'dead-letter' });
    await system.platform.invoke(HUB_THING, 'Connect');
    // The sidecar learns of the property; then it goes while the sidecar does not look.
    await store(system, [{ deviceId, body: { passing: 1 } }]);
    await eventually(async () => assert.equal((await system.platform.properties(deviceId))['passing'], 1));
    await settled();
    await system.platform.invoke(deviceId, 'RemovePropertyDefinition', { name: 'passing' });
    const letters = (await deadLetters(system)).length;
    await addThingworxFault(system, { action: 'dropAnswer', path: RECEIVE, count: 1 });
    await store(system, [
      { deviceId, body: { passing: 2 } },
      { deviceId, body: { passing: 3 } },
    ]);
    await eventually(async () => assert.equal((await deadLetters(system)).length, letters + 2));
    assert.deepEqual(await thingworxFaultsApplied(system), [1]);
    const [letter] = await deadLetters(system);
    assert.equal(letter?.code, 'PROPERTY_UNKNOWN');
    assert.equal(letter?.property, 'passing');
    await system.platform.setProperties(HUB_THING, { unknownProperty: 'ignore' });
    // Changes are joined for a second otherwise.
    await system.platform.invoke(HUB_THING, 'Connect');
  });

  test('a script fails at one Thing among many: its messages alone are put aside, all others arrive in order', async () => {
    const [, poisoned = ''] = volume.deviceIds;
    const letters = (await deadLetters(system)).length;
    const right = (type: string, service: string) =>
      system.platform.invoke(poisoned, service, {
        principal: 'AzureIoT.Sidecar_UG',
        principalType: 'Group',
        type,
        resource: '*',
        allow: false,
      });
    for (const type of ['PropertyRead', 'ServiceInvoke']) await right(type, 'AddRunTimePermission');
    await volume.send(10);
    const refused = volume.sent.slice(-10);
    putAside[poisoned] = refused;
    await everythingInOrder();
    await eventually(async () => assert.equal((await deadLetters(system)).length, letters + refused.length));
    const mine = await deadLetters(system, { deviceId: poisoned });
    assert.equal(mine.length, refused.length);
    for (const { code } of mine) assert.match(code, /^(NOT_AUTHORIZED|THING_UNKNOWN)$/);

    for (const type of ['PropertyRead', 'ServiceInvoke']) await right(type, 'DeleteRunTimePermission');
    await eventually(async () => {
      await system.platform.invoke(HUB_THING, 'ReplayDeadLetters', { deviceId: poisoned });
      assert.deepEqual(await deadLetters(system, { deviceId: poisoned }), []);
    });
    // Replayed in their order, before anything newer, they are as good as if they had never been refused.
    delete putAside[poisoned];
    await everythingInOrder();
  });

  test('a property goes in the middle: the values beside it arrive, what was unknown is counted', async () => {
    const [, , deviceId = ''] = volume.deviceIds;
    await volume.send(50);
    await system.platform.invoke(deviceId, 'RemovePropertyDefinition', { name: 'temperature' });
    await volume.send(50);
    await everythingInOrder();
    await eventually(async () => {
      const { ignoredByReason } = (await system.status()) as { ignoredByReason?: Record<string, number> };
      assert.ok((ignoredByReason?.['PROPERTY_UNKNOWN'] ?? 0) >= 1, JSON.stringify(ignoredByReason));
    });
  });

  test('a property gets another base type: what it refuses is put aside, and what it takes arrives soon', async () => {
    const [, , , deviceId = ''] = volume.deviceIds;
    await volume.send(10);
    await everythingInOrder();
    await system.platform.invoke(deviceId, 'RemovePropertyDefinition', { name: 'temperature' });
    await system.platform.addProperty(deviceId, 'temperature', 'LOCATION');
    await volume.send(1);
    await everythingInOrder();
    await eventually(async () => {
      const mine = await deadLetters(system, { deviceId });
      assert.deepEqual(
        mine.map(({ property }) => property),
        ['temperature'],
      );
    });
    await store(system, [{ deviceId, body: { temperature: { latitude: 1.5, longitude: 2.5 } } }]);
    await eventually(async () => {
      const { temperature } = await system.platform.properties(deviceId);
      assert.equal((temperature as { latitude?: number }).latitude, 1.5);
    });
  });

  test('a Thing is deleted in the middle: each of its messages has arrived or is put aside, the others do not notice', async () => {
    const deviceId = volume.deviceIds.at(-1) ?? '';
    await Promise.all([
      volume.send(100),
      system.platform.invokeOn('Resources', 'EntityServices', 'DeleteThing', { name: deviceId }),
    ]);
    const index = volume.deviceIds.indexOf(deviceId);
    await settled();
    for (const [other, otherId] of volume.deviceIds.entries()) {
      if (other === index) continue;
      await eventually(async () =>
        assert.equal(difference(await listener.heard(other), volume.sent), '', otherId),
      );
    }
    await eventually(async () => {
      const mine = await deadLetters(system, { deviceId });
      assert.equal((await listener.heard(index)).length + mine.length, volume.count);
      assert.ok(mine.every(({ code }) => code === 'THING_UNKNOWN'));
    });
  });

  test('the accounts added up at every scrape', async () => {
    await settled();
    await auditor.stop();
  });
});
