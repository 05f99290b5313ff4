import { ConnectorError } from '../../errors/connector-error.ts';
import { azureError } from '../azure-error.ts';
import type { HubCredentials } from '../credentials.ts';
import { hubToken } from './sas-token.ts';

const LIFETIME_SECONDS = 3600;
/** A token is renewed this long before it ends. */
const MARGIN_MS = 5 * 60_000;
const ENTRA_SCOPE = 'https://iothubs.azure.net/.default';

/** The Authorization header of a hub's REST API, kept until shortly before it expires. */
export class HubAuthorization {
  readonly #credentials: HubCredentials;
  #current: { readonly header: string; readonly untilMs: number } | undefined;

  constructor(credentials: HubCredentials) {
    this.#credentials = credentials;
  }

  /** Throws AZURE_UNAUTHORIZED when the identity gives no token or a given signature has expired. */
  async header(nowMs: number = Date.now()): Promise<string> {
    if (this.#current && nowMs < this.#current.untilMs) return this.#current.header;
    this.#current = await this.#make(nowMs);
    return this.#current.header;
  }

  /** After a refusal: the next call brings a new one. */
  forget(): void {
    this.#current = undefined;
  }

  async #make(nowMs: number): Promise<{ header: string; untilMs: number }> {
    const credentials = this.#credentials;
    if (credentials.kind === 'connectionString') {
      const header = hubToken(credentials.connection, '', LIFETIME_SECONDS, nowMs);
      return { header, untilMs: nowMs + LIFETIME_SECONDS * 1000 - MARGIN_MS };
    }
    try {
      const token = await credentials.credential.getToken(ENTRA_SCOPE);
      if (token) return { header: `Bearer ${token.token}`, untilMs: token.expiresOnTimestamp - MARGIN_MS };
    } catch (thrown) {
      throw azureError(thrown, { action: 'Getting a Microsoft Entra token', host: credentials.hostName });
    }
    throw new ConnectorError(
      'AZURE_UNAUTHORIZED',
      'Getting a Microsoft Entra token: the identity gives none for IoT Hub.',
    );
  }
}
