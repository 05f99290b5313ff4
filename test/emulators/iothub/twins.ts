/**
 * Device and module twins. A twin comes and goes with its identity. Changes are told to the device (desired
 * properties, through DeviceSessions) and to whoever listens to 'changed' (the event stream).
 */
import { EventEmitter } from 'node:events';
import type { CommandQueues, DeviceSessions } from './hub.ts';
import { HubError } from './hub-error.ts';
import type { Identities } from './identities.ts';
import { type Identity, identityKey } from './identity.ts';
import type { Collection, StateStore } from './state-store.ts';
import {
  checkDocument,
  documentBytes,
  isObject,
  type JsonObject,
  merge,
  metadataOf,
  newSection,
  nullRefused,
  patchSection,
  renderSection,
  replaceSection,
  type Section,
  twinLimits,
  withoutReadOnly,
} from './twin-document.ts';

export interface Twin {
  deviceId: string;
  moduleId?: string;
  /** Grows with every change, also of reported properties. */
  version: number;
  /** Counts changes of tags and desired properties; the etag is its base64 form. */
  revision: number;
  tags: JsonObject;
  desired: Section;
  reported: Section;
  /** Configurations that target this twin, and whether their content is in it. */
  configurations: Record<string, { status: 'Targeted' | 'Applied' }>;
}

export interface TwinChange {
  deviceId: string;
  moduleId?: string;
  operation: 'updateTwin' | 'replaceTwin';
  before: Twin;
  /** What the change event carries. */
  body: JsonObject;
}

interface TwinEvents {
  changed: [change: TwinChange];
}

/** What a service may write. */
export interface TwinInput {
  tags?: unknown;
  properties?: { desired?: unknown; reported?: unknown } | null;
}

/** What a device sees of its twin: no tags, no metadata. */
export interface DeviceTwinView {
  desired: JsonObject;
  reported: JsonObject;
}

export interface TwinsParts {
  store: StateStore;
  identities: Identities;
  /** Asked when they are needed, since sessions and queues may be made after the twins. */
  sessions: () => DeviceSessions | undefined;
  queues: () => CommandQueues | undefined;
}

export class Twins extends EventEmitter<TwinEvents> {
  readonly #twins: Collection<Twin>;
  readonly #parts: TwinsParts;

