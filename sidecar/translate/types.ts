/**
 * The public shapes of translation: a hub message comes in, values of Things come out.
 *
 * Translation is pure: no network, no clock, no exception for any input. It runs in two steps, so that the lane can
 * fetch the definitions of Things in between: `prepare` decodes a message and names the Things it concerns,
 * `translate` turns it into rows with the definitions at hand.
 */

/** Base types that a ThingWorx property can have (PTC's SDK, 31), and the further ones of Data Shape fields. */
export const PROPERTY_BASE_TYPES = [
  'STRING',
  'PASSWORD',
  'NUMBER',
  'INTEGER',
  'LONG',
  'BOOLEAN',
  'DATETIME',
  'INFOTABLE',
  'LOCATION',
  'IMAGE',
  'XML',
  'JSON',
  'QUERY',
  'THINGNAME',
  'USERNAME',
  'GROUPNAME',
  'HYPERLINK',
  'IMAGELINK',
  'MASHUPNAME',
  'MENUNAME',
  'DASHBOARDNAME',
  'HTML',
  'TEXT',
  'GUID',
  'BLOB',
  'VEC2',
  'VEC3',
  'VEC4',
  'THINGCODE',
  'NOTIFICATIONCONTENTNAME',
  'NOTIFICATIONDEFINITIONNAME',
] as const;

export const FIELD_BASE_TYPES = [
  ...PROPERTY_BASE_TYPES,
  'THINGSHAPENAME',
  'DATASHAPENAME',
  'THINGTEMPLATENAME',
  'BASETYPENAME',
  'SCHEDULE',
  'TAGS',
  'VARIANT',
  'TIMESPAN',
] as const;

export type BaseType = (typeof FIELD_BASE_TYPES)[number];

export type Quality = 'GOOD' | 'BAD' | 'UNKNOWN';

/** `iothub-message-source`. An unknown source is kept as it is and ignored with a reason. */
type MessageSource =
  | 'Telemetry'
  | 'twinChangeEvents'
  | 'deviceConnectionStateEvents'
  | 'deviceLifecycleEvents'
  | 'deviceJobLifecycleEvents'
  | 'digitalTwinChangeEvents'
  | (string & {});

/** A message as it was received from the hub's Event Hubs-compatible endpoint, from storage or from the dead-letter store. The body is not parsed. */
export interface ReceivedMessage {
  readonly body: Uint8Array;
  /** AMQP properties of the message; IoT Hub's $.ct and $.ce. */
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  /** IoT Hub's annotations by their names on the wire (`iothub-connection-device-id`, `dt-subject`, ...). */
  readonly systemProperties: Readonly<Record<string, unknown>>;
  /** What the device attached. */
  readonly applicationProperties: Readonly<Record<string, unknown>>;
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  readonly source: MessageSource;
  /** When the hub took the message, epoch milliseconds. */
  readonly enqueuedTimeMs: number;
  /** True where that is not known and `enqueuedTimeMs` stands in for it: no time is then in the future. */
  readonly enqueuedTimeUnknown?: boolean | undefined;
  /** `iothub-creation-time-utc`, epoch milliseconds, when the device set it. */
  readonly creationTimeMs?: number | undefined;
  readonly sequenceNumber: number;
  readonly offset: string;
  readonly partitionId: string;
  readonly messageId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** `iothub-interface-id` or `dt-dataschema`: the model id of an IoT Plug and Play device. */
  readonly interfaceId?: string | undefined;
  /** `dt-subject`: the component of an IoT Plug and Play device. */
  readonly componentName?: string | undefined;
}

export interface PropertyDefinition {
  readonly baseType: BaseType;
  /** The Data Shape of an INFOTABLE property. */
  readonly dataShape?: string | undefined;
}

/**
 * What DescribeThings says of a Thing. Plans are remembered by the identity of `properties`: keep it as long as it is current and make a new one
 * when it changes. It has no name, so that Things of one template share it.
 */
