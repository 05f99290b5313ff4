/** Runs queries over the hub's collections, with projection, grouping and pages. */
import { createHash } from 'node:crypto';
import { HubError } from '../hub-error.ts';
import type { Identities } from '../identities.ts';
import { identityKey } from '../identity.ts';
import type { JsonObject } from '../twin-document.ts';
import type { Twins } from '../twins.ts';
import { holds, type Resolver, valueAt } from './evaluate.ts';
import {
  type Aggregate,
  type CollectionName,
  type Expression,
  type Path,
  type Projection,
  parseQuery,
  parseTarget,
  type Query,
} from './syntax.ts';

export interface Page {
  items: JsonObject[];
  /** Absent on the last page. */
  continuation?: string;
  /** The value of the x-ms-item-type header. */
  itemType: 'Twin' | 'DeviceJob' | 'Raw';
}

/** A twin that a condition found. */
export interface Target {
  deviceId: string;
  moduleId?: string;
}

export interface QueriesParts {
  identities: Identities;
  twins: Twins;
  /** The rows of devices.jobs. */
  deviceJobs: () => Iterable<JsonObject>;
}

export class Queries {
  readonly #parts: QueriesParts;

  constructor(parts: QueriesParts) {
    this.#parts = parts;
  }

  /** Throws ArgumentInvalid for a malformed query or continuation token. */
  run(text: string, maxItems: number, continuation?: string): Page {
    const query = parseQuery(text);
    const rows = this.#rows(query);
    const itemType = query.projections ? 'Raw' : query.from === 'devices.jobs' ? 'DeviceJob' : 'Twin';
    const start = continuation === undefined ? 0 : readToken(continuation, text, rows);
    const items = rows.slice(start, start + maxItems);
    const next = start + items.length;
    if (next >= rows.length) return { items: items.map((row) => row.item), itemType };
    return {
      items: items.map((row) => row.item),
      itemType,
      continuation: writeToken(text, next, items.at(-1)?.key ?? ''),
    };
  }

  /** Number of rows that a query gives, for the metrics of configurations. */
  count(text: string): number {
    return this.#rows(parseQuery(text)).length;
  }

  /** The twins that a target condition of a job or a configuration matches. Throws ArgumentInvalid. */
  targets(condition: string): Target[] {
    const target = parseTarget(condition);
    if (!target) return [];
    const found: Target[] = [];
    for (const { deviceId, moduleId, document } of this.#twins(target.from)) {
      if (target.where && !holds(target.where, twinResolver(document))) continue;
      found.push(moduleId === undefined ? { deviceId } : { deviceId, moduleId });
    }
    return found;
  }

  /** Whether one twin matches a condition that was parsed before. */
  matches(deviceId: string, moduleId: string | undefined, where: Expression | undefined): boolean {
    return !where || holds(where, twinResolver(this.#parts.twins.render(deviceId, moduleId)));
  }

  #rows(query: Query): { key: string; item: JsonObject }[] {
    checkSupported(query);
    const matching: { key: string; item: JsonObject; resolve: Resolver }[] = [];
    if (query.from === 'devices.jobs') {
      for (const item of this.#parts.deviceJobs()) {
        const resolve = rootAnyCase(item);
        if (query.where && !holds(query.where, resolve)) continue;
        matching.push({ key: `${String(item.jobId)}/${String(item.deviceId)}`, item, resolve });
      }
    } else {
      for (const { deviceId, moduleId, document } of this.#twins(query.from)) {
        const resolve = twinResolver(document);
        if (query.where && !holds(query.where, resolve)) continue;
        matching.push({ key: identityKey(deviceId, moduleId), item: document, resolve });
      }
    }
    const { projections } = query;
    const rows = !projections
      ? matching
      : projections.some((projection) => projection.aggregate) || query.groupBy
        ? group(projections, query.groupBy ?? [], matching)
        : matching.map((row) => ({ key: row.key, item: project(projections, row.item, row.resolve) }));
    return query.top === undefined ? rows : rows.slice(0, query.top);
  }

  *#twins(from: CollectionName): Iterable<{ deviceId: string; moduleId?: string; document: JsonObject }> {
    const { identities, twins } = this.#parts;
    for (const device of identities.devices()) {
      const { deviceId } = device;
      if (from === 'devices') yield { deviceId, document: twins.renderWith(device, twins.require(deviceId)) };
      else {
        for (const module of identities.modulesOf(deviceId)) {
          const moduleId = module.moduleId ?? '';
          yield { deviceId, moduleId, document: twins.renderWith(module, twins.require(deviceId, moduleId)) };
        }
      }
    }
  }
}

