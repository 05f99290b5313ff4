import { parseEventHub, parseIotHub, parseStorage } from '../azure/connection-string.ts';
import { requireHostName } from '../azure/credentials.ts';
import { openStorage } from '../azure/storage.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { checkMappings } from '../translate/mapping/validate.ts';

const STORAGE_SECRETS = ['storageConnectionString', 'ingestStorageConnectionString'] as const;

/** The reason for each setting of a hub Thing that has the right form and still cannot be used. Opens no connection. */
export async function checkHubSettings(
  values: Readonly<Record<string, unknown>>,
): Promise<ReadonlyMap<string, ConnectorError>> {
  const refused = new Map<string, ConnectorError>();
  const text = (setting: string) => String(values[setting] ?? '');
  const check = async (setting: string, use: () => unknown) => {
    try {
      await use();
    } catch (thrown) {
      refused.set(setting, toConnectorError(thrown));
    }
  };
  await check('mappings', () => checkMappings(values['mappings']));
  const iotHub = text('iotHubConnectionString');
  if (iotHub) await check('iotHubConnectionString', () => parseIotHub(iotHub, 'iotHubConnectionString'));
  else if (text('hostName')) await check('hostName', () => requireHostName(text('hostName'), 'hostName'));
  const eventHub = text('eventHubConnectionString');
  if (eventHub)
    await check('eventHubConnectionString', () => parseEventHub(eventHub, 'eventHubConnectionString'));
  for (const setting of STORAGE_SECRETS)
    if (text(setting)) await check(setting, () => openStorage(text(setting), { setting }));
  return refused;
}

/** The hosts of Azure that accepted settings name, as origins. Event Hubs answers HTTPS beside AMQP. */
export function originsOf(settings: HubSettings): string[] {
  const { iotHubConnectionString, hostName, eventHubConnectionString } = settings;
  const origins: string[] = [];
  if (iotHubConnectionString) origins.push(`https://${parseIotHub(iotHubConnectionString).hostName}`);
  else if (hostName) origins.push(`https://${hostName}`);
  if (eventHubConnectionString) {
    const { host, port, developmentEmulator } = parseEventHub(eventHubConnectionString);
    if (!developmentEmulator) origins.push(`https://${host}${port === undefined ? '' : `:${port}`}`);
  }
  for (const setting of STORAGE_SECRETS) {
    const access = settings[setting];
    if (access) origins.push(/^https?:/i.test(access) ? access : parseStorage(access).blobEndpoint);
  }
  return origins.map((origin) => new URL(origin).origin);
}
