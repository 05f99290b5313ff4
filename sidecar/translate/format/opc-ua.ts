import { isPlainObject, member } from '../coerce/structure.ts';
import { show } from '../coerce/wrong.ts';
import type { Ignored, Refusal } from '../types.ts';
import { type DataValue, isDataValue, isQualified, rowsOf, timeOf, toDataValue } from './opc-ua-value.ts';
import type { Sample, Samples } from './sample.ts';

type Members = Readonly<Record<string, unknown>>;

/**
 * The JSON forms that OPC Publisher sends (its messaging modes in parentheses), alone or in an array:
 *
 * - `sample`: one monitored item with NodeId, DisplayName and Value (Samples, FullSamples, and what 2.5 sent)
 * - `network`: a NetworkMessage of OPC 10000-14 (PubSub, FullNetworkMessages), strict or not, Messages array or object
 * - `dataSetMessage`: a DataSetMessage without network header (DataSetMessages, SingleDataSetMessage)
 * - `dataSet`: fields and their DataValues without any header (DataSets, SingleDataSet)
 * - `metadata`: ua-metadata and discovery messages, which hold no values
 *
 * RawDataSets are plain objects and need no reading of their own. Encodings: plain, reversible (Type and Body) and
 * OPC UA 1.05's compact one (UaType and Value).
 */
type Form = 'sample' | 'network' | 'dataSetMessage' | 'dataSet' | 'metadata';

/** The samples of a body in one of these forms, or undefined when it is in none. */
export function readOpcUa(body: unknown): Samples | undefined {
  const list = Array.isArray(body) ? body : undefined;
  const first = list === undefined ? body : list[0];
  if (!isPlainObject(first) || formOf(first) === undefined) return undefined;
  const collected: Collected = { samples: [], ignored: [], refusals: [] };
  (list ?? [body]).forEach((item, i) => {
    const form = isPlainObject(item) ? formOf(item) : undefined;
    if (form === undefined) {
      const reason = `Element ${i} of the body is ${show(item)} and no OPC UA message as the first element is.`;
      collected.refusals.push({ code: 'BODY_NOT_OBJECT', reason });
      return;
    }
    const key = list === undefined ? undefined : i;
    read(form, item, list === undefined ? [] : [body], key, collected);
  });
  return collected;
}

/** Whether an object is in one of these forms. Cheap for ordinary messages: it is asked of every one. */
export function isOpcUa(value: Members): boolean {
  return formOf(value) !== undefined;
}

interface Collected {
  readonly samples: Sample[];
  readonly ignored: Ignored[];
  readonly refusals: Refusal[];
}

function formOf(item: Members): Form | undefined {
  // nothing is inherited under these names, so that a plain read decides for most messages
  const { MessageType: type, NodeId: nodeId, Payload: payload } = item;
  if (typeof type === 'string' && type.startsWith('ua-')) {
    if (Object.hasOwn(item, 'Messages')) return 'network';
    if (Object.hasOwn(item, 'Payload')) return 'dataSetMessage';
    return Object.hasOwn(item, 'MessageId') || Object.hasOwn(item, 'DataSetWriterId')
      ? 'metadata'
      : undefined;
  }
  if (typeof nodeId === 'string' && Object.hasOwn(item, 'Value')) {
    return isDataValue(member(item, 'Value')) || hasAny(item, SAMPLE_MEMBERS) || NODE_ID.test(nodeId)
      ? 'sample'
      : undefined;
  }
  if (
    payload !== undefined &&
    isPlainObject(payload) &&
    hasAny(item, ['DataSetWriterId', 'DataSetWriterName'])
  ) {
    return 'dataSetMessage';
  }
  return isDataSet(item) ? 'dataSet' : undefined;
}

/** Renamed and trimmed by its telemetry configuration, a sample of OPC Publisher 2.5 may have NodeId and Value alone. */
const NODE_ID = /^(?:ns=\d+;|nsu=[^;]+;|svr=\d+;)?[isgb]=/;

const SAMPLE_MEMBERS = ['EndpointUrl', 'DisplayName', 'ApplicationUri', 'MonitoredItem', 'SourceTimestamp'];

