import type { Page, Twin, TwinPatch } from './hub-types.ts';
import type { EtagOptions } from './identities.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';

export interface QueryOptions extends CallOptions {
  /** Most items of a page, 1 to 1000. The hub may return fewer, even none, and still have more pages. Default 100. */
  readonly pageSize?: number;
  /** As the page before gave it. Absent for the first page. */
  readonly continuationToken?: string;
}

/** Names a twin: of a device, or of one of its modules. */
export interface TwinName {
  readonly deviceId: string;
  readonly moduleId?: string;
}

/**
 * Twins of devices and modules, and the query language over them (`SELECT * FROM devices WHERE ...`, `devices.modules`, `devices.jobs`).
 *
 * Errors: DEVICE_NOT_FOUND, PRECONDITION_FAILED, AZURE_REJECTED (a malformed query or patch) and what hub-rest.ts gives.
 */
export class Twins {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  async get(name: TwinName, options: CallOptions = {}): Promise<Twin> {
    const action = `Reading the twin of ${nameOf(name)}`;
    return (
      await this.#rest.request<Twin>({ ...options, ...READ, method: 'GET', path: twinPath(name), action })
    ).body;
  }

  /** Merges: a member that is null is removed, one that is absent stays. Returns the twin afterwards. */
  async patch(name: TwinName, patch: TwinPatch, options: EtagOptions = {}): Promise<Twin> {
    return await this.#write('PATCH', name, patch, options, `Changing the twin of ${nameOf(name)}`);
  }

  /** Replaces tags and desired properties as a whole; an absent part is emptied. Returns the twin afterwards. */
  async replace(name: TwinName, twin: TwinPatch, options: EtagOptions = {}): Promise<Twin> {
    return await this.#write(
      'PUT',
      name,
      { tags: twin.tags ?? {}, desired: twin.desired ?? {} },
      options,
      `Replacing the twin of ${nameOf(name)}`,
    );
  }

  /** One page of a query. */
  async query<T = Twin>(sql: string, options: QueryOptions = {}): Promise<Page<T>> {
    const { pageSize = 100, continuationToken, ...rest } = options;
    const { body, continuation } = await this.#rest.request<T[]>({
      ...rest,
      method: 'POST',
      path: '/devices/query',
      body: { query: sql },
      headers: {
        'x-ms-max-item-count': String(Math.min(Math.max(pageSize, 1), 1000)),
        ...(continuationToken === undefined ? {} : { 'x-ms-continuation': continuationToken }),
      },
      operation: 'query',
      repeatable: true,
      action: 'Running the query',
      right: 'ServiceConnect and RegistryRead',
    });
    return { items: body ?? [], ...(continuation === undefined ? {} : { continuationToken: continuation }) };
  }

  /** The first page from there on that has items; an empty one is the last. The hub may give an empty page and still have more. */
  async find<T = Twin>(sql: string, options: QueryOptions = {}): Promise<Page<T>> {
    return await nextFilled((place) => this.query<T>(sql, { ...options, ...place }), options);
  }

  /** Every page of a query, one after the other. `timeoutMs` bounds each page. */
  async *pages<T = Twin>(sql: string, options: QueryOptions = {}): AsyncGenerator<readonly T[], void> {
    let continuationToken = options.continuationToken;
    do {
      const page: Page<T> = await this.query<T>(sql, {
        ...options,
        ...(continuationToken === undefined ? {} : { continuationToken }),
      });
      if (page.items.length > 0) yield page.items;
      continuationToken = page.continuationToken;
    } while (continuationToken !== undefined);
  }

  async #write(
    method: 'PATCH' | 'PUT',
    name: TwinName,
    patch: TwinPatch,
    options: EtagOptions,
    action: string,
  ): Promise<Twin> {
    const { etag, ...rest } = options;
    const { tags, desired } = patch;
    const body = {
      ...(tags === undefined ? {} : { tags }),
      ...(desired === undefined ? {} : { properties: { desired } }),
    };
    const request = {
      ...rest,
      ...UPDATE,
      method,
      path: twinPath(name),
      body,
      ifMatch: etag ?? '*',
      action,
    } as const;
    return (await this.#rest.request<Twin>(request)).body;
  }
}

/** Asks for page after page until one has items or is the last. */
export async function nextFilled<T>(
  read: (place: Pick<QueryOptions, 'continuationToken'>) => Promise<Page<T>>,
  { continuationToken }: QueryOptions,
): Promise<Page<T>> {
  let page = await read(continuationToken === undefined ? {} : { continuationToken });
  while (page.items.length === 0 && page.continuationToken !== undefined)
    page = await read({ continuationToken: page.continuationToken });
  return page;
}

const READ = { operation: 'twinRead', right: 'ServiceConnect' } as const;
const UPDATE = { operation: 'twinUpdate', right: 'ServiceConnect' } as const;

function twinPath({ deviceId, moduleId }: TwinName): string {
  return moduleId === undefined
    ? hubPath('twins', deviceId)
    : hubPath('twins', deviceId, 'modules', moduleId);
}

/** How a device or module is called in messages. */
export function nameOf({ deviceId, moduleId }: TwinName): string {
  return moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
}

/** A text as a string literal of the query language, which escapes with a backslash. */
export function quoteForQuery(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
