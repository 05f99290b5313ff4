import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { Page, Twin } from '../azure/iot-hub/hub-types.ts';
import { quoteForQuery } from '../azure/iot-hub/twins.ts';
import type { Log } from '../observe/log.ts';
import { persist } from '../tasks/task.ts';
import { deviceView } from '../translate/sources/twin-view.ts';
import type { ImportedDevice } from './rules.ts';

/** Which devices. */
export type Selection =
  | { readonly kind: 'all' }
  /** The part of a query after WHERE. */
  | { readonly kind: 'query'; readonly condition: string }
  | { readonly kind: 'list'; readonly deviceIds: readonly string[] };

/** Where reading goes on: a page of the query, a place in the list, or in the blob of an export job. */
export interface Place {
  readonly token?: string;
  readonly index?: number;
  readonly offset?: number;
}

export interface DevicePage {
  readonly devices: readonly ImportedDevice[];
  /** Ids of the list that the hub does not have. */
  readonly unknown: readonly string[];
  /** Where the next page begins; undefined after the last. */
  readonly next: Place | undefined;
}

/** Twins can have 70 KB; a page must not be felt in memory, and must be worth one of the few queries that a small tier allows. */
const PAGE_SIZE = 500;
/** The text of a query has a limit of its own. */
const IDS_PER_QUERY = 50;
/** A query may have to wait for its turn for minutes. */
const TIMEOUT_MS = 600_000;

/** The most devices that a query reads. */
export function devicesPerQuery({ kind }: Selection): number {
  return kind === 'list' ? IDS_PER_QUERY : PAGE_SIZE;
}

/**
 * The twins of the selected devices, page by page, within the rates of the hub's tier. One page is read ahead: on a small tier it has to wait
 * for its turn, and the Things of the page before are made meanwhile.
 */
export async function* readAhead(pages: AsyncGenerator<DevicePage, void>): AsyncGenerator<DevicePage, void> {
  const read = () => {
    const page = pages.next();
    // Told when it is its turn.
    page.catch(() => undefined);
    return page;
  };
  let next = read();
  for (;;) {
    const { done, value } = await next;
    if (done) return;
    next = read();
    yield value;
  }
}

/** By queries. */
export async function* queryPages(
  azure: () => Promise<HubClients>,
  selection: Selection,
  from: Place | undefined,
  signal: AbortSignal,
  log: Log,
): AsyncGenerator<DevicePage, void> {
  const query = async (sql: string, token?: string): Promise<Page<Twin>> =>
    persist(
      async () => {
        const { twins } = await azure();
        return await twins.query(sql, {
          pageSize: PAGE_SIZE,
          timeoutMs: TIMEOUT_MS,
          signal,
          ...(token === undefined ? {} : { continuationToken: token }),
        });
      },
      signal,
      log,
    );
  if (selection.kind === 'list') {
    const ids = [...new Set(selection.deviceIds)];
    for (let index = from?.index ?? 0; index < ids.length; index += IDS_PER_QUERY) {
      const some = ids.slice(index, index + IDS_PER_QUERY);
      const devices: ImportedDevice[] = [];
      let token: string | undefined;
      do {
        const page = await query(
          `SELECT * FROM devices WHERE deviceId IN [${some.map(quoteForQuery).join(', ')}]`,
          token,
        );
        devices.push(...page.items.map(imported));
        token = page.continuationToken;
      } while (token !== undefined);
      const found = new Set(devices.map(({ deviceId }) => deviceId));
      const next = index + some.length;
      yield {
        devices,
        unknown: some.filter((id) => !found.has(id)),
        next: next < ids.length ? { index: next } : undefined,
      };
    }
    return;
  }
  const sql = selectionQuery(selection);
  let token = from?.token;
  do {
    const page = await query(sql, token);
    token = page.continuationToken;
    yield {
      devices: page.items.map(imported),
      unknown: [],
      next: token === undefined ? undefined : { token },
    };
  } while (token !== undefined);
}

function selectionQuery(selection: { kind: 'all' } | { kind: 'query'; condition: string }): string {
  return selection.kind === 'all'
    ? 'SELECT * FROM devices'
    : `SELECT * FROM devices WHERE ${selection.condition}`;
}

/** How many devices are selected; undefined when the hub does not say. */
export async function countDevices(
  azure: () => Promise<HubClients>,
  selection: Selection,
  signal: AbortSignal,
  log: Log,
): Promise<number | undefined> {
  if (selection.kind === 'list') return new Set(selection.deviceIds).size;
  return await persist(
    async () => {
      const { registry, twins } = await azure();
      const options = { signal, timeoutMs: TIMEOUT_MS };
      if (selection.kind === 'all') return (await registry.statistics(options)).totalDeviceCount;
      const sql = `SELECT COUNT() AS total FROM devices WHERE ${selection.condition}`;
      const page = await twins.query<{ total?: number }>(sql, options);
      return page.items[0]?.total;
    },
    signal,
    log,
  );
}

/** How many devices say which model they have. */
export async function countModelled(
  azure: () => Promise<HubClients>,
  signal: AbortSignal,
  log: Log,
): Promise<number> {
  const condition = "is_defined(modelId) AND modelId != ''";
  return (await countDevices(azure, { kind: 'query', condition }, signal, log)) ?? 0;
}

export function imported(twin: Twin): ImportedDevice {
  return {
    deviceId: twin.deviceId,
    modelId: twin.modelId || undefined,
    isEdge: twin.capabilities?.iotEdge === true,
    tags: twin.tags ?? {},
    view: deviceView(twin),
  };
}
