import Type from 'typebox';
import { OneOf, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { callModule, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { signedInMembers } from './binding-members.ts';
import type { ServerAccess } from './node-description.ts';
import { knownDataType } from './node-types.ts';
import {
  checkResult,
  connectionMembers,
  envelope,
  LONGEST_ID,
  listedNodeMembers,
  members,
  nameOf,
  objectOf,
  rowsOf,
  text,
} from './opc-members.ts';

const FoundNode = Type.Object(
  {
    ...listedNodeMembers,
    path: Type.String({
      description: 'The display names of the nodes above it, below the start of the search.',
    }),
    isComplete: Type.Boolean({
      description:
        'Whether the search has looked at the whole subtree; the same on every row. If not, raise the limits or start lower in the tree.',
    }),
  },
  { description: 'A node that FindNodes has found.' },
);

/** One page of an answer. */
const PAGE_SIZE = 200;
/** Of one node. A server may answer with a page that is empty, but not for ever. */
const MOST_PAGES = 50;
/** The search ends before the script that waits for it. */
const SEARCH_MS = 18_000;
const RESPONSE_SECONDS = 8;
const CALLS_AT_ONCE = 4;
/** The Server object, which every server has below Objects: some hundred nodes about the server itself. */
const SERVER_OBJECT = /^(?:ns=0;)?i=2253$/;
/** PropertyType: properties of nodes, such as EURange, have values and are no nodes to look for. */
const PROPERTY_TYPE = /^(?:ns=0;)?i=68$|PropertyType$/;

const findNodes = defineOperation({
  name: 'FindNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC UA bindings',
  role: 'operator',
  summary: 'Searches the subtree below a node of an OPC UA server by name, class and data type.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/find',
  input: Type.Object({
    ...signedInMembers,
    endpointUrl: connectionMembers.endpointUrl,
    securityMode: connectionMembers.securityMode,
    nodeId: Type.Optional(
      Type.String({
        maxLength: 2_048,
        description: 'The node below which is searched. Empty: the Objects folder.',
      }),
    ),
    name: Type.Optional(
      Type.String({
        maxLength: 256,
        description:
          'A part of the display name; * stands for any characters, and the whole name must match then. Case does not matter. Empty: all.',
      }),
    ),
    nodeClass: Type.Optional(
      OneOf(['Variable', 'Object', 'Method', 'all'], {
        default: 'Variable',
        description: 'The class of the nodes: Variable, Object, Method or all.',
      }),
    ),
    dataType: Type.Optional(
      Type.String({ maxLength: 256, description: 'The data type of variables, such as Double. Empty: all.' }),
    ),
    maxDepth: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 20,
        default: 5,
        description: 'The number of levels that are searched.',
      }),
    ),
    maxNodes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'The maximum number of nodes that are returned.',
      }),
    ),
  }),
  output: Type.Object({
    nodes: Table(FoundNode, 'AzureIoT.FoundNode_DS', {
      description: 'The nodes, in the order of the tree levels.',
    }),
  }),
  result: 'nodes',
  errors: ['REQUEST_INVALID', ...MODULE_ERRORS],
  timeoutMs: 28_000,
  async run({ hubs, signal }, input) {
    const { hub, deviceId, moduleId, nodeId, name, nodeClass, dataType, maxDepth, maxNodes } = input;
    const { endpointUrl, securityMode, serverUserName: userName, serverPassword: password } = input;
    const server: ServerAccess = {
      azure: await hubs.require(hub).azure(),
      module: { deviceId, moduleId },
      connection: { endpointUrl, securityMode, userName, password },
      signal,
    };
    const isNamed = nameTest(name ?? '');
    const wantedClass = nodeClass ?? 'Variable';
    const wantedType = dataType?.trim().toLowerCase() ?? '';
    const search = new NodeSearch(server, {
      maxDepth: maxDepth ?? 5,
      maxNodes: maxNodes ?? 100,
      isWanted: (node) =>
        (wantedClass === 'all' || node.nodeClass === wantedClass) &&
        isNamed(node.displayName) &&
        (wantedType === '' || node.dataType.toLowerCase() === wantedType),
    });
    const { found, isComplete } = await search.run(nodeId || OBJECTS);
    return { nodes: found.map((node) => ({ ...node, isComplete })) };
  },
});

const OBJECTS = 'i=85';

interface Found {
  readonly nodeId: string;
  readonly displayName: string;
  readonly path: string;
  readonly nodeClass: string;
  readonly dataType: string;
}

interface SearchOptions {
  readonly maxDepth: number;
  readonly maxNodes: number;
  readonly isWanted: (node: Found) => boolean;
}

/** A node whose nodes below it are still to be read. */
interface Branch {
  readonly nodeId: string;
  readonly path: string;
}

/** Reads a subtree level by level, each node once: the references of a server may form circles. */
class NodeSearch {
  readonly #server: ServerAccess;
  readonly #options: SearchOptions;
  readonly #seen = new Set<string>();
  readonly #found: Found[] = [];
  #endMs = 0;
  /** Why a part of the subtree is left out. */
  #cut: 'time' | 'limits' | undefined;