  constructor(parts: TwinsParts) {
    super();
    this.#parts = parts;
    this.#twins = parts.store.collection<Twin>('twins');
    parts.identities.on('created', (identity) => this.#create(identity));
  }

  /** Throws DeviceNotFound or ModuleNotFound. */
  require(deviceId: string, moduleId?: string): Twin {
    this.#parts.identities.require(deviceId, moduleId);
    const twin = this.#twins.get(identityKey(deviceId, moduleId));
    if (!twin) throw new HubError('ServerError', `The twin of ${identityKey(deviceId, moduleId)} is missing`);
    return twin;
  }

  /** Called when the identity is gone and its last event has been made. */
  forget(deviceId: string, moduleId?: string): void {
    this.#twins.delete(identityKey(deviceId, moduleId));
  }

  /** The twin of an identity even when the identity has just been deleted. */
  peek(deviceId: string, moduleId?: string): Twin | undefined {
    return this.#twins.get(identityKey(deviceId, moduleId));
  }

  /** The twin JSON of the service API. */
  render(deviceId: string, moduleId?: string): JsonObject {
    const identity = this.#parts.identities.require(deviceId, moduleId);
    return this.renderWith(identity, this.require(deviceId, moduleId));
  }

  renderWith(identity: Identity, twin: Twin): JsonObject {
    const module = identity.moduleId !== undefined;
    return {
      deviceId: identity.deviceId,
      ...(module ? { moduleId: identity.moduleId } : {}),
      etag: etagOf(twin),
      deviceEtag: identity.etag,
      status: identity.status,
      ...(identity.statusReason === null ? {} : { statusReason: identity.statusReason }),
      statusUpdateTime: identity.statusUpdatedTime,
      connectionState: identity.connectionState,
      lastActivityTime: identity.lastActivityTime,
      cloudToDeviceMessageCount: module ? 0 : (this.#parts.queues()?.count(identity.deviceId) ?? 0),
      authenticationType: identity.authentication.type,
      x509Thumbprint: { ...identity.authentication.x509Thumbprint },
      modelId: identity.modelId,
      version: twin.version,
      ...(module && Object.keys(twin.tags).length === 0 ? {} : { tags: twin.tags }),
      properties: { desired: renderSection(twin.desired), reported: renderSection(twin.reported) },
      capabilities: { ...identity.capabilities },
      ...(Object.keys(twin.configurations).length === 0 ? {} : { configurations: twin.configurations }),
      ...(identity.deviceScope === undefined ? {} : { deviceScope: identity.deviceScope }),
      ...(identity.parentScopes === undefined ? {} : { parentScopes: identity.parentScopes }),
    };
  }

  /** The part of the twin that life-cycle and replace events carry. */
  renderForEvent(twin: Twin): JsonObject {
    return {
      deviceId: twin.deviceId,
      ...(twin.moduleId === undefined ? {} : { moduleId: twin.moduleId }),
      etag: etagOf(twin),
      version: twin.version,
      ...(Object.keys(twin.tags).length === 0 ? {} : { tags: twin.tags }),
      properties: { desired: renderSection(twin.desired), reported: renderSection(twin.reported) },
    };
  }

  getDeviceView(deviceId: string, moduleId?: string): DeviceTwinView {
    const twin = this.require(deviceId, moduleId);
    return {
      desired: { ...structuredClone(twin.desired.value), $version: twin.desired.version },
      reported: { ...structuredClone(twin.reported.value), $version: twin.reported.version },
    };
  }

  /**
   * Merges what a device reports and returns the new `$version` of its reported properties. Throws ArgumentInvalid,
   * and PreconditionFailed when the patch has a `$version` that is not the current one.
   */
  patchReported(deviceId: string, moduleId: string | undefined, patch: unknown): number {
    const twin = this.require(deviceId, moduleId);
    if (!isObject(patch)) throw new HubError('ArgumentInvalid', 'Reported properties must be a JSON object');
    if (typeof patch.$version === 'number' && patch.$version !== twin.reported.version) {
      throw new HubError(
        'PreconditionFailed',
        `Reported version is ${twin.reported.version}, not ${patch.$version}`,
      );
    }
    const clean = withoutReadOnly(patch);
    checkDocument(clean, 'reported properties');
    const reported = patchSection(twin.reported, clean, now(), false);
    checkGrowth(twin.reported.value, reported.value, twinLimits.propertiesBytes, 'reported properties');
    const next: Twin = { ...twin, version: twin.version + 1, reported };
    this.#put(next);
    this.#changed(twin, next, 'updateTwin', {
      version: next.version,
      properties: { reported: changedPart(clean, reported) },
    });
    return reported.version;
  }

  /** Merges tags and desired properties. `ifMatch` is an etag without quotes, '*', or undefined for no condition. */
  patch(deviceId: string, moduleId: string | undefined, input: TwinInput, ifMatch?: string): Twin {
    const twin = this.require(deviceId, moduleId);
    checkEtag(twin, ifMatch);
    const { tags, desired } = readInput(input, { patched: twin });
    if (tags === undefined && desired === undefined) return twin;
    const next: Twin = { ...twin, version: twin.version + 1, revision: twin.revision + 1 };
    const body: JsonObject = { version: next.version };
    if (tags) {
      next.tags = merge(twin.tags, tags);
      checkGrowth(twin.tags, next.tags, twinLimits.tagsBytes, 'tags');
      body.tags = tags;
    }
    if (desired) {
      next.desired = patchSection(twin.desired, desired, now(), true);
      checkGrowth(twin.desired.value, next.desired.value, twinLimits.propertiesBytes, 'desired properties');
      body.properties = { desired: changedPart(desired, next.desired) };
    }
    this.#put(next);
    if (desired) this.#notifyDevice(next, desired);
    this.#changed(twin, next, 'updateTwin', body);
    return next;
  }

  /** Puts whole documents in place of tags and desired properties; one that is absent stays as it is. */
  replace(deviceId: string, moduleId: string | undefined, input: TwinInput, ifMatch?: string): Twin {
    const twin = this.require(deviceId, moduleId);
    checkEtag(twin, ifMatch);
    const { tags, desired } = readInput(input, { nulls: 'refuse' });
    const next: Twin = { ...twin, version: twin.version + 1, revision: twin.revision + 1 };
    if (tags) {
      next.tags = merge({}, tags);
      checkGrowth(twin.tags, next.tags, twinLimits.tagsBytes, 'tags');
    }
    if (desired) {
      next.desired = replaceSection(twin.desired, desired, now(), true);
      checkGrowth(twin.desired.value, next.desired.value, twinLimits.propertiesBytes, 'desired properties');
    }
    this.#put(next);
    if (desired) this.#notifyDevice(next, next.desired.value);
    this.#changed(twin, next, 'replaceTwin', this.renderForEvent(next));
    return next;
  }

