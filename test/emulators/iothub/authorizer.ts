/**
 * Checks who may do what: SAS tokens of policies, of devices and of modules, and client certificates. The hub answers
 * 401 both to an unknown identity and to a wrong key, so that nobody can probe for device ids.
 */
import type { Authorizer, ClientCertificate, HubRight, Principal } from './hub.ts';
import { HubError } from './hub-error.ts';
import type { Identities } from './identities.ts';
import type { Identity } from './identity.ts';
import type { EventHubRight, Policies } from './policies.ts';
import { covers, decode, isSignedBy, parseSas, type SasToken } from './sas.ts';

/** What a token opens at the Event Hubs endpoint. */
export interface EventHubGrant {
  /** Resource path below the host, without leading slash; empty for the whole namespace. */
  path: string;
  rights: ReadonlySet<EventHubRight>;
  expiresAtMs: number;
}

export class HubAuthorizer implements Authorizer {
  readonly nowMs: () => number;
  readonly #policies: Policies;
  readonly #identities: Identities;
  readonly #hostNames: ReadonlySet<string>;
  /** Signatures refused although their time is not over: "expire tokens now". */
  readonly #expired = new Set<string>();
  /** Signatures accepted so far, with their expiry. */
  readonly #seen = new Map<string, number>();

  /**
   * @param hostNames every name, with and without port, under which clients may address the hub, in lower case
   * @param nowMs the clock by which tokens end
   */
  constructor(
    policies: Policies,
    identities: Identities,
    hostNames: ReadonlySet<string>,
    nowMs: () => number = Date.now,
  ) {
    this.nowMs = nowMs;
    this.#policies = policies;
    this.#identities = identities;
    this.#hostNames = hostNames;
  }

