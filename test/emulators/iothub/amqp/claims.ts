/**
 * What one AMQP connection may do: tokens put to the $cbs node or given with SASL PLAIN, and the client certificate.
 * Rights are checked when a link attaches and again when a token's time is over.
 */
import type { EventHubGrant, HubAuthorizer } from '../authorizer.ts';
import type { ClientCertificate, HubRight, Principal } from '../hub.ts';
import { HubError } from '../hub-error.ts';
import { identityKey } from '../identity.ts';
import type { EventHubRight, Policies } from '../policies.ts';
import { covers, decode, parseSas } from '../sas.ts';

export class Claims {
  readonly #authorizer: HubAuthorizer;
  readonly #policies: Policies;
  readonly #certificate: ClientCertificate | undefined;
  #hub: Principal | undefined;
  readonly #devices = new Map<string, Principal>();
  /** By resource path. */
  readonly #eventHub = new Map<string, EventHubGrant>();

  constructor(authorizer: HubAuthorizer, policies: Policies, certificate: ClientCertificate | undefined) {
    this.#authorizer = authorizer;
    this.#policies = policies;
    this.#certificate = certificate;
  }

  /** Takes a token. Throws HubError 401 when it is good for nothing. */
  put(text: string): void {
    const token = parseSas(text);
    if (!token)
      throw new HubError('IotHubUnauthorizedAccess', 'InvalidToken: a shared access signature is needed');
    const device = /^[^/]+\/devices\/([^/]+)(?:\/modules\/([^/]+))?/.exec(token.path);
    if (device?.[1]) {
      this.#putDevice(text, device[1], device[2]);
      return;
    }
    // The same policy signs in IoT Hub's way for the hub's nodes and in Event Hubs' way for the event stream.
    try {
      this.#hub = this.#authorizer.policy(text);
    } catch {
      const grant = this.#authorizer.eventHub(text);
      this.#eventHub.set(grant.path, grant);
    }
  }

  /**
   * SASL PLAIN: `<policy>@sas.root.<hub>` or `<device>@sas.<hub>` with a token as the password, or, at the Event Hubs
   * endpoint, a policy's name with its key. Returns whether it is accepted.
   */
  plain(user: string, password: string): boolean {
    try {
      if (/@sas\.root\./i.test(user) || /@sas\./i.test(user)) {
        this.put(password);
        return true;
      }
    } catch {
      return false;
    }
    const own = this.#policies.eventHub.get(user);
    const hub = this.#policies.hub.get(user);
    const policy = own ?? hub;
    if (!policy || (password !== policy.primaryKey && password !== policy.secondaryKey)) return false;
    const listens: EventHubRight[] = hub?.rights.includes('ServiceConnect') ? ['Listen'] : [];
    const rights = new Set<EventHubRight>(own ? own.rights : listens);
    this.#eventHub.set('', { path: '', rights, expiresAtMs: Number.POSITIVE_INFINITY });
    return true;
  }

  /** Some clients encode the ids inside the resource, which is encoded as a whole, some do not. */
  #putDevice(text: string, device: string, module: string | undefined): void {
    const plain = () => this.#authorizer.device(text, undefined, device, module);
    let principal: Principal;
    try {
      principal = plain();
    } catch (error) {
      const decoded = [decode(device), module === undefined ? undefined : decode(module)] as const;
      if (decoded[0] === device && decoded[1] === module) throw error;
      principal = this.#authorizer.device(text, undefined, ...decoded);
    }
    this.#devices.set(identityKey(principal.deviceId ?? device, principal.moduleId), principal);
  }

  /** Undefined when the connection lacks the right. */
  hub(right: HubRight): Principal | undefined {
    const hub = this.#hub;
    return hub && hub.expiresAtMs > this.#authorizer.nowMs() && hub.rights.has(right) ? hub : undefined;
  }

  /** When the right on the resource (path below the host) ends; undefined when the connection does not have it. */
  eventHub(right: EventHubRight, path: string): number | undefined {
    const now = this.#authorizer.nowMs();
    let endsAtMs: number | undefined;
    for (const grant of this.#eventHub.values()) {
      const fits = covers(grant.path.toLowerCase(), path.toLowerCase()) && grant.rights.has(right);
      if (fits && grant.expiresAtMs > now) endsAtMs = Math.max(endsAtMs ?? 0, grant.expiresAtMs);
    }
    return endsAtMs;
  }

  device(deviceId: string, moduleId: string | undefined): Principal | undefined {
    const own = this.#devices.get(identityKey(deviceId, moduleId));
    if (own) return own.expiresAtMs > this.#authorizer.nowMs() ? own : undefined;
    const hub = this.hub('DeviceConnect');
    if (hub) return { ...hub, deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
    try {
      return this.#authorizer.device(undefined, this.#certificate, deviceId, moduleId);
    } catch {
      return undefined;
    }
  }

  /** Ends all tokens, as if their time were over. */
  expireNow(): void {
    this.#hub = undefined;
    this.#devices.clear();
    this.#eventHub.clear();
  }
}
