import Type, { type Static } from 'typebox';
import { forThingWorx, JsonObject, OneOf } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { isPlainObject } from '../../translate/coerce/structure.ts';
import { deviceId, hub } from '../device-members.ts';

/** Where an OPC Publisher is; filled in from the Thing. */
export const publisherMembers = {
  hub,
  deviceId,
  moduleId: Type.String({
    minLength: 1,
    maxLength: 128,
    description: 'The OPC Publisher module on the device.',
  }),
};

/** Input and output members of the operations of OPC Publisher 2.9, and the module's own request shapes. */

/** A longer id cannot be given to a service. */
export const LONGEST_ID = 2_048;

const endpointUrl = Type.String({
  minLength: 1,
  maxLength: 2_048,
  description: 'The address of the OPC UA server as the module reaches it, such as opc.tcp://plc:4840.',
});

const credentials = {
  userName: Type.Optional(
    Type.String({ maxLength: 256, description: 'The user name at the OPC UA server. Empty: anonymous.' }),
  ),
  password: Type.Optional(
    forThingWorx(
      Type.String({
        maxLength: 1_024,
        description: 'The password of this user; it is sent to the module as part of the call.',
      }),
      { baseType: 'PASSWORD' },
    ),
  ),
};

/** The id of a node that is asked for. */
export const nodeId = Type.String({
  minLength: 1,
  maxLength: LONGEST_ID,
  description: 'The id of the node.',
});

export const indexRange = Type.Optional(
  Type.String({ maxLength: 256, description: 'A part of an array or text, such as 0:3. Empty: all.' }),
);

/** What a server says of a node that it lists. */
export const listedNodeMembers = {
  nodeId: Type.String({ description: 'The id of the node.' }),
  displayName: Type.String({ description: 'Its display name; may be empty.' }),
  nodeClass: Type.String({ description: 'Object, Variable, Method or another class.' }),
  dataType: Type.String({ description: 'The data type of a variable; may be empty.' }),
};

/** The writer of the publisher's configuration that a row is about. */
export const writerRowMembers = {
  endpointUrl: Type.String({ description: 'The address of the OPC UA server.' }),
  writerGroup: Type.String({ description: 'DataSetWriterGroup; empty for the default.' }),
  writerId: Type.String({ description: 'DataSetWriterId; empty for the default.' }),
};

/** Names a writer of the publisher's configuration; what is not given is the publisher's default. */
export const writerMembers = {
  endpointUrl,
  writerGroup: Type.Optional(
    Type.String({
      maxLength: 256,
      description: 'DataSetWriterGroup: nodes of one group share a session and messages.',
    }),
  ),
  writerId: Type.Optional(
    Type.String({
      maxLength: 256,
      description: 'DataSetWriterId: nodes of one writer share a subscription.',
    }),
  ),
  publishingIntervalMs: Type.Optional(
    forThingWorx(
      Type.Integer({
        minimum: 0,
        description: 'DataSetPublishingInterval: how often the server sends changed values, in milliseconds.',
      }),
      { units: 'ms' },
    ),
  ),
  useSecurity: Type.Optional(
    Type.Boolean({ description: 'Whether the connection to the server is signed or encrypted.' }),
  ),
  ...credentials,
  options: Type.Optional(
    JsonObject({
      description:
        'Further members of the entry, exactly as OPC Publisher names them (PublishedNodesEntryModel), such as {"DataSetKeyFrameCount": 10}.',
    }),
  ),
};

