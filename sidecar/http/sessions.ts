import { createHash, randomBytes } from 'node:crypto';
import type { Access } from '../contract/session.ts';

export interface Session {
  readonly access: Access;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** A working day. */
const LIFETIME_MS = 8 * 3_600_000;
/** Older ones end when more people log in: bounded memory. */
const MAX_SESSIONS = 200;

/** The sessions of browsers. They live in memory: a restart of the sidecar ends them. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Begins a session. @returns its id, which only the browser keeps: here lies its hash */
  open(access: Access): { id: string; session: Session } {
    const id = randomBytes(32).toString('base64url');
    const session = { access, expiresAtMs: this.#now() + LIFETIME_MS };
    this.#sessions.set(hashOf(id), session);
    if (this.#sessions.size > MAX_SESSIONS) {
      const oldest = this.#sessions.keys().next();
      if (!oldest.done) this.#sessions.delete(oldest.value);
    }
    return { id, session };
  }

  find(id: string): Session | undefined {
    const key = hashOf(id);
    const session = this.#sessions.get(key);
    if (!session || session.expiresAtMs > this.#now()) return session;
    this.#sessions.delete(key);
    return undefined;
  }

  /** Idempotent. */
  close(id: string): void {
    this.#sessions.delete(hashOf(id));
  }
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64');
}

/**
 * The cookie of one sidecar: cookies belong to a host and not to a port, so the name says which of several sidecars on a machine is meant.
 */
export function cookieName(port: number | undefined): string {
  return `sidecar-session-${port ?? 0}`;
}

/** The value of a cookie in a Cookie header. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}
