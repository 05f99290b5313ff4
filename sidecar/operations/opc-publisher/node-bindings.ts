import Type from 'typebox';
import { forThingWorx, Table, ThingName } from '../../contract/schema.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { Hub } from '../../hub/connection.ts';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import { safePropertyName } from '../../translate/address.ts';
import { boundField, moduleSource } from '../../translate/bound-fields.ts';
import { MODULE_ERRORS } from '../edge/module-call.ts';
import { THINGWORX_CALL_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';
import {
  BindingKey,
  BindingState,
  BoundNode,
  binderMembers,
  type NodeBinding,
  NodeToBind,
  publishingMembers,
  UnboundNode,
} from './binding-members.ts';
import { BoundThings, bindingRefusal, type ListedBinding } from './bound-things.ts';
import { BoundWriters, type PublishedState } from './bound-writers.ts';
import { describeNode, type NodeDescription, type ServerAccess } from './node-description.ts';

/** Each node needs a call of the module, and all of them the time of one script. */
const MOST_NODES = 50;
const CALLS_AT_ONCE = 8;
const BINDING_ERRORS = ['REQUEST_INVALID', ...MODULE_ERRORS, ...THINGWORX_CALL_ERRORS] as const;

const bindNodes = defineOperation({
  name: 'BindNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC UA bindings',
  role: 'engineer',
  summary:
    'Binds nodes of an OPC UA server to properties of a Thing: adds the properties, publishes the nodes, and maps their values. Can be called again.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/bindings',
  input: Type.Object({
    ...binderMembers,
    ...publishingMembers,
    nodes: Table(NodeToBind, 'AzureIoT.NodeToBind_DS', {
      description: `The nodes, at most ${MOST_NODES}. Call the service again for more.`,
    }),
    thing: ThingName({ description: 'The Thing that gets the properties.' }),
    createThing: Type.Optional(
      Type.Boolean({ default: false, description: 'Whether the Thing is created if it does not exist.' }),
    ),
    thingTemplate: Type.Optional(
      forThingWorx(
        Type.String({
          maxLength: 256,
          default: 'AzureIoT.BoundNodes_TT',
          description: 'The Thing Template of a Thing that is created.',
        }),
        { baseType: 'THINGTEMPLATENAME' },
      ),
    ),
    project: Type.Optional(
      Type.String({
        maxLength: 256,
        description: 'The project of a Thing that is created. Empty: the default project.',
      }),
    ),
    isWritable: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Whether properties are written to their nodes when they are set. Nodes that the server does not allow to write stay read-only.',
      }),
    ),
    logged: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether the values are kept in the value stream of the Thing.',
      }),
    ),
    valueStream: Type.Optional(
      forThingWorx(
        Type.String({
          maxLength: 256,
          description:
            'The value stream of a Thing that has none. Empty: deviceValueStream of the hub Thing.',
        }),
        { baseType: 'THINGNAME', thingTemplate: 'ValueStream' },
      ),
    ),
  }),
  output: Type.Object({
    nodes: Table(BoundNode, 'AzureIoT.BoundNode_DS', { description: 'One row for each node.' }),
  }),
  result: 'nodes',
  errors: BINDING_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, thingworx, signal }, input) {
    const { hub, deviceId, moduleId, publisher, nodes, endpointUrl } = input;
    checkNodes(nodes);
    const { settings, definitions, azure, writers } = await openPublisher(hubs.require(hub), input, signal);
    const { serverUserName: userName, serverPassword: password, securityMode } = input;
    const server: ServerAccess = {
      azure,
      module: { deviceId, moduleId },
      connection: { endpointUrl, securityMode, userName, password },
      signal,
    };
    const rows = new Map<string, BoundNode>();
    const described = await describeAll(server, nodes, (nodeId, error) =>
      rows.set(nodeId, failed(nodeId, error)),
    );
    // Until here nothing has changed. Nobody waits for the answer any more.
    if (signal.aborted) throw new ConnectorError('AZURE_CANCELLED', 'The caller gave up.');
    const { writerGroup, writerId, publishingIntervalMs, samplingIntervalMs, heartbeatSeconds, useSecurity } =
      input;
    const publishing = {
      endpointUrl,
      ...(writerGroup ? { writerGroup } : {}),
      ...(writerId ? { writerId } : {}),
      ...(publishingIntervalMs === undefined ? {} : { publishingIntervalMs }),
      ...(samplingIntervalMs === undefined ? {} : { samplingIntervalMs }),
      ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
      ...(useSecurity === undefined ? {} : { useSecurity }),
    };
    const wanted = nodes.flatMap(({ nodeId, property, isWritable = input.isWritable ?? false }) => {
      const node = described.get(nodeId);
      if (node === undefined) return [];
      const { displayName, isWritable: isAllowed, ...facts } = node;
      return {
        ...facts,
        ...publishing,
        property: property || safePropertyName(displayName),
        isNamed: Boolean(property),
        isWritable: isWritable && isAllowed,
        publisher,
        source: moduleSource(deviceId, moduleId),
        ...(userName ? { userName } : {}),
        ...(securityMode ? { securityMode } : {}),
      };
    });
    const things = new BoundThings({ client: thingworx, hubThing: hub, signal });
    if (wanted.length > 0) {
      const before = await things.list({ source: moduleSource(deviceId, moduleId), thing: input.thing });
      await writers.leave(before, wanted);
    }
    const target = {
      thing: input.thing,
      createThing: input.createThing ?? false,
      thingTemplate: input.thingTemplate || 'AzureIoT.BoundNodes_TT',
      project: input.project ?? '',
      valueStream: input.valueStream || (settings.deviceValueStream ?? ''),
      logged: input.logged ?? false,
    };
    const made =
      wanted.length === 0
        ? []
        : await azure.moduleMutex.run(`bindings of ${input.thing}`, () => things.bind(target, wanted));
    definitions.invalidate(input.thing);
    const bindings = made.flatMap(({ binding }) => binding ?? []);
    const problem = await writers.publish(input.thing, bindings);
    for (const { nodeId, binding, message = '' } of made) {
      const node = described.get(nodeId) as NodeDescription;
      const asked = nodes.find((one) => one.nodeId === nodeId)?.isWritable ?? input.isWritable ?? false;
      if (binding === undefined) rows.set(nodeId, failed(nodeId, bindingRefusal(message)));
      else
        rows.set(nodeId, boundRow(binding, [message, asked && !node.isWritable ? READ_ONLY : ''], problem));
    }
    return { nodes: nodes.map(({ nodeId }) => rows.get(nodeId) as BoundNode) };
  },
});