export interface ThingDefinition {
  readonly template: string;
  readonly properties: ReadonlyMap<string, PropertyDefinition>;
  /** Properties that are bound to nodes of OPC UA servers, and the module that sends each; absent when there are none. */
  readonly bindings?: ReadonlyMap<string, string> | undefined;
}

export interface ThingDirectory {
  /** The definition, or undefined when ThingWorx has no such Thing. The lane fetches names beforehand. */
  get(name: string): ThingDefinition | undefined;
  /** Fields of a Data Shape, by name, when known: values of INFOTABLE properties are coerced by them. */
  dataShape?(name: string): ReadonlyMap<string, PropertyDefinition> | undefined;
}

/**
 * One row for ThingWorx: values of one Thing that share time and quality. `values[i]` belongs to `properties[i]` and
 * is encoded as ReceiveUpdates takes it (DATETIME epoch ms, LOCATION an object, JSON arrays boxed, null = no value).
 * `properties` and `baseTypes` are shared by identity between messages of the same signature: do not change them.
 */
export interface Update {
  readonly thing: string;
  readonly timeMs: number;
  /** The time that the values had, where `timeMs` is another one so that equal times become distinct. */
  readonly ownTimeMs?: number | undefined;
  readonly quality: Quality;
  readonly properties: readonly string[];
  readonly baseTypes: readonly BaseType[];
  readonly values: readonly unknown[];
}

/** Why a value or message is left without anyone having to know (docs/map-messages.md says what each means). */
export const IGNORE_CODES = [
  'PROPERTY_UNKNOWN',
  'THING_UNKNOWN',
  'NULL_VALUE',
  'NO_VALUES',
  'METADATA',
  'TIME_UNREADABLE',
  'TIME_IMPLAUSIBLE',
  'MAPPING',
] as const;

type IgnoreCode = (typeof IGNORE_CODES)[number];

export interface Ignored {
  readonly code: IgnoreCode;
  /** Plain words, for TestMapping and debug logs. */
  readonly reason: string;
  readonly thing?: string;
  readonly property?: string;
}