  /** Gives a twin that was just created the documents that a bulk creation carries; makes no change event. */
  seed(deviceId: string, moduleId: string | undefined, input: TwinInput): void {
    const { tags, desired } = readInput(input);
    const given = input.properties?.reported;
    const reported = isObject(given) ? withoutReadOnly(given) : undefined;
    if (!tags && !desired && !reported) return;
    if (reported) checkDocument(reported, 'reported properties');
    const twin = this.require(deviceId, moduleId);
    const first = { version: 0 };
    this.#put({
      ...twin,
      tags: merge({}, tags ?? {}),
      desired: desired ? replaceSection({ ...twin.desired, ...first }, desired, now(), true) : twin.desired,
      reported: reported
        ? replaceSection({ ...twin.reported, ...first }, reported, now(), false)
        : twin.reported,
    });
  }

  /** Notes which configurations target a twin. No change of the twin's versions, no event. */
  setConfigurations(
    deviceId: string,
    moduleId: string | undefined,
    configurations: Twin['configurations'],
  ): void {
    this.#put({ ...this.require(deviceId, moduleId), configurations });
  }

  #create(identity: Identity): void {
    this.#put({
      deviceId: identity.deviceId,
      ...(identity.moduleId === undefined ? {} : { moduleId: identity.moduleId }),
      version: 2,
      revision: 1,
      tags: {},
      desired: newSection(),
      reported: newSection(),
      configurations: {},
    });
  }

  #put(twin: Twin): void {
    this.#twins.set(identityKey(twin.deviceId, twin.moduleId), twin);
  }

  #notifyDevice(twin: Twin, patch: JsonObject): void {
    const version = twin.desired.version;
    this.#parts
      .sessions()
      ?.notifyDesired(twin.deviceId, twin.moduleId, { ...patch, $version: version }, version);
  }

  #changed(before: Twin, twin: Twin, operation: TwinChange['operation'], body: JsonObject): void {
    this.emit('changed', {
      before,
      deviceId: twin.deviceId,
      ...(twin.moduleId === undefined ? {} : { moduleId: twin.moduleId }),
      operation,
      body,
    });
  }
}

/** Base64 of an eight-byte counter, as in the documentation's examples (AAAAAAAAAAE=). */
export function etagOf(twin: Twin): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(twin.revision));
  return bytes.toString('base64');
}

interface ReadOptions {
  /** The twin that a patch goes to: there a null for a whole document removes all of its keys, as the SDK's own tests expect. */
  patched?: Twin;
  /** That a replacement refuses nulls inside a document is known; that it refuses one for a whole document is assumed. */
  nulls?: 'remove' | 'refuse';
}

/** Reads what a service wrote. */
function readInput(
  input: TwinInput,
  { patched, nulls = 'remove' }: ReadOptions = {},
): { tags?: JsonObject; desired?: JsonObject } {
  const read = (given: unknown, where: string, current: JsonObject | undefined): JsonObject | undefined => {
    if (given === undefined) return undefined;
    if (given === null && nulls === 'refuse') throw nullRefused(where);
    if (given === null) return Object.fromEntries(Object.keys(current ?? {}).map((key) => [key, null]));
    if (!isObject(given)) throw new HubError('ArgumentInvalid', `${where} must be a JSON object`);
    const clean = withoutReadOnly(given);
    checkDocument(clean, where, nulls);
    return clean;
  };
  const tags = read(input.tags, 'tags', patched?.tags);
  const desired = read(input.properties?.desired, 'desired properties', patched?.desired.value);
  return { ...(tags ? { tags } : {}), ...(desired ? { desired } : {}) };
}

function checkEtag(twin: Twin, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== etagOf(twin)) {
    throw new HubError('PreconditionFailed', `Etag ${ifMatch} does not match the current ${etagOf(twin)}`);
  }
}

function checkGrowth(before: JsonObject, after: JsonObject, limit: number, where: string): void {
  const bytes = documentBytes(after);
  if (bytes > limit && bytes > documentBytes(before)) {
    throw new HubError(
      'ArgumentInvalid',
      `Size of ${where} is ${bytes} bytes, more than the maximum ${limit}`,
    );
  }
}

function changedPart(patch: JsonObject, section: Section): JsonObject {
  return { ...patch, $metadata: metadataOf(patch, section.metadata), $version: section.version };
}

function now(): string {
  return new Date().toISOString();
}
