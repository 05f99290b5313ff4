import { createHmac } from 'node:crypto';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { IotHubConnection } from '../connection-string.ts';

/**
 * A shared access signature as IoT Hub checks it: HMAC-SHA256 with the base64-decoded key over the encoded resource and the expiry.
 * `resource` is the host (without port) and a path, such as `hub.azure-devices.net/messages/events`.
 */
export function sasToken(resource: string, keyName: string, key: string, expiresAtSeconds: number): string {
  const sr = encodeURIComponent(resource);
  const sig = createHmac('sha256', Buffer.from(key, 'base64'))
    .update(`${sr}\n${expiresAtSeconds}`)
    .digest('base64');
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${expiresAtSeconds}&skn=${encodeURIComponent(keyName)}`;
}

/** How the host of a hub stands in the resource of a signature: without the port, which only says where to connect. */
export function hubToken(
  hub: IotHubConnection,
  path: string,
  lifetimeSeconds: number,
  nowMs: number = Date.now(),
): string {
  if (hub.access.kind === 'signature') return checkedSignature(hub.access.signature, nowMs);
  return sasToken(
    `${hub.host}${path}`,
    hub.access.keyName,
    hub.access.key,
    Math.ceil(nowMs / 1000) + lifetimeSeconds,
  );
}

/** The name of the policy that signs. */
export function policyName(hub: IotHubConnection): string {
  if (hub.access.kind === 'key') return hub.access.keyName;
  return decodeURIComponent(/[ &]skn=([^&]*)/.exec(hub.access.signature)?.[1] ?? '');
}

function checkedSignature(signature: string, nowMs: number): string {
  const expires = Number(/[ &]se=(\d+)/.exec(signature)?.[1]);
  if (!Number.isFinite(expires)) {
    throw new ConnectorError(
      'CONNECTION_STRING_INVALID',
      'IoT Hub connection string: SharedAccessSignature has no expiry (se).',
    );
  }
  if (expires * 1000 <= nowMs) {
    const when = new Date(expires * 1000).toISOString();
    throw new ConnectorError(
      'AZURE_UNAUTHORIZED',
      `The SharedAccessSignature of the IoT Hub connection string expired at ${when}.`,
    );
  }
  return signature;
}
