import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { SecretName } from '../contract/hub-settings.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';

/** Redeemed once, with `PUT /v1/secrets/{ticket}`. */
export interface OneTimeSecretToken {
  readonly name: SecretName;
  /** Unguessable; expires after 60 seconds. The interface calls it a ticket. */
  readonly ticket: string;
}

export type Secrets = Partial<Record<SecretName, string>>;

/** The secrets of one Connect as they were handed over. */
export interface HandedSecrets {
  readonly secrets: Secrets;
  /** The values that were references such as `env:NAME`. A reference is no secret. */
  readonly references: Secrets;
  /** The secrets that could not be read, with the reason. */
  readonly refused: ReadonlyMap<SecretName, ConnectorError>;
}

/** The secrets of one Connect that have been handed over so far. */
interface Handover {
  readonly owner: string;
  readonly awaited: Set<SecretName>;
  readonly secrets: Secrets;
  readonly references: Secrets;
  readonly refused: Map<SecretName, ConnectorError>;
  readonly complete: (handed: HandedSecrets) => Promise<void>;
}

const LIFETIME_MS = 60_000;
const MAX_SECRET_BYTES = 16_384;

/** Issues one-time secret tokens for the secrets of a Connect, and accepts each secret once for its token. */
export class OneTimeSecretTokens {
  /** Tokens for the secret of one call, with the secret once it has arrived. */
  readonly #reserved = new Map<string, { secret?: string; readonly expiresAtMs: number }>();
  readonly #handovers = new Map<string, { name: SecretName; handover: Handover; expiresAtMs: number }>();

  /**
   * `complete` is called once, when the last of the named secrets has arrived. OneTimeSecretTokens that the same owner still had are void: an older
   * Connect must not overtake a newer one.
   */
  issue(
    owner: string,
    names: readonly SecretName[],
    complete: (handed: HandedSecrets) => Promise<void>,
  ): OneTimeSecretToken[] {
    this.#forgetExpired();
    for (const [ticket, { handover }] of this.#handovers) {
      if (handover.owner === owner) this.#handovers.delete(ticket);
    }
    const handover: Handover = {
      owner,
      awaited: new Set(names),
      secrets: {},
      references: {},
      refused: new Map(),
      complete,
    };
    return [...handover.awaited].map((name) => {
      const ticket = newTicket();
      this.#handovers.set(ticket, { name, handover, expiresAtMs: Date.now() + LIFETIME_MS });
      return { name, ticket };
    });
  }

  /**
   * Accepts the secret for which the token was issued. An empty value counts as not set. `env:NAME` and `file:/path` are resolved by the
   * sidecar. A secret that cannot be read is handed over as refused: the others count all the same.
   * @returns how many secrets of the same Connect are still missing
   * @throws ConnectorError TICKET_UNKNOWN, SECRET_UNREADABLE, and what `complete` throws
   */
  async redeem(ticket: string, value: string): Promise<{ name: SecretName | 'password'; awaited: number }> {
    const reserved = this.#reserved.get(ticket);
    if (reserved && reserved.secret === undefined) {
      // A caller's own secret, as it is: a reference would let whoever calls a service read the files of the sidecar.
      reserved.secret = value;
      return { name: 'password', awaited: 0 };
    }
    const { name, handover } = this.#issued(ticket);
    this.#handovers.delete(ticket);
    let refusal: ConnectorError | undefined;
    try {
      const secret = await resolveSecret(name, value);
      if (secret !== '') handover.secrets[name] = secret;
      if (secret !== value.trim()) handover.references[name] = value.trim();
    } catch (thrown) {
      refusal = toConnectorError(thrown);
      handover.refused.set(name, refusal);
    }
    handover.awaited.delete(name);
    const awaited = handover.awaited.size;
    if (awaited === 0) await handover.complete(handover);
    if (refusal) throw refusal;
    return { name, awaited };
  }

  /**
   * Checks that `redeem` would know the token.
   * @throws ConnectorError TICKET_UNKNOWN
   */
  require(ticket: string): void {
    this.#forgetExpired();
    if (!this.#reserved.has(ticket)) this.#issued(ticket);
  }

  /** A token for the secret of one call that follows. */
  reserve(): string {
    this.#forgetExpired();
    const ticket = newTicket();
    this.#reserved.set(ticket, { expiresAtMs: Date.now() + LIFETIME_MS });
    return ticket;
  }

  /**
   * Gives the secret that arrived for a reserved token, once.
   * @throws ConnectorError TICKET_UNKNOWN
   */
  take(ticket: string): string {
    this.#forgetExpired();
    const secret = this.#reserved.get(ticket)?.secret;
    this.#reserved.delete(ticket);
    if (secret === undefined) throw unknownTicket();
    return secret;
  }

  #issued(ticket: string): { name: SecretName; handover: Handover } {
    this.#forgetExpired();
    const issued = this.#handovers.get(ticket);
    if (issued) return issued;
    throw unknownTicket();
  }

  #forgetExpired(): void {
    const now = Date.now();
    for (const [ticket, { expiresAtMs }] of this.#handovers)
      if (expiresAtMs <= now) this.#handovers.delete(ticket);
    for (const [ticket, { expiresAtMs }] of this.#reserved)
      if (expiresAtMs <= now) this.#reserved.delete(ticket);
  }
}

function newTicket(): string {
  return randomBytes(24).toString('base64url');
}

function unknownTicket(): ConnectorError {
  return new ConnectorError(
    'TICKET_UNKNOWN',
    'This one-time secret token was never issued, was used before, or is older than 60 seconds.',
  );
}

/**
 * The secret itself, or what `env:NAME` or `file:/path` refer to. The message never holds the value.
 * @throws ConnectorError SECRET_UNREADABLE
 */
export async function resolveSecret(name: string, value: string): Promise<string> {
  const text = value.trim();
  if (text.startsWith('env:')) {
    const variable = text.slice('env:'.length);
    const found = process.env[variable]?.trim();
    if (found) return found;
    throw new ConnectorError(
      'SECRET_UNREADABLE',
      `${name} refers to the environment variable ${variable}, which the sidecar does not have.`,
    );
  }
  if (text.startsWith('file:')) return readSecretFile(name, text.slice('file:'.length));
  return text;
}

/**
 * The same message for every failure: whoever may enter a reference must not learn from it which files exist. The reason is in the
 * error's cause, and so in the log at the level debug.
 */
async function readSecretFile(name: string, path: string): Promise<string> {
  try {
    // A device or a pipe could be read without end.
    const facts = await stat(path);
    if (facts.isFile() && facts.size <= MAX_SECRET_BYTES) {
      const found = (await readFile(path, 'utf8')).trim();
      if (found) return found;
    }
  } catch (cause) {
    throw unreadable(name, path, cause);
  }
  throw unreadable(name, path);
}

function unreadable(name: string, path: string, cause?: unknown): ConnectorError {
  return new ConnectorError(
    'SECRET_UNREADABLE',
    `${name} refers to the file ${path}; the sidecar expects there a file with text of at most ${MAX_SECRET_BYTES} bytes that its user can read.`,
    { cause },
  );
}
