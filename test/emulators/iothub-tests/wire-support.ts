/** Starts an emulator for a test and makes the real SDK clients that talk to it. */
import tls from 'node:tls';
import { EventHubConsumerClient, type EventPosition, type ReceivedEventData } from '@azure/event-hubs';
import common from 'azure-iot-common';
import device, { type Client, type ModuleClient } from 'azure-iot-device';
import mqtt from 'azure-iot-device-mqtt';
import iothub, { type Client as ServiceClient } from 'azure-iothub';
import { type IotHubEmulator, type IotHubOptions, startIotHub } from '../iothub/emulator.ts';
import { DialAgent } from './state-harness.ts';

/** Trusts the emulator's authority in this process, as NODE_EXTRA_CA_CERTS does for a whole process. */
export async function startTrusted(options: IotHubOptions = {}): Promise<IotHubEmulator> {
  const hub = await startIotHub(options);
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), hub.authority.ca]);
  return hub;
}

/** Registers a device; returns its connection string. */
export function addDevice(hub: IotHubEmulator, deviceId: string): string {
  const identity = hub.identities.create(deviceId, undefined, {});
  const key = identity.authentication.symmetricKey.primaryKey;
  return `HostName=${hub.hostName}:${hub.port};DeviceId=${deviceId};SharedAccessKey=${key}`;
}

/** Registers a module of an existing device; returns its connection string. */
export function addModule(hub: IotHubEmulator, deviceId: string, moduleId: string): string {
  const identity = hub.identities.create(deviceId, moduleId, {});
  const key = identity.authentication.symmetricKey.primaryKey;
  return `HostName=${hub.hostName}:${hub.port};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${key}`;
}

/** What a device transport of the SDK is: a class. */
export type DeviceTransport = Parameters<typeof device.Client.fromConnectionString>[1];

export async function openDevice(
  hub: IotHubEmulator,
  connectionString: string,
  transport: DeviceTransport = mqtt.Mqtt as unknown as DeviceTransport,
): Promise<Client> {
  const client = device.Client.fromConnectionString(connectionString, transport);
  // Otherwise the SDK would try for four minutes what may pass.
  client.setRetryPolicy(new common.NoRetry());
  await client.setOptions({ ca: hub.authority.ca });
  await client.open();
  return client;
}

export async function openModule(
  hub: IotHubEmulator,
  connectionString: string,
  transport: DeviceTransport = mqtt.Mqtt as unknown as DeviceTransport,
): Promise<ModuleClient> {
  const client = device.ModuleClient.fromConnectionString(connectionString, transport);
  await client.setOptions({ ca: hub.authority.ca });
  await client.open();
  return client;
}

export interface Received extends ReceivedEventData {
  partitionId: string;
}

export interface Consumer {
  client: EventHubConsumerClient;
  events: Received[];
  errors: Error[];
  /** Resolves when the condition holds; fails after a generous bound. */
  until(condition: (events: Received[]) => boolean): Promise<Received[]>;
  close(): Promise<void>;
}

/** Reads all partitions with the Event Hubs SDK. */
export function consume(
  hub: IotHubEmulator,
  startPosition: EventPosition = { offset: '-1' },
  consumerGroup = '$Default',
): Consumer {
  // By default the SDK waits 30 s before it attaches a detached link again.
  const client = new EventHubConsumerClient(consumerGroup, hub.eventHubConnectionString(), {
    retryOptions: { retryDelayInMs: 100 },
  });
  const events: Received[] = [];
  const errors: Error[] = [];
  const subscription = client.subscribe(
    {
      processEvents: async (batch, context) => {
        for (const event of batch) events.push({ ...event, partitionId: context.partitionId });
      },
      processError: async (error) => {
        errors.push(error);
      },
    },
    { startPosition, maxBatchSize: 300, maxWaitTimeInSeconds: 1 },
  );
  return {
    client,
    events,
    errors,
    until: async (condition) => {
      await until(() => condition(events));
      return events;
    },
    close: async () => {
      await subscription.close();
      await client.close();
    },
  };
}

/** Puts telemetry into the stream past the protocols. */
export async function fill(hub: IotHubEmulator, deviceId: string, from: number, to: number): Promise<void> {
  const appends: Promise<void>[] = [];
  for (let index = from; index < to; index += 1) {
    const body = Buffer.from(JSON.stringify({ index, deviceId }));
    appends.push(
      hub.stream.append({
        source: 'Telemetry',
        deviceId,
        body,
        properties: { application: { n: `${index}` } },
      }),
    );
  }
  await Promise.all(appends);
}

const BOUND_MS = 120_000;

/** Waits for a condition; fails after a generous bound. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'the condition',
): Promise<void> {
  const end = Date.now() + BOUND_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A service client of azure-iothub over AMQP; its REST side is dialled to the emulator's port. */
export async function openService(hub: IotHubEmulator, policy = 'service'): Promise<ServiceClient> {
  const client = iothub.Client.fromConnectionString(hub.connectionString(policy));
  const inner = client as unknown as { _restApiClient: { setOptions(options: unknown): void } };
  inner._restApiClient.setOptions({ http: { agent: new DialAgent(hub.port, hub.authority.ca) } });
  await client.open();
  return client;
}
