import device, { type Client, type ModuleClient } from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import { hubCredentials } from '../../../sidecar/azure/credentials.ts';
import { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import type { QuotaOptions } from '../../../sidecar/azure/iot-hub/rate-limiter.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';

/** The sidecar's clients of an emulated hub. */
export async function openClients(
  hub: IotHubEmulator,
  policy = 'iothubowner',
  quota?: QuotaOptions,
): Promise<HubClients> {
  const credentials = await hubCredentials({ connectionString: hub.connectionString(policy) });
  return new HubClients({ credentials, ...(quota ? { quota } : {}) });
}

type Transport = Parameters<typeof device.Client.fromConnectionString>[1];

const TRANSPORTS = { mqtt: mqtt.Mqtt as unknown as Transport, amqp: amqp.Amqp as unknown as Transport };
export type TransportName = keyof typeof TRANSPORTS;

/** Connects a device (or module) that the registry has, with Microsoft's device SDK. */
export async function connectDevice(
  hub: IotHubEmulator,
  clients: HubClients,
  deviceId: string,
  transport: TransportName = 'mqtt',
): Promise<Client> {
  const { primaryKey } = await clients.registry.deviceKeys(deviceId);
  const text = `HostName=${hub.hostName}:${hub.port};DeviceId=${deviceId};SharedAccessKey=${primaryKey}`;
  const client = device.Client.fromConnectionString(text, TRANSPORTS[transport]);
  await client.setOptions({ ca: hub.authority.ca });
  await client.open();
  return client;
}

export async function connectModule(
  hub: IotHubEmulator,
  clients: HubClients,
  deviceId: string,
  moduleId: string,
  transport: TransportName = 'mqtt',
): Promise<ModuleClient> {
  const { primaryKey } = await clients.modules.moduleKeys(deviceId, moduleId);
  const text = `HostName=${hub.hostName}:${hub.port};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${primaryKey}`;
  const client = device.ModuleClient.fromConnectionString(text, TRANSPORTS[transport]);
  await client.setOptions({ ca: hub.authority.ca });
  await client.open();
  return client;
}
