import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import { boundField } from '../../translate/bound-fields.ts';
import type { NodeBinding } from './binding-members.ts';
import type { ListedBinding, WantedBinding } from './bound-things.ts';
import { readStatuses, type ServerAccess } from './node-description.ts';
import { nodeEntry, writerEntry } from './opc-members.ts';
import { OpcWriter } from './opc-writers.ts';

interface BoundWritersOptions {
  readonly azure: HubClients;
  readonly module: ServerAccess['module'];
  /** How the module signs in at servers. */
  readonly userName: string | undefined;
  readonly password: string | undefined;
  readonly signal: AbortSignal;
}

/** What the module and the server say of a bound node. */
export interface PublishedState {
  readonly state: 'published' | 'notPublished' | 'unknown';
  readonly serverStatus: string;
  readonly problem?: ConnectorError;
}

const CALLS_AT_ONCE = 8;

/** The writers of an OPC Publisher as far as they send bound nodes. */
export class BoundWriters {
  readonly #options: BoundWritersOptions;

  constructor(options: BoundWritersOptions) {
    this.#options = options;
  }

  /**
   * Publishes bound nodes of one call. What it fails with is the result: the bindings are there, and another call publishes the nodes.
   */
  async publish(thing: string, bindings: readonly NodeBinding[]): Promise<ConnectorError | undefined> {
    const [first] = bindings;
    if (first === undefined) return undefined;
    const { samplingIntervalMs, heartbeatSeconds } = first;
    const intervals = {
      ...(samplingIntervalMs === undefined ? {} : { samplingIntervalMs }),
      ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
    };
    const nodes = bindings.map(({ nodeId, property }) =>
      nodeEntry({ id: nodeId, fieldId: boundField(thing, property), ...intervals }),
    );
    return await problemOf(() => this.#writerOf({ thing, binding: first }).add(nodes));
  }

  /** Stops publishing bindings; gives those of each writer, with what it failed with. Fields that are not published are done. */
  async unpublish(
    bindings: readonly ListedBinding[],
  ): Promise<readonly { readonly group: readonly ListedBinding[]; readonly problem?: ConnectorError }[]> {
    const outcomes = [];
    for (const group of byWriter(bindings)) {
      const fields = group.map(({ thing, binding }) => boundField(thing, binding.property));
      const problem = await problemOf(() => this.#writerOf(group[0] as ListedBinding).removeFields(fields));
      outcomes.push({ group, ...(problem ? { problem } : {}) });
    }
    return outcomes;
  }

  /** With other settings of the writer, nodes that are bound already move to another writer. The old one must not send them, too. */
  async leave(before: readonly ListedBinding[], wanted: readonly WantedBinding[]): Promise<void> {
    const moved = wanted.flatMap((node) => {
      const rebound = before.find(
        ({ binding }) =>
          binding.nodeId === node.nodeId &&
          binding.endpointUrl === node.endpointUrl &&
          (!node.isNamed || binding.property === node.property),
      );
      return rebound && writerKey(rebound.binding) !== writerKey(node) ? rebound : [];
    });
    for (const { problem } of await this.unpublish(moved)) if (problem) throw problem;
  }

  async states(bindings: readonly ListedBinding[]): Promise<ReadonlyMap<ListedBinding, PublishedState>> {
    const states = new Map<ListedBinding, PublishedState>();
    await forEachConcurrently(byWriter(bindings), CALLS_AT_ONCE, async (group) => {
      for (const [binding, state] of await this.#statesOf(group)) states.set(binding, state);
    });
    return states;
  }

  /** The state of bindings of one writer. */
  async #statesOf(group: readonly ListedBinding[]): Promise<Map<ListedBinding, PublishedState>> {
    const first = group[0] as ListedBinding;
    let fields: ReadonlySet<string>;
    try {
      fields = await this.#writerOf(first).fields();
    } catch (thrown) {
      const problem = toConnectorError(thrown);
      return new Map(group.map((one) => [one, { state: 'unknown', serverStatus: '', problem }]));
    }
    const { azure, module, userName, password, signal } = this.#options;
    const { endpointUrl, securityMode } = first.binding;
    const server = { azure, module, connection: { endpointUrl, securityMode, userName, password }, signal };
    let statuses: readonly string[] = [];
    const nodeIds = group.map(({ binding }) => binding.nodeId);
    const problem = await problemOf(async () => {
      statuses = await readStatuses(server, nodeIds);
    });
    return new Map(
      group.map((one, i) => [
        one,
        {
          state: fields.has(boundField(one.thing, one.binding.property)) ? 'published' : 'notPublished',
          serverStatus: problem ? '' : statuses[i] || 'Good',
          ...(problem ? { problem } : {}),
        },
      ]),
    );
  }

  #writerOf({ thing, binding }: Pick<ListedBinding, 'thing' | 'binding'>): OpcWriter {
    const { azure, module, userName, password, signal } = this.#options;
    const [bound, present] = [binding.userName ?? '', userName ?? ''];
    // Credentials are a part of what identifies a writer: under others it would not be found, and its nodes would be sent for ever.
    if (bound !== present)
      throw new ConnectorError(
        'REQUEST_INVALID',
        `${binding.property} of ${thing} is published with the user "${bound}", and serverUserName is "${present}". Set serverUserName and serverPassword to the user of the binding, call UnbindNodes, and bind the node again.`,
      );
    return new OpcWriter(azure, module, writerEntry({ ...binding, userName, password }), signal);
  }
}

async function problemOf(work: () => Promise<void>): Promise<ConnectorError | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    return toConnectorError(thrown);
  }
}

/** The bindings of each writer of OPC Publisher, which is read and written as a whole. */
function byWriter(bindings: readonly ListedBinding[]): readonly (readonly ListedBinding[])[] {
  return [...Map.groupBy(bindings, ({ binding }) => writerKey(binding)).values()];
}

function writerKey(binding: Parameters<typeof writerEntry>[0]): string {
  return JSON.stringify(Object.entries(writerEntry(binding)).sort());
}