const READ_ONLY = 'The server does not allow to write the node, so the property is not written to it.';

function checkCount(member: string, rows: readonly unknown[]): void {
  if (rows.length === 0) throw new ConnectorError('REQUEST_INVALID', `${member} is empty.`);
  if (rows.length > MOST_NODES)
    throw new ConnectorError(
      'REQUEST_INVALID',
      `${member} has ${rows.length} rows; expected at most ${MOST_NODES}. Call the service again for the others.`,
    );
}

function checkNodes(
  nodes: readonly { readonly nodeId: string; readonly property?: string | undefined }[],
): void {
  checkCount('nodes', nodes);
  const twice = (values: readonly string[]) => values.find((value, i) => values.indexOf(value) !== i);
  const node = twice(nodes.map(({ nodeId }) => nodeId));
  if (node !== undefined) throw new ConnectorError('REQUEST_INVALID', `nodes names ${node} twice.`);
  const property = twice(nodes.flatMap(({ property }) => property || []));
  if (property !== undefined)
    throw new ConnectorError('REQUEST_INVALID', `nodes names the property ${property} twice.`);
}

interface PublisherAccess {
  readonly deviceId: string;
  readonly moduleId: string;
  readonly serverUserName?: string | undefined;
  readonly serverPassword?: string | undefined;
}

/** The clients of the hub and the writers of one OPC Publisher. */
async function openPublisher(hub: Hub, access: PublisherAccess, signal: AbortSignal) {
  const { deviceId, moduleId, serverUserName: userName, serverPassword: password } = access;
  const azure = await hub.azure();
  const writers = new BoundWriters({ azure, module: { deviceId, moduleId }, userName, password, signal });
  return { settings: hub.settings, definitions: hub.definitions, azure, writers };
}

/** What the server says of each node. What concerns one node alone is told; what concerns the module is thrown. */
async function describeAll(
  server: ServerAccess,
  nodes: readonly { readonly nodeId: string }[],
  onRefused: (nodeId: string, error: ConnectorError) => void,
): Promise<ReadonlyMap<string, NodeDescription>> {
  const described = new Map<string, NodeDescription>();
  await forEachConcurrently(nodes, CALLS_AT_ONCE, async ({ nodeId }) => {
    try {
      described.set(nodeId, await describeNode(server, nodeId));
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code !== 'MODULE_FAILED') throw thrown;
      onRefused(nodeId, error);
    }
  });
  return described;
}

function failed(nodeId: string, { code, message }: ConnectorError): BoundNode {
  const unknown = { baseType: '', dataType: '', units: '', isWritable: false };
  return { nodeId, property: '', state: 'failed', code, message, ...unknown };
}

function boundRow(
  { nodeId, property, baseType, dataType, units, minimum, maximum, isWritable }: NodeBinding,
  remarks: readonly string[],
  problem: ConnectorError | undefined,
): BoundNode {
  return {
    nodeId,
    property,
    state: problem ? 'notPublished' : 'published',
    code: problem?.code ?? '',
    message: [problem?.message ?? '', ...remarks].filter((remark) => remark !== '').join(' '),
    baseType,
    dataType,
    units,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    isWritable,
  };
}