interface WriterInput {
  readonly endpointUrl: string;
  readonly writerGroup?: string | undefined;
  readonly writerId?: string | undefined;
  readonly publishingIntervalMs?: number | undefined;
  readonly useSecurity?: boolean | undefined;
  readonly userName?: string | undefined;
  readonly password?: string | undefined;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/** A PublishedNodesEntryModel without its nodes. */
export function writerEntry(input: WriterInput): Record<string, unknown> {
  const { endpointUrl, writerGroup, writerId, publishingIntervalMs, useSecurity, userName } = input;
  return {
    ...input.options,
    EndpointUrl: endpointUrl,
    ...(writerGroup ? { DataSetWriterGroup: writerGroup } : {}),
    ...(writerId ? { DataSetWriterId: writerId } : {}),
    ...(publishingIntervalMs === undefined ? {} : { DataSetPublishingInterval: publishingIntervalMs }),
    ...(useSecurity === undefined ? {} : { UseSecurity: useSecurity }),
    ...(userName
      ? {
          OpcAuthenticationMode: 'UsernamePassword',
          OpcAuthenticationUsername: userName,
          OpcAuthenticationPassword: input.password ?? '',
        }
      : {}),
  };
}

export const OpcNode = Type.Object(
  {
    id: Type.String({
      minLength: 1,
      maxLength: 2_048,
      description: 'The id of the node, such as ns=2;s=Temperature or nsu=http://example.com/;s=Temperature.',
    }),
    displayName: Type.Optional(
      Type.String({ maxLength: 256, description: 'The name of the value in messages.' }),
    ),
    fieldId: Type.Optional(
      Type.String({
        maxLength: 256,
        description:
          'DataSetFieldId: the name of the value in messages; it takes precedence over displayName.',
      }),
    ),
    samplingIntervalMs: Type.Optional(
      forThingWorx(
        Type.Integer({ minimum: 0, description: 'How often the server samples the node, in milliseconds.' }),
        {
          units: 'ms',
        },
      ),
    ),
    publishingIntervalMs: Type.Optional(
      forThingWorx(
        Type.Integer({
          minimum: 0,
          description: 'How often the server sends changed values, in milliseconds.',
        }),
        {
          units: 'ms',
        },
      ),
    ),
    heartbeatSeconds: Type.Optional(
      forThingWorx(
        Type.Number({
          minimum: 0,
          description: 'The number of seconds without a change after which the value is sent again.',
        }),
        { units: 's' },
      ),
    ),
  },
  { description: 'A node of an OPC UA server that OPC Publisher sends.' },
);
export type OpcNode = Static<typeof OpcNode>;

/** An OpcNodeModel. */
export function nodeEntry(node: OpcNode): Record<string, unknown> {
  const { id, displayName, fieldId, samplingIntervalMs, publishingIntervalMs, heartbeatSeconds } = node;
  return {
    Id: id,
    ...(displayName ? { DisplayName: displayName } : {}),
    ...(fieldId ? { DataSetFieldId: fieldId } : {}),
    ...(samplingIntervalMs === undefined ? {} : { OpcSamplingInterval: samplingIntervalMs }),
    ...(publishingIntervalMs === undefined ? {} : { OpcPublishingInterval: publishingIntervalMs }),
    ...(heartbeatSeconds === undefined ? {} : { HeartbeatIntervalTimespan: timeSpan(heartbeatSeconds) }),
  };
}

/** A node out of the publisher's answer; its members come in camel case. */
export function nodeOf(entry: unknown): OpcNode {
  const node = members(entry);
  const text = (name: string) => (typeof node[name] === 'string' ? node[name] : undefined);
  const sampling = milliseconds(node, 'opcSamplingInterval');
  const publishing = milliseconds(node, 'opcPublishingInterval');
  const heartbeat = milliseconds(node, 'heartbeatInterval');
  const [displayName, fieldId] = [text('displayName'), text('dataSetFieldId')];
  return {
    id: text('id') ?? text('expandedNodeId') ?? '',
    ...(displayName ? { displayName } : {}),
    ...(fieldId ? { fieldId } : {}),
    ...(sampling === undefined ? {} : { samplingIntervalMs: sampling }),
    ...(publishing === undefined ? {} : { publishingIntervalMs: publishing }),
    ...(heartbeat === undefined ? {} : { heartbeatSeconds: heartbeat / 1_000 }),
  };
}

/** The interval under its name in milliseconds, or under its name with Timespan as .NET writes it. */
export function milliseconds(entry: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const span = entry[`${name}Timespan`];
  const match = typeof span === 'string' ? /^(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(span) : null;
  if (match) {
    const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
    return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000);
  }
  const value = entry[name];
  return typeof value === 'number' && Number.isFinite(value) ? Math.round(value) : undefined;
}

/** `[d.]hh:mm:ss[.fff]`, as .NET reads it. */
function timeSpan(seconds: number): string {
  const ms = Math.round(seconds * 1_000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const days = Math.floor(ms / 86_400_000);
  const clock = `${two((ms / 3_600_000) % 24)}:${two((ms / 60_000) % 60)}:${two((ms / 1_000) % 60)}`;
  const rest = ms % 1_000 === 0 ? '' : `.${String(ms % 1_000).padStart(3, '0')}`;
  return `${days === 0 ? '' : `${days}.`}${clock}${rest}`;
}

export function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** A text of an answer; empty if it is none. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Names in OPC UA have no limit of their own; one call may give a thousand of them. */
const LONGEST_NAME = 255;

/** A name of an answer, as it is shown: cut when it is longer than names are. */
export function nameOf(value: unknown): string {
  const name = text(value);
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
}

/** The call whose answer is read, for the error. */
interface AnsweredCall {
  readonly deviceId: string;
  readonly moduleId: string;
  readonly methodName: string;
}

/** An answer as the object that it must be. @throws ConnectorError DEVICE_RESPONSE_INVALID */
export function objectOf(answer: unknown, call: AnsweredCall): Readonly<Record<string, unknown>> {
  if (isPlainObject(answer)) return answer;
  throw unknownForm(call, 'expected an object');
}

/** A list of objects of an answer. @throws ConnectorError DEVICE_RESPONSE_INVALID: an unknown form is not an empty list */
export function rowsOf(list: unknown, call: AnsweredCall): Readonly<Record<string, unknown>>[] {
  if (Array.isArray(list) && list.every(isPlainObject)) return list;
  throw unknownForm(call, 'expected a list of objects');
}

export function unknownForm(
  { moduleId, deviceId, methodName }: AnsweredCall,
  expected: string,
): ConnectorError {
  return new ConnectorError(
    'DEVICE_RESPONSE_INVALID',
    `${moduleId} of ${deviceId} answered ${methodName} in an unknown form: ${expected}. Nothing was changed. OPC Publisher 2.9 is supported.`,
  );
}

/** How Browse, ReadValue and WriteValue reach a server. */
export const connectionMembers = {
  endpointUrl,
  securityMode: Type.Optional(
    OneOf(['Best', 'None', 'Sign', 'SignAndEncrypt', 'NotNone'], {
      default: 'Best',
      description:
        'How the connection to the server is protected: Best, None, Sign, SignAndEncrypt or NotNone.',
    }),
  ),
  ...credentials,
};

interface ConnectionInput {
  readonly endpointUrl: string;
  readonly securityMode?: string | undefined;
  readonly userName?: string | undefined;
  readonly password?: string | undefined;
}

/** The request envelope of the twin methods: a connection, and what is asked. */
export function envelope(input: ConnectionInput, request: Readonly<Record<string, unknown>>) {
  const { endpointUrl, securityMode, userName, password } = input;
  return {
    connection: {
      endpoint: { url: endpointUrl, securityMode: securityMode ?? 'Best' },
      ...(userName
        ? { user: { type: 'UserName', value: { user: userName, password: password ?? '' } } }
        : {}),
    },
    request,
  };
}

/** @throws ConnectorError MODULE_FAILED when the OPC UA server refused what the module asked of it */
export function checkResult(answer: unknown, what: string): Readonly<Record<string, unknown>> {
  const result = members(answer);
  const { statusCode, symbolicId, errorMessage } = members(result['errorInfo']);
  if (typeof statusCode !== 'number' || statusCode === 0) return result;
  const reason = [nameOf(symbolicId) || `0x${statusCode.toString(16)}`, nameOf(errorMessage)];
  throw new ConnectorError('MODULE_FAILED', `${what}: ${reason.filter(Boolean).join(': ')}.`, {
    details: { statusCode },
  });
}
