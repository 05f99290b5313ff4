/**
 * The live connections of devices and modules, one for each identity: a second connection replaces the first. Ends them
 * when their token runs out or their identity is deleted or disabled, and keeps the registry's connection state.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { parseExact } from './exact-json.ts';
import type { DeviceSessions, MethodRequest, MethodResponse, Principal } from './hub.ts';
import { HubError } from './hub-error.ts';
import type { Identities } from './identities.ts';
import { identityKey } from './identity.ts';

/** What the MQTT and the AMQP server make of one connected device or module. */
export interface LiveSession {
  readonly deviceId: string;
  readonly moduleId: string | undefined;
  readonly protocol: 'mqtt' | 'amqp';
  readonly principal: Principal;
  /** Whether the device has asked for direct methods. */
  readonly acceptsMethods: boolean;
  sendMethod(requestId: string, methodName: string, payload: Buffer): void;
  /** Does nothing when the device has not asked for desired properties. */
  sendDesired(patch: Buffer, version: number): void;
  /** To a module: a message on one of its inputs, which IoT Edge's hub would route there. */
  sendInput(inputName: string, body: Uint8Array, properties: Record<string, string>): void;
  close(reason: CloseReason): void;
}

export type CloseReason = 'replaced' | 'expired' | 'identity' | 'fault' | 'stop';

interface PendingMethod {
  key: string;
  resolve: (response: MethodResponse) => void;
  reject: (error: HubError) => void;
}

interface SessionEvents {
  /** A device connected, subscribed to methods, or went away. */
  changed: [key: string];
}

const EXPIRY_CHECK_MS = 500;

export class Sessions extends EventEmitter<SessionEvents> implements DeviceSessions {
  readonly #identities: Identities;
  /** The clock by which tokens end. */
  readonly #nowMs: () => number;
  readonly #live = new Map<string, LiveSession>();
  readonly #pending = new Map<string, PendingMethod>();
  #timer: NodeJS.Timeout | undefined;

  constructor(identities: Identities, nowMs: () => number = Date.now) {
    super();
    this.#nowMs = nowMs;
    this.setMaxListeners(0);
    this.#identities = identities;
    const cut = (identity: { deviceId: string; moduleId?: string }) =>
      this.disconnect(identity.deviceId, identity.moduleId);
    identities.on('deleted', cut);
    identities.on('disabled', (identity) => {
      cut(identity);
      for (const module of identities.modulesOf(identity.deviceId)) cut(module);
    });
  }

  start(): void {
    this.#timer = setInterval(() => this.#closeExpired(), EXPIRY_CHECK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const session of [...this.#live.values()]) session.close('stop');
    for (const pending of this.#pending.values()) {
      pending.reject(new HubError('GatewayTimeout', 'The hub stopped'));
    }
    this.#pending.clear();
  }

  /** Makes the session the one of its identity. */
  opened(session: LiveSession): void {
    const key = identityKey(session.deviceId, session.moduleId);
    const before = this.#live.get(key);
    this.#live.set(key, session);
    if (before && before !== session) before.close('replaced');
    this.#identities.setConnectionState(session.deviceId, session.moduleId, 'Connected');
    this.emit('changed', key);
  }

  /** The session's connection is gone. A session that was replaced changes nothing. */
  closed(session: LiveSession): void {
    const key = identityKey(session.deviceId, session.moduleId);
    if (this.#live.get(key) !== session) return;
    this.#live.delete(key);
    this.#identities.setConnectionState(session.deviceId, session.moduleId, 'Disconnected');
    this.emit('changed', key);
  }

  /** To be called when a session begins or ceases to take methods. */
  subscribed(session: LiveSession): void {
    this.emit('changed', identityKey(session.deviceId, session.moduleId));
  }

  isConnected(deviceId: string, moduleId?: string): boolean {
    return this.#live.has(identityKey(deviceId, moduleId));
  }

  get(deviceId: string, moduleId?: string): LiveSession | undefined {
    return this.#live.get(identityKey(deviceId, moduleId));
  }

  all(): Iterable<LiveSession> {
    return [...this.#live.values()];
  }

  async invokeMethod(
    deviceId: string,
    moduleId: string | undefined,
    request: MethodRequest,
  ): Promise<MethodResponse> {
    const key = identityKey(deviceId, moduleId);
    const session = await this.#awaitMethods(key, request.connectTimeoutInSeconds * 1000);
    const requestId = randomUUID();
    const payload = Buffer.from(JSON.stringify(request.payload ?? null));
    return new Promise<MethodResponse>((resolve, reject) => {
      const timer = setTimeout(() => {
        finish();
        reject(new HubError('GatewayTimeout', 'Timed out waiting for the response from device.'));
      }, request.responseTimeoutInSeconds * 1000);
      const finish = () => {
        clearTimeout(timer);
        this.#pending.delete(requestId);
      };
      this.#pending.set(requestId, {
        key,
        resolve: (response) => {
          finish();
          resolve(response);
        },
        reject: (error) => {
          finish();
          reject(error);
        },
      });
      session.sendMethod(requestId, request.methodName, payload);
    });
  }

  /** The answer of a device; one that nobody waits for, or that another device gives, is ignored. */
  methodAnswered(session: LiveSession, requestId: string, status: number, body: Buffer): void {
    const pending = this.#pending.get(requestId);
    if (!pending || pending.key !== identityKey(session.deviceId, session.moduleId)) return;
    const text = body.toString('utf8');
    let payload: unknown = null;
    try {
      payload = text === '' ? null : parseExact(text);
    } catch {
      // Not known what the service does with an answer that is no JSON; it is passed on as text.
      payload = text;
    }
    pending.resolve({ status, payload });
  }

  notifyDesired(deviceId: string, moduleId: string | undefined, patch: unknown, version: number): void {
    const session = this.get(deviceId, moduleId);
    if (!session) return;
    session.sendDesired(Buffer.from(JSON.stringify({ ...(patch as object), $version: version })), version);
  }

  disconnect(deviceId: string, moduleId?: string): void {
    this.get(deviceId, moduleId)?.close('identity');
  }

  /** Waits for a connected session that takes methods, at most the connect timeout (0: not at all). */
  async #awaitMethods(key: string, timeoutMs: number): Promise<LiveSession> {
    const ready = () => {
      const session = this.#live.get(key);
      return session?.acceptsMethods ? session : undefined;
    };
    const now = ready();
    if (now) return now;
    if (timeoutMs <= 0) throw new HubError('DeviceNotOnline');
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.off('changed', changed);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new HubError('DeviceNotOnline', 'Timed out waiting for device to connect.'));
      }, timeoutMs);
      const changed = (changedKey: string) => {
        const session = changedKey === key ? ready() : undefined;
        if (!session) return;
        finish();
        resolve(session);
      };
      this.on('changed', changed);
    });
  }

  #closeExpired(): void {
    const now = this.#nowMs();
    for (const session of this.all()) if (session.principal.expiresAtMs <= now) session.close('expired');
  }
}
