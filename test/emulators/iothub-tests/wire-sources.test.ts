import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import iotDevice, { type Client } from 'azure-iot-device';
import mqtt from 'azure-iot-device-mqtt';
import iothub from 'azure-iothub';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import { DialAgent, sdkClients, sources } from './state-harness.ts';
import { type Consumer, consume, type DeviceTransport, type Received, startTrusted } from './wire-support.ts';

describe('what the hub itself says, as readers of the event stream see it', () => {
  let hub: IotHubEmulator;
  let agent: DialAgent;
  let clients: ReturnType<typeof sdkClients>;
  let consumer: Consumer;
  before(async () => {
    hub = await startTrusted({ builtInSources: sources });
    agent = new DialAgent(hub.port, hub.authority.ca);
    clients = sdkClients(hub.connectionString().replace(`:${hub.port}`, ''), agent);
    consumer = consume(hub);
  });
  after(async () => {
    await consumer.close();
    agent.destroy();
    await hub.stop();
  });

  /** The next message of the device with this operation. */
  async function next(deviceId: string, opType: string): Promise<Received> {
    const isIt = ({ properties }: Received) =>
      properties?.['deviceId'] === deviceId && properties['opType'] === opType;
    await consumer.until((events) => events.some(isIt));
    return consumer.events.splice(consumer.events.findIndex(isIt), 1)[0] as Received;
  }

  /** What all of them have in common; returns the properties that are not. */
  function common(event: Received, source: string, schema: string, deviceId: string, moduleId?: string) {
    const { hubName, operationTimestamp, 'iothub-message-schema': named, ...rest } = event.properties ?? {};
    assert.equal(hubName, hub.hubName);
    assert.match(String(operationTimestamp), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.equal(named, schema);
    const system = event.systemProperties ?? {};
    assert.equal(system['iothub-message-source'], source);
    assert.equal(system['iothub-connection-device-id'], deviceId);
    assert.equal(system['iothub-connection-module-id'], moduleId);
    assert.equal(system['iothub-connection-auth-method'], undefined);
    assert.equal(typeof system['iothub-enqueuedtime'], 'number');
    assert.match(String(event.correlationId), /^[0-9a-f-]{36}$/);
    return rest;
  }

  test('devices and modules are made and deleted', async () => {
    await clients.registry.create({ deviceId: 'life' });
    const created = await next('life', 'createDeviceIdentity');
    assert.deepEqual(common(created, 'deviceLifecycleEvents', 'deviceLifecycleNotification', 'life'), {
      deviceId: 'life',
      opType: 'createDeviceIdentity',
    });
    assert.equal(created.contentType, 'application/json');
    assert.deepEqual(
      [
        created.body.deviceId,
        created.body.etag,
        created.body.version,
        created.body.properties.desired.$version,
      ],
      ['life', 'AAAAAAAAAAE=', 2, 1],
    );
    await clients.registry.addModule({ deviceId: 'life', moduleId: 'part' });
    const module = await next('life', 'createDeviceIdentity');
    assert.deepEqual(common(module, 'deviceLifecycleEvents', 'deviceLifecycleNotification', 'life', 'part'), {
      deviceId: 'life',
      moduleId: 'part',
      opType: 'createDeviceIdentity',
    });
    await clients.registry.removeModule('life', 'part');
    assert.equal((await next('life', 'deleteDeviceIdentity')).properties?.['moduleId'], 'part');
    await clients.registry.delete('life');
    assert.equal((await next('life', 'deleteDeviceIdentity')).properties?.['moduleId'], undefined);
  });

  test('twins change, from the service and from the device', async () => {
    await clients.registry.create({ deviceId: 'twin' });
    await clients.registry.updateTwin('twin', { properties: { desired: { rate: 5 } } }, '*');
    const desired = await next('twin', 'updateTwin');
    assert.deepEqual(common(desired, 'twinChangeEvents', 'twinChangeNotification', 'twin'), {
      deviceId: 'twin',
      opType: 'updateTwin',
    });
    assert.equal(desired.body.properties.desired.rate, 5);
    assert.equal(desired.body.properties.desired.$version, 2);
    assert.ok(desired.body.properties.desired.$metadata.rate.$lastUpdated);
    const device = await open('twin');
    const twin = await device.getTwin();
    await new Promise<void>((resolve, reject) =>
      twin.properties.reported.update({ seen: true }, (error: Error | null) =>
        error ? reject(error) : resolve(),
      ),
    );
    const reported = await next('twin', 'updateTwin');
    assert.equal(reported.body.properties.reported.seen, true);
    assert.equal(reported.body.properties.desired, undefined);
    const { _restApiClient: rest } = clients.registry as unknown as {
      _restApiClient: { executeApiCall(...args: unknown[]): void };
    };
    // The Node SDK has no function that replaces a twin; its REST client does the call.
    await new Promise<void>((resolve, reject) =>
      rest.executeApiCall(
        'PUT',
        '/twins/twin?api-version=2021-04-12',
        { 'Content-Type': 'application/json; charset=utf-8', 'If-Match': '"*"' },
        { tags: { a: 1 }, properties: { desired: { other: 1 } } },
        (error: Error | null) => (error ? reject(error) : resolve()),
      ),
    );
    const replaced = await next('twin', 'replaceTwin');
    assert.equal(
      common(replaced, 'twinChangeEvents', 'twinChangeNotification', 'twin').opType,
      'replaceTwin',
    );
    assert.deepEqual(replaced.body.tags, { a: 1 });
    await device.close();
  });

  test('a device comes and goes', async () => {
    await clients.registry.create({ deviceId: 'visitor' });
    const device = await open('visitor');
    const connected = await next('visitor', 'deviceConnected');
    const rest = common(
      connected,
      'deviceConnectionStateEvents',
      'deviceConnectionStateNotification',
      'visitor',
    );
    assert.deepEqual(rest, { deviceId: 'visitor', opType: 'deviceConnected' });
    await device.close();
    const disconnected = await next('visitor', 'deviceDisconnected');
    assert.ok(disconnected.body.sequenceNumber > connected.body.sequenceNumber);
  });

  test('a job has worked on a device', async () => {
    await clients.registry.create({ deviceId: 'worker' });
    await clients.jobClient.scheduleTwinUpdate(
      'job-1',
      "deviceId = 'worker'",
      { etag: '*', tags: { done: true } },
      new Date(),
      60,
    );
    const outcome = await next('worker', 'scheduleUpdateTwin');
    assert.deepEqual(common(outcome, 'deviceJobLifecycleEvents', 'jobLifecycleNotification', 'worker'), {
      deviceId: 'worker',
      opType: 'scheduleUpdateTwin',
      jobId: 'job-1',
    });
    assert.equal(outcome.body.status, 'completed');
  });

  test('a digital twin changes, and its commands reach the device', async () => {
    const device = await open('pnp', 'dtmi:example:Controller;1');
    device.onDeviceMethod('thermostat1*getMax', (request, response) => {
      void response.send(200, { max: request.payload });
    });
    const twin = await device.getTwin();
    await new Promise<void>((resolve, reject) =>
      twin.properties.reported.update({ thermostat1: { __t: 'c', max: 3 } }, (error: Error | null) =>
        error ? reject(error) : resolve(),
      ),
    );
    // This client takes a port as it is.
    const service = new iothub.DigitalTwinClient(new iothub.IoTHubTokenCredentials(hub.connectionString()));
    const { thermostat1, $metadata } = (await service.getDigitalTwin('pnp')) as unknown as Record<
      string,
      Record<string, unknown>
    >;
    assert.equal(thermostat1?.['max'], 3);
    assert.deepEqual($metadata, { $model: 'dtmi:example:Controller;1' });
    consumer.events.length = 0;
    await service.updateDigitalTwin('pnp', [{ op: 'add', path: '/thermostat1/target', value: 42 }]);
    const change = await next('pnp', 'updateDigitalTwin');
    assert.deepEqual(common(change, 'digitalTwinChangeEvents', 'digitalTwinChangeNotification', 'pnp'), {
      deviceId: 'pnp',
      opType: 'updateDigitalTwin',
    });
    assert.equal(change.contentType, 'application/json-patch+json');
    assert.ok(Array.isArray(change.body));
    const answer = await service.invokeComponentCommand(
      'pnp',
      'thermostat1',
      'getMax',
      { since: 1 } as never,
      {
        connectTimeoutInSeconds: 5,
      },
    );
    assert.deepEqual(answer?.['body' as never], { max: { since: 1 } });
    await device.close();
  });

  async function open(deviceId: string, modelId?: string): Promise<Client> {
    const { symmetricKey } = (hub.identities.get(deviceId) ?? hub.identities.create(deviceId, undefined, {}))
      .authentication;
    const client = iotDevice.Client.fromConnectionString(
      `HostName=${hub.hostName}:${hub.port};DeviceId=${deviceId};SharedAccessKey=${symmetricKey.primaryKey}`,
      mqtt.Mqtt as unknown as DeviceTransport,
    );
    await client.setOptions({ ca: hub.authority.ca, ...(modelId ? { modelId } : {}) });
    await client.open();
    return client;
  }
});
