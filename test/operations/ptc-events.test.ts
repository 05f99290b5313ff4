import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import device, { type Client } from 'azure-iot-device';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const ERROR_FIELDS = ['id', 'message', 'ThingName', 'context'];
const FLOOD = 200;

/** Events under the names of PTC's connector, as those who subscribe to them hear them. */
describe("events under PTC's names", () => {
  const factory = new Factory({ builtInSources: ['deviceLifecycleEvents'] });
  let client: Client;
  before(async () => {
    await factory.start();
    await factory.system.platform.setProperties(HUB_THING, { unknownProperty: 'dead-letter' });
    await factory.hub('Connect');
    await factory.createDevice('kiln');
    client = await factory.connect('kiln');
  });
  after(() => factory.stop());

  const send = (body: string) => client.sendEvent(new device.Message(body));
  const deadLettered = async () =>
    ((await factory.hub<Row>('GetStatus')).counters as { deadLettered: number }).deadLettered;
  const heard = (event: string) => factory.heard(HUB_THING, event);
  /** Of all events, by reason. */
  function reasonsOf(events: readonly Row[]): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { context } of events)
      for (const [reason, value] of Object.entries((context as { reasons: Record<string, number> }).reasons))
        sums[reason] = (sums[reason] ?? 0) + value;
    return sums;
  }

  test('do not fire for what was before the shape', async () => {
    await send('temperature=21.5');
    await eventually(async () => assert.equal(await deadLettered(), 1));
    await factory.system.platform.invokeOn('Resources', 'EntityServices', 'AddShapeToThing', {
      name: HUB_THING,
      thingShapeName: 'AzureIoT.PtcServices_TS',
    });
    for (const event of ['ProtocolError', 'InternalError'])
      await factory.listen(HUB_THING, event, ERROR_FIELDS);
    await factory.listen(HUB_THING, 'WritePropertyError', [...ERROR_FIELDS, 'properties']);
    await factory.listen(HUB_THING, 'AzureThingLifecycleEvent', ['deviceId', 'status', 'twin']);
    await factory.listen(HUB_THING, 'AzureThingImportStatusEvent', ['state', 'created']);
    // The first status after the shape says what was before.
    await eventually(async () =>
      assert.ok(Object.keys((await factory.read(HUB_THING)).ptcReported ?? {}).length > 0),
    );
    assert.deepEqual(await heard('ProtocolError'), []);
  });

  test('tell of properties that could not be written', async () => {
    await send('{"glaze": 7}');
    await eventually(async () => assert.equal((await heard('WritePropertyError')).length, 1));
    const [error = {}] = await heard('WritePropertyError');
    assert.match(String(error.id), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.match(String(error.message), /^PROPERTY_UNKNOWN: .*glaze/);
    assert.equal(error.ThingName, 'kiln');
    assert.deepEqual(error.context, { reasons: { PROPERTY_UNKNOWN: 1 } });
    const { rows } = error.properties as { rows: Row[] };
    assert.deepEqual(
      rows.map(({ name, timestamp }) => [name, Number(timestamp) > 0]),
      [['glaze', true]],
    );
    assert.deepEqual(await heard('ProtocolError'), []);
  });

  test('tell of a flood of dead letters in a few events, and of each message once', async () => {
    await Promise.all(Array.from({ length: FLOOD }, (_, index) => send(`temperature=${index}`)));
    await eventually(async () => {
      assert.deepEqual(reasonsOf(await heard('ProtocolError')), { BODY_NOT_JSON: FLOOD });
    });
    const events = await heard('ProtocolError');
    assert.ok(events.length < FLOOD / 4, `${events.length} events for ${FLOOD} messages`);
    assert.match(String(events[0]?.message), /^BODY_NOT_JSON: /);
    assert.equal(events[0]?.ThingName, HUB_THING);
  });

  test('tell of devices and imports', async () => {
    await factory.hub('CreateDevice', { deviceId: 'oven' });
    await factory.hub('DeleteDevice', { deviceId: 'oven' });
    await eventually(async () => {
      const events = (await heard('AzureThingLifecycleEvent')).filter(({ deviceId }) => deviceId === 'oven');
      assert.deepEqual(
        events.map(({ status }) => status),
        ['createDeviceIdentity', 'deleteDeviceIdentity'],
      );
      assert.equal((events[0]?.twin as Row | undefined)?.deviceId, 'oven');
    });
    await factory.hub('StartImport', { condition: "deviceId = 'kiln'" });
    await eventually(async () => assert.equal((await heard('AzureThingImportStatusEvent')).length, 1));
    assert.equal((await heard('AzureThingImportStatusEvent'))[0]?.state, 'completed');
  });

  test('tell of a new error of the hub once, and of nothing when they are switched off', async () => {
    const { platform } = factory.system;
    const { consumerGroup } = await factory.read(HUB_THING);
    await platform.setProperties(HUB_THING, { consumerGroup: 'nobody' });
    await factory.hub('Connect');
    await eventually(async () => assert.ok((await heard('InternalError')).length > 0));
    const [error = {}] = await heard('InternalError');
    const { code } = error.context as { code: string };
    assert.ok(String(error.message).startsWith(code), JSON.stringify(error));
    assert.equal(error.ThingName, HUB_THING);
    await platform.setProperties(HUB_THING, { consumerGroup, ptcEvents: false });
    await factory.hub('Connect');
    const before = (await heard('ProtocolError')).length;
    const letters = await deadLettered();
    await eventually(async () => assert.equal((await factory.read(HUB_THING)).connectionStatus, 'running'));
    await send('temperature=1');
    await eventually(async () => {
      assert.ok((await deadLettered()) > letters);
      assert.ok(Number((await factory.read(HUB_THING)).messagesDeadLettered) > letters);
    });
    assert.equal((await heard('ProtocolError')).length, before);
  });
});