/** Why a value or message goes to the dead letters (docs/map-messages.md says what each means). */
export const REFUSAL_CODES = [
  'BODY_EMPTY',
  'BODY_TOO_LARGE',
  'BODY_TOO_DEEP',
  'BODY_TOO_MANY_KEYS',
  'BODY_ENCODING_UNKNOWN',
  'BODY_NOT_COMPRESSED',
  'BODY_NOT_TEXT',
  'BODY_NOT_JSON',
  'BODY_NOT_CBOR',
  'BODY_NOT_OBJECT',
  'THING_UNKNOWN',
  'THING_NAME_INVALID',
  'PROPERTY_UNKNOWN',
  'PROPERTY_NAME_INVALID',
  'PROPERTY_TWICE',
  'VALUE_WRONG_TYPE',
  'VALUE_OUT_OF_RANGE',
  'VALUE_INEXACT',
  'TIME_INVALID',
  'TIME_IMPLAUSIBLE',
  'MAPPING_FAILED',
  'EVENT_MALFORMED',
  'TRANSLATION_FAILED',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Something that is not delivered and that someone should know of: the message goes to the dead letters. */
export interface Refusal {
  readonly code: RefusalCode;
  /** Plain words: what is wrong and what is expected. */
  readonly reason: string;
  /** Absent: the whole message is refused. */
  readonly thing?: string;
  /** Absent, with `thing` present: everything for that Thing. */
  readonly property?: string;
}

/** A Thing or property that the policy wants created before this message is translated again. */
export type Creation =
  | {
      readonly kind: 'thing';
      readonly thing: string;
      readonly template: string;
      readonly deviceId: string;
      /** The model that the device says it has: a template of that model goes before `template`. */
      readonly modelId?: string;
    }
  | {
      readonly kind: 'property';
      readonly thing: string;
      readonly property: string;
      readonly baseType: BaseType;
    };

/**
 * What is to be done with one message. Every value of the message is in exactly one of the lists (or, where a
 * creation is wanted, in none: create, refresh the directory and translate again, saying what was tried).
 */
export interface Translation {
  readonly updates: readonly Update[];
  readonly ignored: readonly Ignored[];
  readonly refusals: readonly Refusal[];
  readonly creations: readonly Creation[];
  /** What the hub says about its devices, beside telemetry; see sources/notifications.ts. */
  readonly notifications: readonly import('./sources/notifications.ts').HubNotification[];
}

export type UnknownThingPolicy = 'deadLetter' | 'create' | 'ignore';
export type UnknownPropertyPolicy = 'ignore' | 'create' | 'deadLetter';
export type ImplausibleTimePolicy = 'enqueuedTime' | 'deadLetter';

/** Limits on one message. The defaults let everything through that IoT Hub's 256 KB can hold (decode/limits.ts). */
export interface TranslationLimits {
  /** Of the body as it arrives, in bytes. */
  readonly maxBodyBytes: number;
  /** Of the body after decompression, in bytes. */
  readonly maxInflatedBytes: number;
  /** Nesting of objects and arrays; `{"a":1}` has depth 1. */
  readonly maxDepth: number;
  /** Keys of all objects and elements of all arrays together. */
  readonly maxKeys: number;
  /** Properties or Things that one message may have created. */
  readonly maxCreations: number;
  /** Time for one JSONata expression on one message, in milliseconds. */
  readonly maxExpressionMs: number;
}

export interface TranslationSettings {
  readonly unknownThing?: UnknownThingPolicy | undefined;
  readonly unknownProperty?: UnknownPropertyPolicy | undefined;
  /** The Thing Template from which unknown Things are created. */
  readonly deviceTemplate?: string | undefined;
  /** Times before it are not plausible, epoch milliseconds; 2000-01-01 unless set. */
  readonly earliestTimeMs?: number | undefined;
  /** How far a time may lie ahead of the hub's enqueued time and be plausible, in milliseconds; five minutes unless set. */
  readonly maxAheadMs?: number | undefined;
  /** What happens to values whose time is not plausible: they are refused (unless set), or get the enqueued time. */
  readonly implausibleTime?: ImplausibleTimePolicy | undefined;
  /** Whether values of one property with equal times get distinct ones (distinct-times.ts); true unless set. */
  readonly distinctTimes?: boolean | undefined;
  /** The mapping document (docs/map-messages.md), parsed; absent, null or {} for the defaults alone. */
  readonly mappings?: unknown;
  /** A device to whose messages the mappings do not apply. */
  readonly unmappedDevice?: string | undefined;
  readonly limits?: Partial<TranslationLimits> | undefined;
}

/** A message that is decoded and mapped, not yet coerced. `things` are the names whose definitions `translate` will ask the directory for. */
export interface DecodedMessage {
  readonly message: ReceivedMessage;
  readonly things: readonly string[];
  /** Size of the body when its compression is undone; that of the body as it came when it has none, or was not read. */
  readonly bytes: number;
  /** About how many rows it will have. */
  readonly rows: number;
}

export interface TranslateOptions {
  /** Whether this creation was tried before: what is still unknown then is refused, so that passes come to an end. */
  readonly tried?: (creation: Creation) => boolean;
}

/** Gives the rows of a message times behind those of the messages before; LastTimes of distinct-times.ts. */
export interface RowArranger {
  arrange(updates: readonly Update[]): readonly Update[];
}

export interface Translator {
  /** Never throws or rejects. A promise only when the rule that applies holds a JSONata expression. */
  prepare(message: ReceivedMessage): DecodedMessage | Promise<DecodedMessage>;
  /** Never throws. */
  translate(prepared: DecodedMessage, directory: ThingDirectory, options?: TranslateOptions): Translation;
  /**
   * The rows of a message as they are to be delivered: behind those of the messages before, where times are equal. Call it once for each
   * message, in the order of delivery.
   */
  inOrder(updates: readonly Update[], last: RowArranger): readonly Update[];
}
