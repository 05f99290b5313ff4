import { randomBytes } from 'node:crypto';
import type { ApplicationKeyEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { verifyPassword } from './passwords.ts';

export interface Login {
  user: string;
  method: 'appKey' | 'basic' | 'session';
}

/** Why a request is not logged in. */
export interface Rejection {
  status: 401 | 403;
  reason: string;
}

export interface Credentials {
  /** Header or URL parameter `appKey`. */
  appKey: string | undefined;
  authorization: string | undefined;
  cookie: string | undefined;
  remoteAddress: string;
}

interface Session {
  user: string;
  lastUsedMs: number;
}

const sessionTimeoutMs = 30 * 60_000;
const mostSessions = 10_000;

/** Finds out who sends a request: application key, Basic, or the cookie of an earlier one. */
export class Authentication {
  private readonly platform: Platform;
  private readonly nowMs: () => number;
  private readonly sessions = new Map<string, Session>();
  private keys: Map<string, ApplicationKeyEntity> | undefined;

  /** @param nowMs the clock by which application keys end */
  constructor(platform: Platform, nowMs: () => number = Date.now) {
    this.platform = platform;
    this.nowMs = nowMs;
    platform.store.onChange((entity) => {
      if (entity.collection === 'ApplicationKeys') {
        this.keys = undefined;
      }
    });
  }

  login(credentials: Credentials): Login | Rejection {
    const result = this.check(credentials);
    if ('reason' in result) {
      this.platform.logs.write('SecurityLog', {
        level: 'WARN',
        content: `Login failed from ${credentials.remoteAddress}: ${result.reason}`,
        origin: 'c.t.s.a.Authentication',
      });
    }
    return result;
  }

  private check(credentials: Credentials): Login | Rejection {
    if (credentials.appKey !== undefined) {
      return this.byKey(credentials.appKey, credentials.remoteAddress);
    }
    if (credentials.authorization !== undefined) {
      return this.byPassword(credentials.authorization);
    }
    const session = this.bySession(credentials.cookie);
    return session ?? { status: 401, reason: 'no credentials' };
  }

  private byKey(keyId: string, remoteAddress: string): Login | Rejection {
    this.keys ??= new Map(this.platform.store.all('ApplicationKeys').map((key) => [key.keyId, key]));
    const key = this.keys.get(keyId);
    if (key === undefined) {
      return { status: 401, reason: 'unknown application key' };
    }
    if (key.expirationDate.getTime() <= this.nowMs()) {
      return {
        status: this.platform.switches.expiredKeyStatus,
        reason: `application key ${key.name} has expired`,
      };
    }
    if (!isListed(key.ipWhitelist, remoteAddress)) {
      return { status: 401, reason: `application key ${key.name} is not allowed from this address` };
    }
    return this.usable(key.userNameReference) ?? { user: key.userNameReference, method: 'appKey' };
  }

  private byPassword(authorization: string): Login | Rejection {
    const [scheme = '', encoded = ''] = authorization.split(' ');
    if (scheme.toLowerCase() !== 'basic') {
      return { status: 401, reason: `authentication scheme ${scheme} is not supported` };
    }
    const decoded = Buffer.from(encoded, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    const name = decoded.slice(0, Math.max(colon, 0));
    const user = this.platform.store.get('Users', name);
    if (user === undefined || !verifyPassword(decoded.slice(colon + 1), user.passwordHash)) {
      return { status: 401, reason: `wrong user name or password for ${name}` };
    }
    return this.usable(name) ?? { user: name, method: 'basic' };
  }

  private usable(name: string): Rejection | undefined {
    const user = this.platform.store.get('Users', name);
    if (user === undefined || !user.enabled || user.locked) {
      return { status: 401, reason: `user ${name} does not exist, is disabled or locked` };
    }
    return undefined;
  }

  private bySession(cookie: string | undefined): Login | undefined {
    const id = /(?:^|;\s*)JSESSIONID=([^;]+)/.exec(cookie ?? '')?.[1];
    const session = id === undefined ? undefined : this.sessions.get(id);
    if (id === undefined || session === undefined) {
      return undefined;
    }
    if (Date.now() - session.lastUsedMs > sessionTimeoutMs || this.usable(session.user) !== undefined) {
      this.sessions.delete(id);
      return undefined;
    }
    session.lastUsedMs = Date.now();
    return { user: session.user, method: 'session' };
  }

  /** The user of a session that is still open. */
  userOf(cookie: string | undefined): string | undefined {
    return this.bySession(cookie)?.user;
  }

  /** Opens a session; the answer is its id for the cookie. */
  open(user: string): string {
    const id = randomBytes(16).toString('hex').toUpperCase();
    this.sessions.set(id, { user, lastUsedMs: Date.now() });
    if (this.sessions.size > mostSessions) {
      const oldest = this.sessions.keys().next().value;
      if (oldest !== undefined) {
        this.sessions.delete(oldest);
      }
    }
    return id;
  }
}

/** `whitelist`: addresses separated by comma or blank; empty allows all. `*` stands for any part. */
function isListed(whitelist: string, address: string): boolean {
  const entries = whitelist.split(/[\s,;]+/).filter((entry) => entry !== '');
  const plain = address.replace(/^::ffff:/, '');
  return (
    entries.length === 0 ||
    entries.some((entry) => entry === plain || new RegExp(`^${maskSource(entry)}$`).test(plain))
  );
}

function maskSource(entry: string): string {
  return entry.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
}