/** The limits of the article: jobs take no projections and no grouping. */
function checkSupported(query: Query): void {
  if (query.from === 'devices.jobs' && (query.projections || query.groupBy)) {
    throw new HubError('ArgumentInvalid', 'BadRequest: devices.jobs supports SELECT * without GROUP BY only');
  }
  if (query.groupBy && !query.projections) {
    throw new HubError('ArgumentInvalid', 'BadRequest: GROUP BY needs a list of projections');
  }
}

function twinResolver(document: JsonObject): Resolver {
  return rootAnyCase(document);
}

/** Names at the root are found in any case (the article writes DeviceId), those below only as they are written. */
function rootAnyCase(document: JsonObject): Resolver {
  return (path) => valueAt(document, [rootName(document, path), ...path.slice(1)]);
}

function rootName(document: JsonObject, path: Path): string {
  const name = String(path[0]);
  if (Object.hasOwn(document, name)) return name;
  const lower = name.toLowerCase();
  return Object.keys(document).find((key) => key.toLowerCase() === lower) ?? name;
}

/** A value that a twin does not have is left out of its row. */
function project(projections: Projection[], document: JsonObject, resolve: Resolver): JsonObject {
  const row: JsonObject = {};
  for (const { alias, path } of projections) {
    const value = path ? resolve(path) : undefined;
    if (value === undefined) continue;
    const isPlainRootName = path?.length === 1 && alias === path[0];
    row[isPlainRootName ? rootName(document, path) : alias] = value;
  }
  return row;
}

function group(
  projections: Projection[],
  groupBy: Path[],
  rows: { item: JsonObject; resolve: Resolver }[],
): { key: string; item: JsonObject }[] {
  const groups = new Map<string, { item: JsonObject; resolve: Resolver }[]>();
  for (const row of rows) {
    const key = JSON.stringify(groupBy.map((path) => row.resolve(path) ?? null));
    const members = groups.get(key);
    if (members) members.push(row);
    else groups.set(key, [row]);
  }
  // Without GROUP BY there is always one group, so that COUNT() of nothing is 0.
  if (groupBy.length === 0 && groups.size === 0) groups.set('[]', []);
  return [...groups].map(([key, members]) => {
    const item: JsonObject = {};
    for (const { alias, path, aggregate: name } of projections) {
      const value = name ? aggregate(name, path, members) : path && members[0]?.resolve(path);
      if (value !== undefined) item[alias] = value;
    }
    return { key, item };
  });
}

function aggregate(name: Aggregate, path: Path | undefined, rows: { resolve: Resolver }[]): unknown {
  if (name === 'count')
    return path ? rows.filter((row) => row.resolve(path) !== undefined).length : rows.length;
  const values = rows.map((row) => row.resolve(path ?? [])).filter((value) => typeof value === 'number');
  if (values.length === 0) return undefined;
  if (name === 'min') return values.reduce((least, value) => Math.min(least, value));
  if (name === 'max') return values.reduce((most, value) => Math.max(most, value));
  const sum = values.reduce((total, value) => total + value, 0);
  return name === 'sum' ? sum : sum / values.length;
}

/**
 * The token remembers the last row as well as its place, so that the next page goes on behind it although rows before
 * it were deleted meanwhile.
 */
function writeToken(query: string, index: number, key: string): string {
  return Buffer.from(JSON.stringify([digest(query), index, key])).toString('base64');
}

function readToken(token: string, query: string, rows: { key: string }[]): number {
  try {
    const [hash, index, key] = JSON.parse(Buffer.from(token, 'base64').toString('utf8')) as [
      string,
      number,
      string,
    ];
    if (hash === digest(query) && Number.isInteger(index)) {
      if (rows[index - 1]?.key === key) return index;
      const found = rows.findIndex((row) => row.key === key);
      return found < 0 ? Math.min(index, rows.length) : found + 1;
    }
  } catch {
    // Told below.
  }
  throw new HubError('ArgumentInvalid', 'The continuation token is not of this query');
}

function digest(query: string): string {
  return createHash('sha256').update(query).digest('base64').slice(0, 12);
}