  /** Makes every token seen so far invalid, as if its time were over. */
  expireAllSeen(): void {
    for (const signature of this.#seen.keys()) this.#expired.add(signature);
    this.#seen.clear();
  }

  service(text: string | undefined, anyOf: readonly HubRight[], path?: string): Principal {
    const token = this.#parse(text);
    const policy = this.#hubPolicy(token);
    const granted = this.#pathOf(token);
    const wanted = (path ?? '').replace(/^\/+/, '');
    if (granted !== '' && !covers(granted, wanted)) {
      throw new HubError('IotHubUnauthorizedAccess', 'The token is for another resource');
    }
    if (!anyOf.some((right) => policy.rights.includes(right))) {
      throw new HubError('IotHubUnauthorizedAccess', `Policy ${policy.name} lacks ${anyOf.join(' or ')}`);
    }
    return this.#principalOf(policy, token);
  }

  /** The rights of a token of a hub policy, whatever they are (the CBS node: rights are checked at each link). */
  policy(text: string): Principal {
    const token = this.#parse(text);
    return this.#principalOf(this.#hubPolicy(token), token);
  }

  device(
    text: string | undefined,
    certificate: ClientCertificate | undefined,
    deviceId: string,
    moduleId?: string,
  ): Principal {
    const device = this.#identities.get(deviceId);
    const identity = moduleId === undefined ? device : this.#identities.get(deviceId, moduleId);
    if (!device || !identity || device.status !== 'enabled') {
      throw new HubError('IotHubUnauthorizedAccess', 'Unauthorized');
    }
    const self = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
    if (!text) return { ...this.#byCertificate(identity, certificate), ...self };
    const token = this.#parse(text);
    const wanted = `devices/${deviceId}${moduleId === undefined ? '' : `/modules/${moduleId}`}`;
    const granted = this.#pathOf(token);
    // Ids with special characters are encoded inside the resource, which is encoded as a whole once more.
    if (!covers(granted, wanted) && !covers(decode(granted), wanted)) {
      throw new HubError('IotHubUnauthorizedAccess', 'The token is for another resource');
    }
    if (token.policy) {
      const policy = this.#hubPolicy(token);
      if (!policy.rights.includes('DeviceConnect')) {
        throw new HubError('IotHubUnauthorizedAccess', `Policy ${policy.name} lacks DeviceConnect`);
      }
      return { ...this.#principalOf(policy, token), ...self };
    }
    const keys = identity.authentication.type === 'sas' ? identity.authentication.symmetricKey : undefined;
    if (!keys || !isSignedBy(token, [keys.primaryKey, keys.secondaryKey], 'iothub')) {
      throw new HubError('IotHubUnauthorizedAccess', 'Unauthorized');
    }
    return {
      rights: new Set<HubRight>(['DeviceConnect']),
      authMethod: authMethod(moduleId === undefined ? 'device' : 'module', 'sas', 'iothub'),
      expiresAtMs: token.expiresAtMs,
      ...self,
    };
  }

  /** A token shown to the Event Hubs endpoint: of a hub policy, with its key as text, or of a namespace policy. */
  eventHub(text: string): EventHubGrant {
    const token = this.#parse(text);
    const grant = { path: this.#pathOf(token), expiresAtMs: token.expiresAtMs };
    const own = token.policy === undefined ? undefined : this.#policies.eventHub.get(token.policy);
    if (own && isSignedBy(token, [own.primaryKey, own.secondaryKey], 'eventhubs')) {
      return { ...grant, rights: new Set(own.rights) };
    }
    const hub = token.policy === undefined ? undefined : this.#policies.hub.get(token.policy);
    if (hub && isSignedBy(token, [hub.primaryKey, hub.secondaryKey], 'eventhubs')) {
      // The built-in endpoint is open for reading only, and only to policies with ServiceConnect.
      return { ...grant, rights: new Set(hub.rights.includes('ServiceConnect') ? ['Listen'] : []) };
    }
    throw new HubError('IotHubUnauthorizedAccess', 'Unauthorized access. The signature does not match.');
  }

  #parse(text: string | undefined): SasToken {
    const token = text ? parseSas(text) : undefined;
    if (!token)
      throw new HubError('IotHubUnauthorizedAccess', 'A shared access signature is missing or malformed');
    if (token.expiresAtMs <= this.nowMs() || this.#expired.has(token.signature)) {
      throw new HubError('IotHubUnauthorizedAccess', 'ExpiredToken: the token is expired');
    }
    const slash = token.path.indexOf('/');
    const host = slash < 0 ? token.path : token.path.slice(0, slash);
    if (!this.#hostNames.has(host)) {
      throw new HubError('IotHubUnauthorizedAccess', `InvalidAudience: the token is for ${host}`);
    }
    this.#note(token);
    return token;
  }

  #note(token: SasToken): void {
    this.#seen.set(token.signature, token.expiresAtMs);
    if (this.#seen.size < 20_000) return;
    const now = this.nowMs();
    for (const [signature, expiresAtMs] of this.#seen) if (expiresAtMs < now) this.#seen.delete(signature);
    // Still too many: the oldest go, in order of insertion.
    for (const signature of this.#seen.keys()) {
      if (this.#seen.size < 10_000) break;
      this.#seen.delete(signature);
    }
  }

  #hubPolicy(token: SasToken) {
    const policy = token.policy === undefined ? undefined : this.#policies.hub.get(token.policy);
    if (!policy || !isSignedBy(token, [policy.primaryKey, policy.secondaryKey], 'iothub')) {
      throw new HubError('IotHubUnauthorizedAccess', 'Unauthorized');
    }
    return policy;
  }

  #principalOf(policy: { name: string; rights: HubRight[] }, token: SasToken): Principal {
    return {
      policy: policy.name,
      rights: new Set(policy.rights),
      authMethod: authMethod('hub', 'sas', 'iothub'),
      expiresAtMs: token.expiresAtMs,
    };
  }

  /** What the token's resource says below the host. */
  #pathOf(token: SasToken): string {
    const slash = token.path.indexOf('/');
    return slash < 0 ? '' : token.path.slice(slash + 1);
  }

  #byCertificate(identity: Identity, certificate: ClientCertificate | undefined): Principal {
    const { type, x509Thumbprint } = identity.authentication;
    const known = [x509Thumbprint.primaryThumbprint, x509Thumbprint.secondaryThumbprint];
    const accepted =
      certificate !== undefined &&
      ((type === 'selfSigned' &&
        (known.includes(certificate.thumbprintSha1) || known.includes(certificate.thumbprintSha256))) ||
        // A module's certificate is named <device>/<module>, a device's by its device id.
        (type === 'certificateAuthority' &&
          certificate.chainTrusted &&
          certificate.commonName === subjectOf(identity)));
    if (!accepted) throw new HubError('IotHubUnauthorizedAccess', 'Unauthorized');
    return {
      rights: new Set<HubRight>(['DeviceConnect']),
      authMethod: authMethod(identity.moduleId === undefined ? 'device' : 'module', 'x509', 'external'),
      expiresAtMs: Number.POSITIVE_INFINITY,
    };
  }
}

function subjectOf(identity: Identity): string {
  return identity.moduleId === undefined ? identity.deviceId : `${identity.deviceId}/${identity.moduleId}`;
}

/** The article on device-to-cloud messages shows this object as the value of iothub-connection-auth-method. */
function authMethod(
  scope: 'hub' | 'device' | 'module',
  type: 'sas' | 'x509',
  issuer: 'iothub' | 'external',
): string {
  return JSON.stringify({ scope, type, issuer, acceptingIpFilterRule: null });
}