const unbindNodes = defineOperation({
  name: 'UnbindNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC UA bindings',
  role: 'engineer',
  summary:
    'Undoes what BindNodes has done for some properties: stops publishing their nodes and removes the mapping. Nodes that others publish stay. Can be called again.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/bindings/remove',
  input: Type.Object({
    ...binderMembers,
    bindings: Table(BindingKey, 'AzureIoT.NodeBindingKey_DS', {
      description: `The bindings, at most ${MOST_NODES}. Call the service again for more.`,
    }),
    removeProperties: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether the properties that the bindings have added are removed from the Things.',
      }),
    ),
  }),
  output: Type.Object({
    bindings: Table(UnboundNode, 'AzureIoT.UnboundNode_DS', { description: 'One row for each binding.' }),
  }),
  result: 'bindings',
  errors: BINDING_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, thingworx, signal }, input) {
    const { hub, deviceId, moduleId, removeProperties } = input;
    checkCount('bindings', input.bindings);
    const { definitions, azure, writers } = await openPublisher(hubs.require(hub), input, signal);
    const things = new BoundThings({ client: thingworx, hubThing: hub, signal });
    const present: ListedBinding[] = [];
    for (const thing of new Set(input.bindings.map((key) => key.thing)))
      present.push(...(await things.list({ source: moduleSource(deviceId, moduleId), thing })));
    const rows = new Map<string, UnboundNode>();
    const chosen: ListedBinding[] = [];
    for (const { thing, property } of input.bindings) {
      const listed = present.find((one) => one.thing === thing && one.binding.property === property);
      if (listed) chosen.push(listed);
      else rows.set(boundField(thing, property), unboundRow(thing, property, '', 'notBound'));
    }
    const unpublished: ListedBinding[] = [];
    for (const { group, problem } of await writers.unpublish(chosen)) {
      if (problem === undefined) unpublished.push(...group);
      else
        for (const { thing, binding } of group)
          rows.set(
            boundField(thing, binding.property),
            unboundRow(thing, binding.property, binding.nodeId, 'failed', problem),
          );
    }
    for (const [thing, group] of Map.groupBy(unpublished, ({ thing }) => thing)) {
      const properties = group.map(({ binding }) => binding.property);
      const removed = await azure.moduleMutex.run(`bindings of ${thing}`, () =>
        things.unbind(thing, properties, removeProperties ?? false),
      );
      definitions.invalidate(thing);
      for (const { property, removedProperties, message } of removed) {
        const nodeId = group.find(({ binding }) => binding.property === property)?.binding.nodeId ?? '';
        const problem = message ? bindingRefusal(message) : undefined;
        const state = problem ? 'failed' : 'unbound';
        rows.set(
          boundField(thing, property),
          unboundRow(thing, property, nodeId, state, problem, removedProperties),
        );
      }
    }
    return {
      bindings: input.bindings.map(
        ({ thing, property }) => rows.get(boundField(thing, property)) as UnboundNode,
      ),
    };
  },
});

function unboundRow(
  thing: string,
  property: string,
  nodeId: string,
  state: 'unbound' | 'notBound' | 'failed',
  problem?: ConnectorError,
  removedProperties: readonly string[] = [],
): UnboundNode {
  return {
    thing,
    property,
    nodeId,
    state,
    code: problem?.code ?? '',
    message: problem?.message ?? '',
    removedProperties: removedProperties.join(', '),
  };
}

const listBindings = defineOperation({
  name: 'ListBindings',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC UA bindings',
  role: 'operator',
  summary:
    'Lists the properties that are bound to nodes which this OPC Publisher sends, with their state and last value.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/bindings/list',
  input: Type.Object({
    ...binderMembers,
    thing: Type.Optional(
      ThingName({ description: 'Only the bindings of this Thing. Empty: of all Things.' }),
    ),
  }),
  output: Type.Object({
    bindings: Table(BindingState, 'AzureIoT.NodeBindingState_DS', {
      description: 'One row for each binding.',
    }),
  }),
  result: 'bindings',
  errors: BINDING_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, thingworx, signal }, input) {
    const { hub, deviceId, moduleId, thing } = input;
    const { writers } = await openPublisher(hubs.require(hub), input, signal);
    const things = new BoundThings({ client: thingworx, hubThing: hub, signal });
    const listed = await things.list({ source: moduleSource(deviceId, moduleId), thing: thing || undefined });
    const states = await writers.states(listed);
    return { bindings: listed.map((one) => stateRow(one, states.get(one) as PublishedState)) };
  },
});

function stateRow(
  { thing, binding, value, time, quality }: ListedBinding,
  { state, serverStatus, problem }: PublishedState,
): BindingState {
  const { property, nodeId, endpointUrl, dataType, units, minimum, maximum, isWritable } = binding;
  const { writerGroup = '', writerId = '', publishingIntervalMs, samplingIntervalMs } = binding;
  return {
    thing,
    property,
    nodeId,
    endpointUrl,
    state,
    value,
    ...(time === undefined ? {} : { time }),
    quality,
    serverStatus,
    code: problem?.code ?? '',
    message: problem?.message ?? '',
    dataType,
    units,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    isWritable,
    fieldId: boundField(thing, property),
    writerGroup,
    writerId,
    ...(publishingIntervalMs === undefined ? {} : { publishingIntervalMs }),
    ...(samplingIntervalMs === undefined ? {} : { samplingIntervalMs }),
  };
}

/** Nodes of OPC UA servers bound to properties of Things. */
export const NODE_BINDINGS = [bindNodes, unbindNodes, listBindings] as const;