  constructor(server: ServerAccess, options: SearchOptions) {
    this.#server = server;
    this.#options = options;
  }

  async run(start: string): Promise<{ readonly found: readonly Found[]; readonly isComplete: boolean }> {
    this.#endMs = Date.now() + SEARCH_MS;
    this.#seen.add(start);
    let level: Branch[] = [{ nodeId: start, path: '' }];
    for (let depth = 1; level.length > 0 && !this.#cut; depth++) {
      if (depth > this.#options.maxDepth) {
        this.#cut = 'limits';
        break;
      }
      const next: Branch[] = [];
      for (let first = 0; first < level.length && !this.#cut; first += CALLS_AT_ONCE) {
        const some = level.slice(first, first + CALLS_AT_ONCE);
        const pages = await Promise.all(some.map((branch) => this.#children(branch)));
        for (const [i, nodes] of pages.entries()) this.#take(some[i] as Branch, nodes, next);
      }
      level = next;
    }
    if (this.#cut && this.#found.length === 0) throw nothingFound(this.#cut);
    return { found: this.#found, isComplete: this.#cut === undefined };
  }

  #take({ path }: Branch, nodes: readonly Readonly<Record<string, unknown>>[], next: Branch[]): void {
    for (const node of nodes) {
      const nodeId = text(node['nodeId']);
      if (nodeId === '' || nodeId.length > LONGEST_ID || this.#seen.has(nodeId)) continue;
      if (PROPERTY_TYPE.test(text(node['typeDefinitionId']))) continue;
      this.#seen.add(nodeId);
      const dataType = nameOf(node['dataType']);
      const found: Found = {
        nodeId,
        displayName: nameOf(node['displayName']) || nameOf(node['browseName']),
        path,
        nodeClass: nameOf(node['nodeClass']),
        dataType: knownDataType(dataType) ?? dataType,
      };
      if (this.#options.isWanted(found)) {
        if (this.#found.length >= this.#options.maxNodes) {
          this.#cut = 'limits';
          return;
        }
        this.#found.push(found);
      }
      if (node['children'] !== false && !SERVER_OBJECT.test(nodeId))
        next.push({ nodeId, path: path === '' ? found.displayName : `${path}/${found.displayName}` });
    }
  }

  async #children({ nodeId }: Branch): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const nodes: Readonly<Record<string, unknown>>[] = [];
    let token = '';
    let pages = 0;
    do {
      if (Date.now() >= this.#endMs) {
        this.#cut = 'time';
        return nodes;
      }
      const page = await this.#page(nodeId, token);
      nodes.push(...page.nodes);
      token = page.token;
      pages += 1;
    } while (token !== '' && pages < MOST_PAGES && nodes.length < this.#options.maxNodes * 2);
    if (token !== '') this.#cut = 'limits';
    return nodes;
  }

  async #page(nodeId: string, token: string) {
    const { azure, module, connection, signal } = this.#server;
    const request =
      token === ''
        ? { nodeId, direction: 'Forward', maxReferencesToReturn: PAGE_SIZE, targetNodesOnly: true }
        : { continuationToken: token, targetNodesOnly: true };
    const call = {
      ...module,
      methodName: token === '' ? 'Browse_V2' : 'BrowseNext_V2',
      payload: envelope(connection, request),
      responseTimeoutSeconds: RESPONSE_SECONDS,
    };
    const answer = checkResult(
      objectOf(await callModule(azure, call, signal), call),
      `Browsing ${nodeId} of ${connection.endpointUrl}`,
    );
    const references = rowsOf(answer['references'] ?? [], call);
    return {
      nodes: references.map((reference) => members(reference['target'])),
      token: text(answer['continuationToken']),
    };
  }
}

/** An empty table would say that the subtree has no such node. */
function nothingFound(cut: 'time' | 'limits'): ConnectorError {
  return cut === 'time'
    ? new ConnectorError(
        'DEVICE_TIMEOUT',
        'The search found no such node within its time. Start lower in the tree.',
      )
    : new ConnectorError(
        'REQUEST_INVALID',
        'The part of the tree that was searched has no such node. Raise maxDepth, or start lower in the tree.',
      );
}

/** With * the whole name must match; otherwise a part of it. */
function nameTest(pattern: string): (name: string) => boolean {
  const wanted = pattern.trim().toLowerCase();
  if (!wanted.includes('*')) return (name) => name.toLowerCase().includes(wanted);
  const parts = wanted.split('*');
  return (name) => matchesParts(name.toLowerCase(), parts);
}

/** Without a regular expression: a pattern with many * must not take exponential time. */
function matchesParts(name: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let position = first.length;
  for (const part of rest) {
    const at = name.indexOf(part, position);
    if (at < 0) return false;
    position = at + part.length;
  }
  return name.length - last.length >= position && name.endsWith(last);
}

/** The search in the nodes of an OPC UA server. */
export const NODE_SEARCH = [findNodes] as const;
