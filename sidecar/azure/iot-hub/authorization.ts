import { createHmac } from 'node:crypto';
import { ConnectorError } from '../../errors/connector-error.ts';
import { azureError } from '../azure-error.ts';
import type { IotHubConnection } from '../connection-string.ts';
import type { HubCredentials } from '../credentials.ts';

/** The scope of IoT Hub in Microsoft Entra ID. */
export const ENTRA_SCOPE = 'https://iothubs.azure.net/.default';
export const TOKEN_LIFETIME_SECONDS = 3600;
/** A token is renewed this long before it expires. */
const RENEWAL_MARGIN_MS = 5 * 60_000;

/**
 * A shared access signature as IoT Hub checks it: HMAC-SHA256 with the base64-decoded key over the encoded resource and the expiry.
 * `resource` is the host (without port) and a path, such as `hub.azure-devices.net/messages/events`. `keyName`: the policy of the key;
 * undefined for the key of a device.
 */
export function sasToken(
  resource: string,
  keyName: string | undefined,
  key: string,
  expiresAtSeconds: number,
): string {
  const sr = encodeURIComponent(resource);
  const sig = createHmac('sha256', Buffer.from(key, 'base64'))
    .update(`${sr}\n${expiresAtSeconds}`)
    .digest('base64');
  const token = `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${expiresAtSeconds}`;
  return keyName === undefined ? token : `${token}&skn=${encodeURIComponent(keyName)}`;
}

/** A token for a hub and a path below it. The resource of its signature has no port. */
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

/** The name of the shared access policy. */
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

/** The Authorization header of a hub's REST API, kept until shortly before it expires. */
export class HubAuthorization {
  readonly #credentials: HubCredentials;
  #current: { readonly header: string; readonly untilMs: number } | undefined;

  constructor(credentials: HubCredentials) {
    this.#credentials = credentials;
  }

  /** Throws AZURE_UNAUTHORIZED when the identity returns no token or the given signature has expired. */
  async header(nowMs: number = this.#credentials.clock?.nowMs() ?? Date.now()): Promise<string> {
    if (this.#current && nowMs < this.#current.untilMs) return this.#current.header;
    this.#current = await this.#make(nowMs);
    return this.#current.header;
  }

  /** After a 401: the next call gets a new token. */
  forget(): void {
    this.#current = undefined;
  }

  async #make(nowMs: number): Promise<{ header: string; untilMs: number }> {
    const credentials = this.#credentials;
    if (credentials.kind === 'connectionString') {
      const header = hubToken(credentials.connection, '', TOKEN_LIFETIME_SECONDS, nowMs);
      return { header, untilMs: nowMs + TOKEN_LIFETIME_SECONDS * 1000 - RENEWAL_MARGIN_MS };
    }
    try {
      const token = await credentials.credential.getToken(ENTRA_SCOPE);
      if (token)
        return { header: `Bearer ${token.token}`, untilMs: token.expiresOnTimestamp - RENEWAL_MARGIN_MS };
    } catch (thrown) {
      throw azureError(thrown, { action: 'Getting a Microsoft Entra token', host: credentials.hostName });
    }
    throw new ConnectorError(
      'AZURE_UNAUTHORIZED',
      'Getting a Microsoft Entra token: the identity returned no token for IoT Hub.',
    );
  }
}
