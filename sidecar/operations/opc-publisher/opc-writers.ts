import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { callModule } from '../edge/module-call.ts';
import { objectOf, rowsOf, unknownForm } from './opc-members.ts';

/** A node as the module keeps it, whatever it says of it. */
type RawNode = Readonly<Record<string, unknown>>;

/** Two calls follow each other within the time of one script. */
const RESPONSE_SECONDS = 12;

/**
 * One writer of an OPC Publisher's configuration. PublishNodes_V1, and UnpublishAllNodes_V1 for one writer, drop every writer group but
 * its own, and UnpublishNodes_V1 finds only nodes that are named with all their settings; so a writer is read, and written by
 * AddOrUpdateEndpoints_V1, which leaves all others alone.
 */
export class OpcWriter {
  readonly #azure: HubClients;
  readonly #module: { readonly deviceId: string; readonly moduleId: string };
  readonly #entry: Readonly<Record<string, unknown>>;
  readonly #signal: AbortSignal;

  /** @param entry a PublishedNodesEntryModel without nodes */
  constructor(
    azure: HubClients,
    module: { readonly deviceId: string; readonly moduleId: string },
    entry: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ) {
    this.#azure = azure;
    this.#module = module;
    this.#entry = entry;
    this.#signal = signal;
  }

  /**
   * @throws ConnectorError MODULE_FAILED, with the status 404 when there is no such writer; DEVICE_RESPONSE_INVALID for an answer of an
   * unknown form, which must not be taken for a writer without nodes
   */
  async nodes(): Promise<RawNode[]> {
    const methodName = 'GetConfiguredNodesOnEndpoint_V1';
    const call = { ...this.#module, methodName };
    const answer = objectOf(await this.#call(methodName, this.#entry), call);
    const nodes = rowsOf(answer['opcNodes'], call);
    if (nodes.some((node) => nodeId(node) === '')) throw unknownForm(call, 'expected nodes with an id');
    return nodes;
  }

  /** Makes the writer when there is none. Nodes that it has stay; one that is given again is replaced. */
  async add(nodes: readonly RawNode[]): Promise<void> {
    const given = new Set(nodes.map(keyOf));
    await this.#inTurn(async () => {
      const present = await this.#presentNodes();
      await this.#write([...present.filter((node) => !given.has(keyOf(node))), ...nodes]);
    });
  }

  /** The fields under which nodes are sent; none when there is no such writer. */
  async fields(): Promise<ReadonlySet<string>> {
    return new Set((await this.#presentNodes()).map(fieldOf));
  }

  /** By their fields; those that are not there are done. The writer goes with its last node. */
  async removeFields(fields: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      const present = await this.#presentNodes();
      const left = present.filter((node) => !fields.includes(fieldOf(node)));
      if (left.length < present.length) await this.#write(left);
    });
  }

  async #presentNodes(): Promise<RawNode[]> {
    return await this.nodes().catch((thrown) => {
      if (thrown instanceof ConnectorError && thrown.details?.['status'] === 404) return [];
      throw thrown;
    });
  }

  /** By id, and by field where one is given. The writer goes with its last node. @throws ConnectorError MODULE_FAILED for an unknown one */
  remove(nodes: readonly { readonly id: string; readonly fieldId?: string | undefined }[]): Promise<void> {
    return this.#inTurn(() => this.#remove(nodes));
  }

  async #remove(
    nodes: readonly { readonly id: string; readonly fieldId?: string | undefined }[],
  ): Promise<void> {
    const present = await this.nodes();
    const isMeant = (node: RawNode, { id, fieldId }: (typeof nodes)[number]) =>
      nodeId(node) === id && (!fieldId || fieldOf(node) === fieldId);
    const unknown = nodes.find((wanted) => !present.some((node) => isMeant(node, wanted)));
    if (unknown) {
      const { moduleId, deviceId } = this.#module;
      throw new ConnectorError(
        'MODULE_FAILED',
        `${moduleId} of ${deviceId} has no node ${unknown.id} for this writer.`,
      );
    }
    await this.#write(present.filter((node) => !nodes.some((wanted) => isMeant(node, wanted))));
  }

  /** @throws ConnectorError MODULE_FAILED when there is no such writer */
  removeAll(): Promise<void> {
    return this.#inTurn(() => this.#write([]));
  }

  /** Changes of one module follow each other: each reads what the one before has written. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    return this.#azure.moduleMutex.run(JSON.stringify(this.#module), async () => {
      // Nobody waits for the answer any more.
      if (this.#signal.aborted)
        throw new ConnectorError('AZURE_CANCELLED', 'The caller gave up waiting for its turn.');
      await change();
    });
  }

  async #write(nodes: readonly RawNode[]): Promise<void> {
    await this.#call('AddOrUpdateEndpoints_V1', [{ ...this.#entry, OpcNodes: nodes }]);
  }

  #call(methodName: string, payload: unknown): Promise<unknown> {
    const call = { ...this.#module, methodName, payload, responseTimeoutSeconds: RESPONSE_SECONDS };
    return callModule(this.#azure, call, this.#signal);
  }
}

/** Answers come in camel case, requests in Pascal case; the module reads both. */
function text(node: RawNode, pascal: string): string {
  const value = node[pascal] ?? node[`${pascal.charAt(0).toLowerCase()}${pascal.slice(1)}`];
  return typeof value === 'string' ? value : '';
}

function nodeId(node: RawNode): string {
  return text(node, 'Id') || text(node, 'ExpandedNodeId');
}

function fieldOf(node: RawNode): string {
  return text(node, 'DataSetFieldId');
}

function keyOf(node: RawNode): string {
  return JSON.stringify([nodeId(node), fieldOf(node)]);
}
