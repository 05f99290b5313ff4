import { parseEventHub, parseIotHub } from '../azure/connection-string.ts';
import type { EventHubEndpoint } from '../azure/endpoint.ts';
import { discoverEventHub } from '../azure/endpoint-discovery.ts';
import { type HubSettings, settingsProblem } from '../contract/hub-settings.ts';
import { ConnectorError } from '../errors/connector-error.ts';

/** The Event Hubs-compatible endpoint that the settings name, or that the IoT Hub tells. */
export async function eventEndpoint(settings: HubSettings, signal: AbortSignal): Promise<EventHubEndpoint> {
  const problem = settingsProblem(settings);
  if (problem) throw new ConnectorError('SETTING_MISSING', problem);
  const { eventHubConnectionString, iotHubConnectionString = '' } = settings;
  const connectionString = eventHubConnectionString
    ? parseEventHub(eventHubConnectionString, 'eventHubConnectionString').connectionString
    : await discoverEventHub(parseIotHub(iotHubConnectionString, 'iotHubConnectionString'), { signal });
  return { kind: 'connectionString', connectionString };
}
