import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import type { BaseType } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { callModule } from '../edge/module-call.ts';
import { rangeOf, unitOf } from './engineering-units.ts';
import { baseTypeOfNode, isArrayRank, knownDataType } from './node-types.ts';
import {
  checkResult,
  envelope,
  members,
  nameOf,
  objectOf,
  rowsOf,
  text,
  unknownForm,
} from './opc-members.ts';

/** How an OPC UA server is reached, and through which module. */
export interface ServerAccess {
  readonly azure: HubClients;
  readonly module: { readonly deviceId: string; readonly moduleId: string };
  readonly connection: Parameters<typeof envelope>[0];
  readonly signal: AbortSignal;
}

/** What a server says of a variable. */
export interface NodeDescription {
  readonly nodeId: string;
  readonly displayName: string;
  readonly dataType: string;
  readonly baseType: BaseType;
  readonly isWritable: boolean;
  readonly units: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

const RESPONSE_SECONDS = 10;
/** HasProperty: EngineeringUnits and EURange are properties of an AnalogItem (OPC 10000-8). */
const HAS_PROPERTY = 'i=46';
const MOST_PROPERTIES = 100;

/** @throws ConnectorError MODULE_FAILED when the node cannot be bound or the server refuses it; all other codes concern the module */
export async function describeNode(server: ServerAccess, nodeId: string): Promise<NodeDescription> {
  const what = `Reading ${nodeId} of ${server.connection.endpointUrl}`;
  const answer = await ask(server, 'Browse_V2', what, {
    nodeId,
    direction: 'Forward',
    referenceTypeId: HAS_PROPERTY,
    maxReferencesToReturn: MOST_PROPERTIES,
    targetNodesOnly: true,
    readVariableValues: true,
  });
  const node = members(answer['node']);
  if (node['nodeClass'] !== 'Variable')
    throw refusal(
      `${nodeId} is ${nameOf(node['nodeClass']) || 'no node with a class'}; expected a Variable, which has a value.`,
    );
  const access = node['userAccessLevel'] ?? node['accessLevel'];
  if (!allows(access, 'CurrentRead', 1)) throw refusal(`The server does not allow to read ${nodeId}.`);
  const dataType =
    knownDataType(text(node['dataType'])) ?? (await builtInType(server, nodeId, what)) ?? 'Structure';
  const property = (name: string) => propertyValue(answer['references'], name);
  return {
    nodeId,
    displayName: nameOf(node['displayName']) || nameOf(node['browseName']),
    dataType: dataType === 'Enumeration' ? 'Int32' : dataType,
    baseType: baseTypeOfNode(dataType, isArrayRank(node['valueRank'])),
    isWritable: allows(access, 'CurrentWrite', 2),
    units: unitOf(property('EngineeringUnits')),
    ...rangeOf(property('EURange')),
  };
}

/** For a data type that the server defines: the type of the value itself, such as Int32 of an enumeration. */
async function builtInType(server: ServerAccess, nodeId: string, what: string): Promise<string | undefined> {
  const { dataType } = await ask(server, 'ValueRead_V2', what, { nodeId });
  return knownDataType(text(dataType));
}

/** The status of each node as the server gives it: empty when the value is good. One call for all of them. */
export async function readStatuses(
  server: ServerAccess,
  nodeIds: readonly string[],
): Promise<readonly string[]> {
  const what = `Reading values of ${server.connection.endpointUrl}`;
  const answer = await ask(server, 'NodeRead_V2', what, {
    attributes: nodeIds.map((nodeId) => ({ nodeId, attribute: 'Value' })),
  });
  const call = { ...server.module, methodName: 'NodeRead_V2' };
  const results = rowsOf(answer['results'], call);
  if (results.length !== nodeIds.length)
    throw unknownForm(call, `expected ${nodeIds.length} results, not ${results.length}`);
  return nodeIds.map((_, i) => {
    const { statusCode, symbolicId } = members(members(results[i])['errorInfo']);
    if (typeof statusCode !== 'number' || statusCode === 0) return '';
    return nameOf(symbolicId) || `0x${statusCode.toString(16)}`;
  });
}

async function ask(
  { azure, module, connection, signal }: ServerAccess,
  methodName: string,
  what: string,
  request: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const call = {
    ...module,
    methodName,
    payload: envelope(connection, request),
    responseTimeoutSeconds: RESPONSE_SECONDS,
  };
  return checkResult(objectOf(await callModule(azure, call, signal), call), what);
}

function propertyValue(references: unknown, name: string): unknown {
  if (!Array.isArray(references)) return undefined;
  const target = references
    .map((reference) => members(members(reference)['target']))
    .find(({ browseName }) => text(browseName).replace(/^.*[:#]/, '') === name);
  return target?.['value'];
}

/** An access level comes as the names of its flags or as a number. A server that says nothing of it allows reading. */
function allows(access: unknown, flag: string, bit: number): boolean {
  if (typeof access === 'number') return (access & bit) !== 0;
  if (typeof access === 'string') return access.split(/[\s,|]+/).includes(flag);
  return flag === 'CurrentRead';
}

function refusal(message: string): ConnectorError {
  return new ConnectorError('MODULE_FAILED', message);
}
