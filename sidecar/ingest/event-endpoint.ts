import { parseEventHub, parseIotHub } from '../azure/connection-string.ts';
import { loadEntraCredential } from '../azure/credentials.ts';
import type { EventHubEndpoint } from '../azure/event-hubs/event-hub-client.ts';
import { discoverEventHub } from '../azure/iot-hub/endpoint-discovery.ts';
import type { ServiceClock } from '../azure/service-clock.ts';
import { type HubSettings, settingsProblem } from '../contract/hub-settings.ts';
import { ConnectorError } from '../errors/connector-error.ts';

/** The Event Hubs-compatible endpoint that the settings name, or that the IoT Hub tells. Measures the clock before the first token. */
export async function eventEndpoint(
  settings: HubSettings,
  signal: AbortSignal,
  clock?: ServiceClock,
): Promise<EventHubEndpoint> {
  const problem = settingsProblem(settings);
  if (problem) throw new ConnectorError('SETTING_MISSING', problem);
  const { eventHubConnectionString, iotHubConnectionString = '', amqpTransport: transport } = settings;
  if (!eventHubConnectionString) {
    const hub = parseIotHub(iotHubConnectionString, 'iotHubConnectionString');
    await clock?.measureOnce(hub.hostName, signal);
    const connectionString = await discoverEventHub(hub, { signal, transport, clock });
    return { kind: 'connectionString', connectionString, transport, clock };
  }
  const given = parseEventHub(eventHubConnectionString, 'eventHubConnectionString');
  const namespace = given.port === undefined ? given.host : `${given.host}:${given.port}`;
  if (given.access) {
    await clock?.measureOnce(namespace, signal);
    return { kind: 'connectionString', connectionString: given.connectionString, transport, clock };
  }
  return {
    kind: 'entra',
    namespace,
    eventHubName: given.entityPath,
    credential: await loadEntraCredential(),
    transport,
  };
}
