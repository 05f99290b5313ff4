import iotCommon from 'azure-iot-common';

const { ConnectionString, SharedAccessSignature } = iotCommon;

/** The most devices that IoT Hub takes in one call. */
const BULK = 100;

/** Creates device identities in the local hub, over its REST API as any tool does, and gives their connection strings. */
export async function registerDevices(
  iotHubConnectionString: string,
  deviceIds: readonly string[],
  options: { iotEdge?: boolean } = {},
): Promise<Map<string, string>> {
  const { HostName: host } = ConnectionString.parse(iotHubConnectionString);
  const strings = new Map<string, string>();
  for (const deviceId of deviceIds) {
    const device = (await callHub(iotHubConnectionString, 'PUT', `devices/${encodeURIComponent(deviceId)}`, {
      deviceId,
      status: 'enabled',
      capabilities: { iotEdge: options.iotEdge ?? false },
    })) as { authentication: { symmetricKey: { primaryKey: string } } };
    const { primaryKey } = device.authentication.symmetricKey;
    strings.set(deviceId, `HostName=${host};DeviceId=${deviceId};SharedAccessKey=${primaryKey}`);
  }
  return strings;
}

/** Creates many device identities in the local hub. */
export async function registerInBulk(
  iotHubConnectionString: string,
  deviceIds: readonly string[],
): Promise<void> {
  for (let start = 0; start < deviceIds.length; start += BULK) {
    const some = deviceIds.slice(start, start + BULK);
    const entries = some.map((id) => ({ id, importMode: 'create', status: 'enabled' }));
    await callHub(iotHubConnectionString, 'POST', 'devices', entries);
  }
}

/** One call of the REST API of the local hub with the rights of a connection string. */
export async function callHub(
  iotHubConnectionString: string,
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const {
    HostName: host = '',
    SharedAccessKeyName: name = '',
    SharedAccessKey: key = '',
  } = ConnectionString.parse(iotHubConnectionString);
  const expiry = Math.floor(Date.now() / 1000) + 3600;
  const answer = await fetch(`https://${host}/${path}?api-version=2021-04-12`, {
    method,
    headers: {
      authorization: SharedAccessSignature.create(host, name, key, expiry).toString(),
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok)
    throw new Error(`The hub refused ${method} /${path}: ${answer.status} ${text.slice(0, 300)}`);
  return JSON.parse(text);
}
