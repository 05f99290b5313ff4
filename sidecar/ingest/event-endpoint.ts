import { parseEventHub, parseIotHub } from '../azure/connection-string.ts';
import { loadEntraCredential } from '../azure/credentials.ts';
import type { EventHubEndpoint } from '../azure/event-hubs/event-hub-client.ts';
import { discoverEventHub } from '../azure/iot-hub/endpoint-discovery.ts';
import { type HubSettings, settingsProblem } from '../contract/hub-settings.ts';
import { ConnectorError } from '../errors/connector-error.ts';

/** The Event Hubs-compatible endpoint that the settings name, or that the IoT Hub tells. */
export async function eventEndpoint(settings: HubSettings, signal: AbortSignal): Promise<EventHubEndpoint> {
  const problem = settingsProblem(settings);
  if (problem) throw new ConnectorError('SETTING_MISSING', problem);
  const { eventHubConnectionString, iotHubConnectionString = '', amqpTransport: transport } = settings;
  if (!eventHubConnectionString) {
    const hub = parseIotHub(iotHubConnectionString, 'iotHubConnectionString');
    const connectionString = await discoverEventHub(hub, { signal, transport });
    return { kind: 'connectionString', connectionString, transport };
  }
  const given = parseEventHub(eventHubConnectionString, 'eventHubConnectionString');
  if (given.access) return { kind: 'connectionString', connectionString: given.connectionString, transport };
  return {
    kind: 'entra',
    namespace: given.port === undefined ? given.host : `${given.host}:${given.port}`,
    eventHubName: given.entityPath,
    credential: await loadEntraCredential(),
    transport,
  };
}
