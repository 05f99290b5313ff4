import { ConnectorError } from '../../errors/connector-error.ts';
import type { Page, Twin, TwinPatch } from './hub-types.ts';
import type { EtagOptions } from './identities.ts';
import {
  type CallOptions,
  type HubAnswer,
  hubPath,
  type RestClient,
  requireDocument,
} from './rest-client.ts';
import { callRegistry } from './transport.ts';

export interface QueryOptions extends CallOptions {
  /** Most items of a page, 1 to 1000. A page may have fewer or no items although more pages follow. Default 100. */
  readonly pageSize?: number;
  /** The token of the previous page. Absent for the first page. */
  readonly continuationToken?: string;
  /** Whether the items come with all digits of their numbers, as parseExact reads them. */
  readonly exactNumbers?: boolean;
}

/** Names a twin: of a device, or of one of its modules. */
export interface TwinName {
  readonly deviceId: string;
  readonly moduleId?: string;
}

/**
 * Twins of devices and modules, and the query language over them (`SELECT * FROM devices WHERE ...`, `devices.modules`, `devices.jobs`).
 *
 * Errors: DEVICE_NOT_FOUND, PRECONDITION_FAILED, AZURE_REJECTED (a malformed query or patch) and those of rest-client.ts.
 */
export class Twins {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  async get(name: TwinName, options: CallOptions = {}): Promise<Twin> {
    const { deviceId, moduleId } = name;
    const call = { ...options, ...READ, action: `Reading the twin of ${nameOf(name)}` };
    const answer = await callRegistry<Twin>(this.#rest, call, (registry) =>
      moduleId === undefined ? registry.getTwin(deviceId) : registry.getModuleTwin(deviceId, moduleId),
    );
    const twin = requireDocument(answer, 'deviceId', call.action);
    if (isObject(twin.properties?.desired) && isObject(twin.properties.reported)) return twin;
    throw new ConnectorError(
      'AZURE_FAILED',
      `${call.action}: the response has an unknown form: it has no properties.`,
    );
  }

  /** Merges: a member that is null is removed, an absent member stays. Returns the new twin. */
  async patch(name: TwinName, patch: TwinPatch, { etag = '*', ...options }: EtagOptions = {}): Promise<Twin> {
    const { deviceId, moduleId } = name;
    const call = { ...options, ...UPDATE, action: `Changing the twin of ${nameOf(name)}` };
    const content = twinContent(patch);
    const { body } = await callRegistry<Twin>(this.#rest, call, (registry) =>
      moduleId === undefined
        ? registry.updateTwin(deviceId, content, etag)
        : registry.updateModuleTwin(deviceId, moduleId, content, etag),
    );
    return body;
  }

  /** Replaces all tags and desired properties; an absent part is emptied. Returns the new twin. azure-iothub has no call for it. */
  async replace(
    name: TwinName,
    { tags, desired }: TwinPatch,
    { etag = '*', ...options }: EtagOptions = {},
  ): Promise<Twin> {
    const { deviceId, moduleId } = name;
    const { body } = await this.#rest.request<Twin>({
      ...options,
      ...UPDATE,
      method: 'PUT',
      path:
        moduleId === undefined ? hubPath('twins', deviceId) : hubPath('twins', deviceId, 'modules', moduleId),
      body: twinContent({ tags: tags ?? {}, desired: desired ?? {} }),
      ifMatch: etag,
      action: `Replacing the twin of ${nameOf(name)}`,
    });
    return body;
  }

  /** One page of a query. */
  async query<T = Twin>(sql: string, options: QueryOptions = {}): Promise<Page<T>> {
    const { pageSize = 100, continuationToken, ...rest } = options;
    const call = {
      ...rest,
      operation: 'query',
      right: 'ServiceConnect and RegistryRead',
      repeatable: true,
      action: 'Running the query',
    } as const;
    const answer = await callRegistry<T[]>(this.#rest, call, (registry) =>
      registry.createQuery(sql, Math.min(Math.max(pageSize, 1), 1000)).next(continuationToken ?? ''),
    );
    return pageOf(answer);
  }

  /** The next page that has items; an empty page is the last one. The hub may return an empty page before the last one. */
  async find<T = Twin>(sql: string, options: QueryOptions = {}): Promise<Page<T>> {
    return await nextNonEmpty((place) => this.query<T>(sql, { ...options, ...place }), options);
  }
}

/** Reads pages until one has items or is the last. */
export async function nextNonEmpty<T>(
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

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The name of a device or module in messages. */
export function nameOf({ deviceId, moduleId }: TwinName): string {
  return moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
}

/** The content of a twin as the API expects it. */
export function twinContent({ tags, desired }: TwinPatch): object {
  return {
    ...(tags === undefined ? {} : { tags }),
    ...(desired === undefined ? {} : { properties: { desired } }),
  };
}

/** The response of a query as a page. */
export function pageOf<T>({ body, continuation }: HubAnswer<T[] | undefined>): Page<T> {
  return { items: body ?? [], ...(continuation === undefined ? {} : { continuationToken: continuation }) };
}

/** A string literal of the query language, which escapes with a backslash. */
export function quoteForQuery(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
