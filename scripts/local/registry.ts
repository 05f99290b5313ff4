import iotCommon from 'azure-iot-common';

const { ConnectionString, SharedAccessSignature } = iotCommon;

/** Creates device identities in the local hub, over its REST API as any tool does, and gives their connection strings. */
export async function registerDevices(
  iotHubConnectionString: string,
  deviceIds: readonly string[],
  options: { iotEdge?: boolean } = {},
): Promise<Map<string, string>> {
  const hub = ConnectionString.parse(iotHubConnectionString);
  const host = hub.HostName ?? '';
  const expiry = Math.floor(Date.now() / 1000) + 3600;
  const authorization = SharedAccessSignature.create(
    host,
    hub.SharedAccessKeyName ?? '',
    hub.SharedAccessKey ?? '',
    expiry,
  ).toString();
  const strings = new Map<string, string>();
  for (const deviceId of deviceIds) {
    const answer = await fetch(
      `https://${host}/devices/${encodeURIComponent(deviceId)}?api-version=2021-04-12`,
      {
        method: 'PUT',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({
          deviceId,
          status: 'enabled',
          capabilities: { iotEdge: options.iotEdge ?? false },
        }),
      },
    );
    const text = await answer.text();
    if (!answer.ok)
      throw new Error(`The hub refused to create ${deviceId}: ${answer.status} ${text.slice(0, 300)}`);
    const device = JSON.parse(text) as { authentication: { symmetricKey: { primaryKey: string } } };
    strings.set(
      deviceId,
      `HostName=${host};DeviceId=${deviceId};SharedAccessKey=${device.authentication.symmetricKey.primaryKey}`,
    );
  }
  return strings;
}
