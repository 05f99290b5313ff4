/**
 * The form in which the service writes its AMQP frames. AMQP 1.0 lets a sender leave out null fields at the end of a
 * list; rhea does so, the service does not: traces of Event Hubs and IoT Hub show every field of every performative,
 * terminus and error. Microsoft's pure-Python client (azure-eventhub) reads fields by index and fails on a short list.
 */
import rhea, { type Connection } from 'rhea';

/** Fields of the performatives, termini and errors of AMQP 1.0, by descriptor code. */
const FIELD_COUNTS: Readonly<Record<number, number>> = {
  16: 10, // open
  17: 8, // begin
  18: 14, // attach
  19: 11, // flow
  20: 11, // transfer
  21: 6, // disposition
  22: 3, // detach
  23: 1, // end
  24: 1, // close
  29: 3, // error
  37: 1, // rejected
  40: 11, // source
  41: 7, // target
};
const TRANSFER = 0x14;
const BEGIN = 0x11;
const ATTACH = 0x12;

/** Links per session and bytes per message: what traces of Event Hubs show; IoT Hub's device gateway says 262143 and 1 MiB. */
const HANDLE_MAX = 255;
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** A performative as rhea holds it before it writes it. */
interface Performative {
  value: unknown[];
  constructor: { descriptor?: { numeric: number } };
  handle_max?: number;
  max_message_size?: number;
}

/** A value that rhea has wrapped for writing, with its descriptor if it is a described one. */
interface Wrapped {
  value: unknown;
  descriptor?: { value: unknown };
}

type WriteFrame = (channel: number, performative: Performative | undefined, payload?: Buffer) => void;

/** Makes a connection write all fields of its frames. */
export function writeAllFields(connection: Connection): void {
  const inner = connection as unknown as { _write_frame: WriteFrame };
  const write = inner._write_frame.bind(connection);
  inner._write_frame = (channel, performative, payload) => {
    if (performative) complete(performative);
    write(channel, performative, payload);
  };
}

function complete(performative: Performative): void {
  const code = performative.constructor.descriptor?.numeric ?? 0;
  if (code === BEGIN) performative.handle_max = HANDLE_MAX;
  if (code === ATTACH) performative.max_message_size ||= MAX_MESSAGE_BYTES;
  extend(performative.value, code);
  // Transfers are the many, and hold no described value here.
  if (code !== TRANSFER) performative.value = performative.value.map(completed);
}

/** A terminus or error with all of its fields; a new one, since rhea shares the empty list. */
function completed(field: unknown): unknown {
  const { value, descriptor } = (field ?? {}) as Partial<Wrapped>;
  const code = Number(descriptor?.value);
  if (!Array.isArray(value) || FIELD_COUNTS[code] === undefined) return field;
  const fields = value.map(completed);
  extend(fields, code);
  return Object.assign(rhea.types.wrap_list(fields), { descriptor });
}

/** rhea writes an absent element of a list as null. */
function extend(fields: unknown[], code: number): void {
  const count = FIELD_COUNTS[code] ?? 0;
  while (fields.length < count) fields.push(undefined);
}
