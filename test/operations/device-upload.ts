import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import common from 'azure-iot-common';
import device from 'azure-iot-device';
import http from 'azure-iot-device-http';
import { redirectPort443 } from '../emulators/port-443.ts';
import type { Factory } from './factory.ts';

interface DeviceAccess {
  readonly connectionString: string;
  readonly host: string;
  readonly port: number;
  readonly key: string;
}

async function accessOf(factory: Factory, deviceId: string): Promise<DeviceAccess> {
  const { connectionString } = await factory.hub<{ connectionString: string }>('GetDeviceKeys', { deviceId });
  const [, host = '', port = '', key = ''] =
    /^HostName=([^;:]+):(\d+);.*SharedAccessKey=([^;]+)/.exec(connectionString) ?? [];
  return { connectionString: connectionString.replace(`:${port}`, ''), host, port: Number(port), key };
}

/** Uploads a file as a device, with its SDK. The hub has the notification when it resolves. */
export async function uploadFile(
  factory: Factory,
  deviceId: string,
  name: string,
  content: string | Buffer,
): Promise<void> {
  const { connectionString, port } = await accessOf(factory, deviceId);
  const client = device.Client.fromConnectionString(connectionString, http.Http as never);
  const restore = redirectPort443(port);
  try {
    const bytes = Buffer.from(content);
    await client.uploadToBlob(name, Readable.from([bytes]) as never, bytes.length);
  } finally {
    restore();
    await client.close();
  }
}

/** The same by the calls that the SDK makes: it counts characters as bytes, so that names beyond ASCII break it. */
export async function uploadFileByRest(
  factory: Factory,
  deviceId: string,
  name: string,
  content: string,
): Promise<void> {
  const { host, port, key } = await accessOf(factory, deviceId);
  const resource = `${host}%2Fdevices%2F${encodeURIComponent(deviceId)}`;
  const expires = Math.ceil(Date.now() / 1000) + 3600;
  const token = common.SharedAccessSignature.create(resource, '', key, expires)
    .toString()
    .replace(/&skn=(?=&|$)/, '');
  const post = async (path: string, body: unknown) => {
    const answer = await fetch(`https://${host}:${port}/devices/${deviceId}${path}?api-version=2021-04-12`, {
      method: 'POST',
      headers: { authorization: token, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.ok(answer.ok, `${path} was answered ${answer.status}`);
    return answer;
  };
  const { correlationId, hostName, containerName, blobName, sasToken } = (await (
    await post('/files', { blobName: name })
  ).json()) as Record<string, string>;
  const path = (blobName ?? '').split('/').map(encodeURIComponent).join('/');
  const put = await fetch(`https://${hostName}/${containerName}/${path}${sasToken}`, {
    method: 'PUT',
    headers: { 'x-ms-blob-type': 'BlockBlob' },
    body: content,
  });
  assert.equal(put.status, 201);
  await post('/files/notifications', { correlationId, isSuccess: true, statusCode: 200 });
}