function hasAny(item: Members, names: readonly string[]): boolean {
  return names.some((name) => Object.hasOwn(item, name));
}

/** Every member a DataValue, and at least one with a time stamp or a status: an ordinary message does not look so. */
function isDataSet(item: Members): boolean {
  let stamped = false;
  for (const name in item) {
    const value = item[name];
    if (!isDataValue(value)) return false;
    if (isQualified(value)) stamped = true;
  }
  return stamped;
}

function read(
  form: Form,
  item: Members,
  around: readonly unknown[],
  key: number | undefined,
  into: Collected,
): void {
  switch (form) {
    case 'metadata':
      into.ignored.push({
        code: 'METADATA',
        reason: `OPC UA ${show(member(item, 'MessageType'))} holds no values.`,
      });
      return;
    case 'sample':
      into.samples.push({ item, around, key, rows: rowsOf([[sampleName(item), sampleValue(item)]]) });
      return;
    case 'dataSetMessage':
      readDataSetMessage(item, around, key, into);
      return;
    case 'dataSet':
      into.samples.push({ item, around, key, rows: rowsOf(fields(item, undefined)) });
      return;
    case 'network':
      readNetworkMessage(item, around, into);
  }
}

function readNetworkMessage(item: Members, around: readonly unknown[], into: Collected): void {
  const content = member(item, 'Messages');
  const messages = Array.isArray(content) ? content : [content];
  messages.forEach((message, i) => {
    if (isPlainObject(message)) readDataSetMessage(message, [item, ...around], i, into);
    else {
      const reason = `Element ${i} of Messages is ${show(message)}; expected is a DataSetMessage.`;
      into.refusals.push({ code: 'BODY_NOT_OBJECT', reason });
    }
  });
}

function readDataSetMessage(
  item: Members,
  around: readonly unknown[],
  key: number | undefined,
  into: Collected,
): void {
  const type = member(item, 'MessageType');
  // without its header a DataSetMessage in a network message is its payload
  const content = Object.hasOwn(item, 'Payload')
    ? member(item, 'Payload')
    : type === undefined
      ? item
      : undefined;
  if (!isPlainObject(content) || Object.keys(content).length === 0) {
    const kind = type === undefined ? 'a DataSetMessage' : show(type);
    into.ignored.push({ code: 'NO_VALUES', reason: `OPC UA ${kind} holds no values.` });
    return;
  }
  const isEvent = type === 'ua-event' || type === 'ua-condition';
  const timeMs =
    (isEvent ? timeOf(toDataValue(member(content, 'Time')).value) : undefined) ??
    timeOf(member(item, 'Timestamp'));
  into.samples.push({ item, around, key, rows: rowsOf(fields(content, timeMs)) });
}

function fields(content: Members, timeMs: number | undefined): readonly (readonly [string, DataValue])[] {
  return Object.keys(content).map((name) => [name, toDataValue(content[name], timeMs)] as const);
}

/** DisplayName as configured in OPC Publisher, else the identifier of the node. */
function sampleName(item: Members): string {
  const name = member(item, 'DisplayName');
  if (typeof name === 'string' && name !== '') return name;
  const nodeId = String(member(item, 'NodeId'));
  const identifier = /(?:^|[;#])([sigb])=(.*)$/s.exec(nodeId);
  if (identifier === null) return nodeId;
  return identifier[1] === 's' ? (identifier[2] as string) : `${identifier[1]}=${identifier[2]}`;
}

/** 2.5 and earlier could put value and time stamp side by side, without a DataValue. */
function sampleValue(item: Members): DataValue {
  const value = member(item, 'Value');
  if (isDataValue(value)) return toDataValue(value, timeOf(member(item, 'Timestamp')));
  const { Value, UaType, StatusCode, SourceTimestamp, ServerTimestamp, Status } = item;
  const flat = Object.fromEntries(
    Object.entries({ Value, UaType, StatusCode, Status, SourceTimestamp, ServerTimestamp }).filter(
      ([, part]) => part !== undefined,
    ),
  );
  return toDataValue(flat, timeOf(member(item, 'Timestamp')));
}
