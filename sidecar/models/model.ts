/** What a property of a Thing is written to when somebody sets it. */
export const CHANNELS = ['desired', 'message', 'method'] as const;
/** desired: a desired property of the twin. message: a cloud-to-device message. method: a direct method of its name. */
export type Channel = (typeof CHANNELS)[number];

export type Primitive = 'boolean' | 'integer' | 'long' | 'number' | 'string' | 'dateTime' | 'date';

/** What a value looks like. */
export type Schema =
  /** `note` says what a text must look like, such as an ISO 8601 duration. */
  | { readonly kind: 'primitive'; readonly type: Primitive; readonly note?: string }
  | { readonly kind: 'enum'; readonly type: 'integer' | 'string'; readonly values: readonly EnumValue[] }
  | { readonly kind: 'object'; readonly fields: readonly Field[] }
  | { readonly kind: 'array'; readonly element: Schema }
  /** A place on the earth: a GeoJSON point, or an object with lat, lon and alt. */
  | { readonly kind: 'location'; readonly form: 'geoJson' | 'latLon' }
  /** An object or array of free form, such as a map. */
  | { readonly kind: 'json' };

export interface EnumValue {
  readonly value: string | number;
  readonly title: string;
}

interface Described {
  readonly name: string;
  /** What a person calls it; empty: the name. */
  readonly title: string;
  readonly description: string;
}

/** A value with a name: a member of an object, a parameter, a result. */
export interface Field extends Described {
  readonly schema: Schema;
  readonly unit?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Telemetry extends Field {
  readonly kind: 'telemetry';
  /** Whether each value is something that happened, of which the Thing fires an event. */
  readonly isEvent: boolean;
}

export interface Property extends Field {
  readonly kind: 'property';
  /** Whether the cloud sets it. */
  readonly isWritable: boolean;
  /** How it is sent; as the build says, unless given. */
  readonly sendAs?: Channel;
}

export interface Command extends Described {
  readonly kind: 'command';
  /** The direct method; the name of the command unless given. */
  readonly method?: string;
  readonly request?: Field & { readonly isOptional: boolean };
  readonly response?: Field;
}

export interface Component extends Described {
  readonly kind: 'component';
  readonly interfaceId: string;
}

export type Content = Telemetry | Property | Command | Component;

/** A kind of device, or of a part of one. */
export interface Interface {
  /** A DTMI such as `dtmi:com:example:Pump;1`, or a name such as `Factory.Pump`. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** The interfaces whose contents it has, too. */
  readonly bases: readonly string[];
  readonly contents: readonly Content[];
}

/** A file or part of one, with a name for messages. */
export interface ModelDocument {
  readonly name: string;
  readonly content: unknown;
}
