/**
 * What configurations want of a twin. For devices and modules the content of the highest priority wins at each path.
 * For Edge deployments the highest base deployment wins as a whole, and layered deployments of a higher priority add
 * to it (article "Understand IoT Edge automatic deployments"). Among equal priorities the newest wins.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Configuration, ConfigurationContent, PathContent } from './configuration.ts';
import { identityKey } from './identity.ts';
import type { Target } from './query/queries.ts';
import { isObject, type JsonObject, merge } from './twin-document.ts';
import type { Twin } from './twins.ts';

const root = 'properties.desired';

export interface DesiredState extends Target {
  paths: PathContent;
  configurations: Twin['configurations'];
}

interface Targeted {
  configuration: Configuration;
  targets: Target[];
}

/** Twin key -> what is wanted of it. */
export function desiredStates(targeted: Targeted[]): Map<string, DesiredState> {
  const states = new Map<string, DesiredState>();
  const byDevice = new Map<string, Configuration[]>();
  const rising = [...targeted].sort((a, b) => compare(a.configuration, b.configuration));
  for (const { configuration, targets } of rising) {
    for (const target of targets) {
      const { deviceContent, moduleContent, modulesContent } = configuration.content;
      if (modulesContent) {
        const list = byDevice.get(target.deviceId) ?? [];
        byDevice.set(target.deviceId, [...list, configuration]);
      }
      const content = deviceContent ?? moduleContent;
      const state = stateOf(states, target);
      state.configurations[configuration.id] = { status: 'Targeted' };
      if (!content) continue;
      // Later means higher: its paths replace the lower ones, and lower paths inside or around them give way.
      for (const [path, value] of Object.entries(content)) put(state.paths, path, value);
      state.configurations[configuration.id] = { status: 'Applied' };
    }
  }
  for (const [deviceId, deployments] of byDevice) deploy(states, deviceId, deployments);
  return states;
}

function compare(a: Configuration, b: Configuration): number {
  return a.priority - b.priority || Date.parse(a.createdTimeUtc) - Date.parse(b.createdTimeUtc);
}

function stateOf(states: Map<string, DesiredState>, target: Target): DesiredState {
  const key = identityKey(target.deviceId, target.moduleId);
  const state = states.get(key) ?? { ...target, paths: {}, configurations: {} };
  states.set(key, state);
  return state;
}

function put(paths: PathContent, path: string, value: unknown): void {
  for (const other of Object.keys(paths)) {
    if (other === path || other.startsWith(`${path}.`)) delete paths[other];
  }
  paths[path] = value;
}

/** Layered deployments have no whole `properties.desired` of the Edge agent. */
function isLayered(configuration: Configuration): boolean {
  return configuration.content.modulesContent?.$edgeAgent?.[root] === undefined;
}

function deploy(states: Map<string, DesiredState>, deviceId: string, rising: Configuration[]): void {
  const base = rising.findLastIndex((configuration) => !isLayered(configuration));
  if (base < 0) return;
  const applied = rising
    .slice(base)
    .filter((configuration, index) => index === 0 || isLayered(configuration));
  const device = stateOf(states, { deviceId });
  for (const configuration of applied) {
    device.configurations[configuration.id] = { status: 'Applied' };
    for (const [moduleId, content] of Object.entries(configuration.content.modulesContent ?? {})) {
      const { paths } = stateOf(states, { deviceId, moduleId });
      for (const [path, value] of Object.entries(content)) put(paths, path, value);
    }
  }
}

/** The modules that a deployment names: with content of their own, and in the Edge agent's list. */
export function moduleNames(content: ConfigurationContent): string[] {
  const names = new Set(Object.keys(content.modulesContent ?? {}));
  for (const [path, value] of Object.entries(content.modulesContent?.$edgeAgent ?? {})) {
    if (path === root && isObject(value) && isObject(value.modules)) {
      for (const name of Object.keys(value.modules)) names.add(name);
    }
    const layered = /^properties\.desired\.modules\.([^.]+)/.exec(path)?.[1];
    if (layered) names.add(layered);
  }
  return [...names];
}

/** The document that the paths describe, starting from a whole document when there is one. */
export function pathsOf(paths: PathContent): JsonObject {
  let document: JsonObject = {};
  const shortestFirst = Object.entries(paths).sort(([a], [b]) => a.length - b.length);
  for (const [path, value] of shortestFirst) {
    if (path === root) document = merge(document, value as JsonObject);
    else document = merge(document, nest(path, value));
  }
  return document;
}

function nest(path: string, value: unknown): JsonObject {
  const names = path.slice(root.length + 1).split('.');
  return names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as JsonObject;
}

/**
 * The change that brings a document from what was written before to what is wanted now; undefined when it is there.
 * A whole `properties.desired` replaces the document, paths below it are merged into it.
 */
export function patchOf(
  current: JsonObject,
  wanted: PathContent,
  before: PathContent,
): { document: JsonObject; whole: boolean } | undefined {
  if (root in wanted) {
    const document = pathsOf(wanted);
    return isDeepStrictEqual(document, current) ? undefined : { document, whole: true };
  }
  if (root in before) {
    const document = pathsOf(wanted);
    return isDeepStrictEqual(document, current) ? undefined : { document, whole: true };
  }
  let document: JsonObject = {};
  for (const path of Object.keys(before)) {
    const covered = Object.keys(wanted).some((other) => path === other || path.startsWith(`${other}.`));
    if (!covered && valueAt(current, path) !== undefined) document = join(document, nest(path, null));
  }
  for (const [path, value] of Object.entries(wanted)) {
    if (isThere(valueAt(current, path), value)) continue;
    const gone = keysToClear(valueAt(current, path), value);
    document = join(document, nest(path, isObject(value) ? { ...gone, ...value } : value));
  }
  return Object.keys(document).length === 0 ? undefined : { document, whole: false };
}

function valueAt(document: JsonObject, path: string): unknown {
  let value: unknown = document;
  for (const name of path.slice(root.length + 1).split('.'))
    value = isObject(value) ? value[name] : undefined;
  return value;
}

function isThere(current: unknown, wanted: unknown): boolean {
  return wanted === null ? current === undefined : isDeepStrictEqual(current, wanted);
}

/** The content at a path is the section's whole content: keys that it does not have are removed. */
function keysToClear(current: unknown, wanted: unknown): JsonObject {
  if (!isObject(current) || !isObject(wanted)) return {};
  return Object.fromEntries(
    Object.keys(current)
      .filter((key) => !(key in wanted))
      .map((key) => [key, null]),
  );
}

/** Like merge, but keeps null, which in a patch removes. */
function join(left: JsonObject, right: JsonObject): JsonObject {
  const joined: JsonObject = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const old = joined[key];
    joined[key] = isObject(old) && isObject(value) ? join(old, value) : value;
  }
  return joined;
}
