/**
 * IoT Plug and Play's view of a twin: one document with the current values, and beside them in `$metadata` what is
 * desired and what the device acknowledged. Shapes are those of the articles "Understand IoT Plug and Play digital
 * twins" and "Manage IoT Plug and Play digital twins".
 *
 * No model is read: what is a component is told by the marker `__t`, as the convention demands of devices.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ChangeEvents } from './change-events.ts';
import { HubError } from './hub-error.ts';
import type { Identities } from './identities.ts';
import { isObject, type JsonObject } from './twin-document.ts';
import { etagOf, type Twin, type TwinInput, type Twins } from './twins.ts';

export interface PatchOperation {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

const namePattern = /^[A-Za-z](?:[A-Za-z0-9_]{0,62}[A-Za-z0-9])?$/;

export class DigitalTwins {
  readonly #identities: Identities;
  readonly #twins: Twins;
  readonly #changes: ChangeEvents;

  constructor(identities: Identities, twins: Twins, changes: ChangeEvents) {
    this.#identities = identities;
    this.#twins = twins;
    this.#changes = changes;
  }

  /** Begins to make digital twin change events, for identities with a model id only. */
  start(): void {
    this.#twins.on('changed', ({ deviceId, moduleId, before }) => {
      const identity = this.#identities.get(deviceId, moduleId);
      const after = this.#twins.peek(deviceId, moduleId);
      if (!identity?.modelId || !after) return;
      const { modelId } = identity;
      const patch = difference(renderDigitalTwin(before, modelId), renderDigitalTwin(after, modelId));
      if (patch.length > 0) this.#changes.digitalTwinChange(deviceId, moduleId, patch);
    });
    this.#identities.on('modelIdChanged', ({ deviceId, moduleId, modelId }) => {
      this.#changes.digitalTwinChange(deviceId, moduleId, [
        { op: 'add', path: '/$metadata/$model', value: modelId },
      ]);
    });
  }

  get(deviceId: string): { document: JsonObject; etag: string } {
    const { modelId } = this.#identities.require(deviceId);
    const twin = this.#twins.require(deviceId);
    return { document: renderDigitalTwin(twin, modelId), etag: etagOf(twin) };
  }

  /** Applies a JSON patch to the desired properties. Throws InvalidDigitalTwinJsonPatch or ArgumentInvalid. */
  patch(deviceId: string, patch: unknown, ifMatch: string | undefined): { etag: string } {
    const twin = this.#twins.require(deviceId);
    const desired: JsonObject = {};
    for (const operation of readPatch(patch)) addToDesired(desired, operation, twin);
    const input: TwinInput = { properties: { desired } };
    return { etag: etagOf(this.#twins.patch(deviceId, undefined, input, ifMatch)) };
  }
}

/** Renders one twin. A property that is only desired has metadata but no value. */
export function renderDigitalTwin(twin: Twin, modelId: string): JsonObject {
  const document: JsonObject = { $dtId: twin.deviceId };
  const metadata: JsonObject = modelId === '' ? {} : { $model: modelId };
  fill(document, metadata, {
    desired: twin.desired.value,
    desiredMetadata: twin.desired.metadata,
    reported: twin.reported.value,
    reportedMetadata: twin.reported.metadata,
  });
  document.$metadata = metadata;
  return document;
}

interface Level {
  desired: JsonObject;
  desiredMetadata: JsonObject;
  reported: JsonObject;
  reportedMetadata: JsonObject;
}

function fill(document: JsonObject, metadata: JsonObject, level: Level): void {
  const names = new Set([...Object.keys(level.reported), ...Object.keys(level.desired)]);
  for (const name of names) {
    if (name === '__t') continue;
    const reported = level.reported[name];
    const desired = level.desired[name];
    if (isComponent(reported) || isComponent(desired)) {
      const component: JsonObject = {};
      const inner: JsonObject = {};
      fill(component, inner, {
        desired: asObject(desired),
        desiredMetadata: asObject(level.desiredMetadata[name]),
        reported: asObject(reported),
        reportedMetadata: asObject(level.reportedMetadata[name]),
      });
      component.$metadata = inner;
      document[name] = component;
      continue;
    }
    const facts: JsonObject = {};
    if (desired !== undefined) {
      facts.desiredValue = desired;
      facts.desiredVersion = asObject(level.desiredMetadata[name]).$lastUpdatedVersion;
    }
    if (reported !== undefined) {
      if (isAcknowledgement(reported)) {
        document[name] = reported.value;
        facts.ackVersion = reported.av;
        facts.ackCode = reported.ac;
        if (reported.ad !== undefined) facts.ackDescription = reported.ad;
      } else {
        document[name] = reported;
      }
      facts.lastUpdateTime = asObject(level.reportedMetadata[name]).$lastUpdated;
    }
    metadata[name] = facts;
  }
}

function isComponent(value: unknown): boolean {
  return isObject(value) && value.__t === 'c';
}

function isAcknowledgement(value: unknown): value is JsonObject {
  return isObject(value) && 'value' in value && 'ac' in value && 'av' in value;
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function readPatch(patch: unknown): PatchOperation[] {
  if (!Array.isArray(patch))
    throw new HubError('InvalidDigitalTwinJsonPatch', 'The body must be a JSON patch');
  return patch.map((entry: unknown) => {
    const { op, path, value } = asObject(entry);
    if ((op !== 'add' && op !== 'replace' && op !== 'remove') || typeof path !== 'string') {
      throw new HubError('InvalidDigitalTwinJsonPatch', 'An operation is add, replace or remove with a path');
    }
    return { op, path, value };
  });
}

function addToDesired(desired: JsonObject, { op, path, value }: PatchOperation, twin: Twin): void {
  const names = path.split('/').slice(1);
  const [first, second] = names;
  if (!path.startsWith('/') || !first || names.length > 2 || !names.every((name) => namePattern.test(name))) {
    throw new HubError('InvalidDigitalTwinPatch', `The path ${path} is not of a component or property`);
  }
  const componentNow = isComponent(twin.desired.value[first]) || isComponent(twin.reported.value[first]);
  if (second !== undefined) {
    const component = isObject(desired[first]) ? desired[first] : { __t: 'c' };
    component[second] = op === 'remove' ? null : value;
    desired[first] = component;
    return;
  }
  if (op === 'remove') {
    desired[first] = componentNow ? componentWithout(asObject(twin.desired.value[first]), {}) : null;
    return;
  }
  const isNewComponent = isObject(value) && isObject(value.$metadata);
  if (componentNow && !isNewComponent) {
    throw new HubError('ArgumentInvalid', `A component needs an empty $metadata object, ${first} has none`);
  }
  if (isNewComponent) {
    const { $metadata: _marker, ...properties } = value;
    desired[first] = componentWithout(asObject(twin.desired.value[first]), properties);
  } else {
    desired[first] = value;
  }
}

/** A whole component: what it does not name is cleared. */
function componentWithout(before: JsonObject, properties: JsonObject): JsonObject {
  const cleared = Object.fromEntries(
    Object.keys(before)
      .filter((name) => name !== '__t')
      .map((name) => [name, null]),
  );
  return { __t: 'c', ...cleared, ...properties };
}

/** The JSON patch that turns one document into the other. */
export function difference(before: JsonObject, after: JsonObject, at = ''): PatchOperation[] {
  const operations: PatchOperation[] = [];
  for (const [name, value] of Object.entries(after)) {
    const path = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const old = before[name];
    if (isObject(value) && isObject(old)) operations.push(...difference(old, value, path));
    else if (old === undefined) operations.push({ op: 'add', path, value });
    else if (!isDeepStrictEqual(old, value)) operations.push({ op: 'replace', path, value });
  }
  for (const name of Object.keys(before)) {
    if (name in after) continue;
    operations.push({ op: 'remove', path: `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` });
  }
  return operations;
}
