import { type Static, Type } from 'typebox';
import { FIELD_BASE_TYPES, PROPERTY_BASE_TYPES } from '../types.ts';

/**
 * The mapping language, version 1 (docs/map-messages.md). The schema is the one source of the types, of the validation
 * and of what the documentation says of each member; `description` says what is expected and is shown when a member
 * is wrong.
 */

const Path = Type.String({
  minLength: 1,
  maxLength: 1000,
  title: 'Path',
  description:
    'a path: "a.b[0]" or "@.a" within the current element, "$.a" within the whole body, "^.a" within the element ' +
    'around the current one, "$message.deviceId" for the message itself, "$key" and "$index" of the current element, "^$key" of the ' +
    'one around it, "$.a[$index]" for the element at the same place of another array',
});

const Paths = Type.Union([Path, Type.Array(Path, { minItems: 1, maxItems: 20 })], {
  title: 'Paths',
  description: 'a path, or an array of paths of which the first that has a value counts',
});

const Template = Type.String({
  minLength: 1,
  maxLength: 1000,
  title: 'Template',
  description:
    'text in which {path} stands for the value at that path, {path|safe} for its spelling as the name of a Thing, {path|compact} for its letters and digits alone; {{ and }} are braces',
});

const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);

const Values = Type.Union([Scalar, Type.Array(Scalar, { minItems: 1, maxItems: 1000 })]);

export const Condition = Type.Union(
  [
    Scalar,
    Type.Array(Scalar, { minItems: 1, maxItems: 1000 }),
    Type.Object({ exists: Type.Boolean() }, { additionalProperties: false }),
    Type.Object({ not: Values }, { additionalProperties: false }),
  ],
  {
    title: 'Condition',
    description:
      'a text pattern (* any characters, ? one character), a number, true, false, null (absent), an array of those ' +
      '(any of them), {"exists": true} or {"exists": false}, or {"not": ..} for everything but those',
  },
);

const When = Type.Object(
  {
    device: Type.Optional(Condition),
    module: Type.Optional(Condition),
    component: Type.Optional(Condition),
    interface: Type.Optional(Condition),
    contentType: Type.Optional(Condition),
    source: Type.Optional(Condition),
    properties: Type.Optional(
      Type.Record(Type.String(), Condition, {
        description: 'conditions on application properties of the message, by name',
      }),
    ),
    body: Type.Optional(
      Type.Record(Type.String(), Condition, { description: 'conditions on the decoded body, by path' }),
    ),
  },
  {
    additionalProperties: false,
    title: 'When',
    description:
      'conditions on device, module, component, interface, contentType, source, properties and body, all of which must hold',
  },
);

const Unit = Type.Enum(['ms', 's', 'us', 'ns', 'ticks', 'auto', 'text'], {
  description:
    '"ms", "s", "us" or "ns" since 1970, "ticks" of .NET (100 ns since the year 1), "auto" to tell these apart by their size, or ' +
    '"text" for ISO 8601 alone',
});

const Zone = Type.String({
  minLength: 1,
  maxLength: 100,
  description:
    'the zone of times without an offset: an IANA name such as "Europe/Berlin", or an offset such as "+02:00"; UTC without it',
});

const Time = Type.Union(
  [
    Path,
    Type.Object(
      {
        path: Paths,
        unit: Type.Optional(Unit),
        zone: Type.Optional(Zone),
        base: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 1000,
            description:
              'the path of a time in the same unit to which the value is added; where the value is absent, that time counts',
          }),
        ),
      },
      { additionalProperties: false },
    ),
  ],
  {
    title: 'Time',
    description:
      'the path of a time (epoch milliseconds or ISO 8601), or {"path": ..} with, as needed, "unit", "zone" and "base"',
  },
);

const QualityName = Type.Enum(['GOOD', 'BAD', 'UNKNOWN'], {
  description: '"GOOD", "BAD" or "UNKNOWN"',
});

const Quality = Type.Union(
  [
    Path,
    Type.Object(
      {
        path: Path,
        map: Type.Optional(
          Type.Record(Type.String(), QualityName, { description: 'qualities by the text of the value' }),
        ),
        otherwise: Type.Optional(QualityName),
      },
      { additionalProperties: false },
    ),
    Type.Object({ value: QualityName }, { additionalProperties: false }),
  ],
  {
    title: 'Quality',
    description:
      'the path of a quality, {"path": .., "map": {"text": "GOOD"}, "otherwise": "BAD"} or {"value": "GOOD"}',
  },
);

const Location = Type.Object(
  { latitude: Path, longitude: Path, elevation: Type.Optional(Path) },
  {
    additionalProperties: false,
    title: 'Location',
    description: 'the paths of latitude, longitude and, as needed, elevation',
  },
);

export const BYTES_TYPES = [
  'uint8',
  'int8',
  'uint16le',
  'uint16be',
  'int16le',
  'int16be',
  'uint32le',
  'uint32be',
  'int32le',
  'int32be',
  'uint64le',
  'uint64be',
  'int64le',
  'int64be',
  'float32le',
  'float32be',
  'float64le',
  'float64be',
] as const;

const Bytes = Type.Object(
  {
    at: Type.Integer({ description: 'the place of its first byte, from 0; negative from the end' }),
    type: Type.Enum(BYTES_TYPES, {
      description:
        'the type of the number: uint, int or float, its bits, and le or be for the order of its bytes',
    }),
    encoding: Type.Optional(
      Type.Enum(['base64', 'hex'], { description: '"base64" (also without it) or "hex"' }),
    ),
  },
  {
    additionalProperties: false,
    title: 'Bytes',
    description:
      'a number within bytes: {"at": 0, "type": "uint16be"}, and "encoding": "hex" for hexadecimal text',
  },
);

export const PropertyMapping = Type.Union(
  [
    Path,
    Type.Object(
      {
        path: Type.Optional(Paths),
        location: Type.Optional(Location),
        value: Type.Optional(
          Type.Unknown({
            description: 'a constant, instead of a path; or, beside a path, for when it is absent',
          }),
        ),
        baseType: Type.Optional(
          Type.Enum(PROPERTY_BASE_TYPES, {
            description: `a base type of ThingWorx (${PROPERTY_BASE_TYPES.join(', ')})`,
          }),
        ),
        bytes: Type.Optional(Bytes),
        match: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 1000,
            description:
              'a regular expression (RE2) on the text; its first group is the value, or the whole match when it has no group',
          }),
        ),
        number: Type.Optional(
          Type.Enum(['.', ','], {
            description:
              'the decimal mark of a number in text, "." or ","; marks between thousands and a unit behind the number are left out',
          }),
        ),
        unit: Type.Optional(Unit),
        zone: Type.Optional(Zone),
        scale: Type.Optional(Type.Number({ description: 'a number by which the value is multiplied' })),
        offset: Type.Optional(Type.Number({ description: 'a number that is added after scaling' })),
        map: Type.Optional(
          Type.Record(Type.String(), Type.Unknown(), {
            description: 'values by the text of the value at the path; others stay as they are',
          }),
        ),
        time: Type.Optional(Time),
        quality: Type.Optional(Quality),
      },
      { additionalProperties: false, minProperties: 1 },
    ),
  ],
  {
    title: 'Property',
    description:
      'a path, or an object with path, location or value and, as needed, baseType, bytes, match, number, unit, zone, scale, offset, map, time ' +
      'and quality',
  },
);

const Rule = Type.Object(
  {
    name: Type.Optional(
      Type.String({ maxLength: 200, description: 'a name for logs, tests and dead letters' }),
    ),
    when: Type.Optional(When),
    body: Type.Optional(
      Type.Enum(['auto', 'json', 'lenient', 'lines', 'cbor', 'text', 'base64'], {
        description:
          'how the body is read: "auto" (by content type), "json", "lenient" (JSON with NaN as null, zero bytes at the end, or written twice), ' +
          '"lines" (JSON by the line), "cbor", "text" or "base64"',
      }),
    ),
    encoding: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description:
          'how the body is encoded, whatever the message says: a charset, gzip, deflate, br or base64, or several in the order in which they ' +
          'were applied ("utf-16, gzip"); "none" for none of them',
      }),
    ),
    ignore: Type.Optional(Type.Boolean({ description: 'true: messages of this rule are counted and left' })),
    each: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1000,
        description:
          'a path to an element, with [*] for every element of an array or .* for every member of an object',
      }),
    ),
    where: Type.Optional(
      Type.Record(Type.String(), Condition, {
        minProperties: 1,
        description: 'conditions on each element, by path; elements that do not meet all of them are left',
      }),
    ),
    thing: Type.Optional(Template),
    template: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'the name of the Thing Template from which unknown Things of this rule are created',
      }),
    ),
    prefix: Type.Optional(
      Type.String({
        maxLength: 255,
        description:
          'what stands before keys that are mapped by their own name, instead of "module::" and "component::"; may be empty',
      }),
    ),
    time: Type.Optional(Time),
    quality: Type.Optional(Quality),
    properties: Type.Optional(
      Type.Record(Type.String(), PropertyMapping, {
        minProperties: 1,
        description: 'property names (templates) and where their values are',
      }),
    ),
    others: Type.Optional(
      Type.Enum(['ignore', 'map'], {
        description:
          'what happens to top-level keys that no property names: "ignore", or "map" to the property of that name',
      }),
    ),
    expression: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 20_000,
        description:
          'a JSONata expression whose result is {"properties": {..}} with, as needed, thing, time and quality, or an array of such',
      }),
    ),
  },
  { additionalProperties: false, title: 'Rule', description: 'a rule: an object' },
);

export const TestMessage = Type.Object(
  {
    deviceId: Type.String({ minLength: 1 }),
    moduleId: Type.Optional(Type.String()),
    componentName: Type.Optional(Type.String()),
    interfaceId: Type.Optional(Type.String()),
    source: Type.Optional(Type.String()),
    contentType: Type.Optional(Type.String()),
    contentEncoding: Type.Optional(Type.String()),
    properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    systemProperties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    enqueuedTime: Type.Optional(
      Type.Union([Type.String(), Type.Number()], { description: 'ISO 8601 text or epoch milliseconds' }),
    ),
    creationTime: Type.Optional(
      Type.Union([Type.String(), Type.Number()], { description: 'ISO 8601 text or epoch milliseconds' }),
    ),
    body: Type.Optional(Type.Unknown({ description: 'the body as JSON; or bodyText or bodyBase64' })),
    bodyText: Type.Optional(Type.String()),
    bodyBase64: Type.Optional(Type.String()),
  },
  { additionalProperties: false, description: 'a message: deviceId and body, bodyText or bodyBase64' },
);

const BaseTypeName = Type.Enum(FIELD_BASE_TYPES, { description: 'a base type of ThingWorx' });

const ThingProperties = Type.Record(Type.String(), BaseTypeName, {
  description: 'property names and their base types',
});

const Expectation = Type.Object(
  {
    thing: Type.String(),
    time: Type.Optional(Type.Union([Type.String(), Type.Number()])),
    quality: Type.Optional(QualityName),
    values: Type.Record(Type.String(), Type.Unknown(), { description: 'property names and expected values' }),
  },
  { additionalProperties: false, description: 'a row: thing, values and, as needed, time and quality' },
);

export const MappingTest = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 200 })),
    message: TestMessage,
    things: Type.Optional(
      Type.Record(Type.String(), ThingProperties, {
        description:
          'the Things that exist, with the base types of their properties; without it every Thing and property exists',
      }),
    ),
    expect: Type.Array(Expectation, { description: 'the rows that must come out, in order; [] for none' }),
    refused: Type.Optional(
      Type.Array(Type.String(), {
        description: 'the codes of the refusals that must come out; without it there may be none',
      }),
    ),
  },
  { additionalProperties: false, title: 'Test', description: 'a test: message and expect' },
);

export const MappingDocument = Type.Object(
  {
    version: Type.Literal(1, { description: 'the number 1' }),
    description: Type.Optional(Type.String({ maxLength: 10_000 })),
    rules: Type.Array(Rule, {
      maxItems: 1000,
      description: 'rules, tried in order; the first whose conditions hold is used',
    }),
    otherwise: Type.Optional(
      Type.Enum(['default', 'ignore', 'deadLetter'], {
        description: 'what happens to messages that no rule takes: "default", "ignore" or "deadLetter"',
      }),
    ),
    tests: Type.Optional(
      Type.Array(MappingTest, {
        maxItems: 1000,
        description: 'messages and what must come of them; a document whose tests fail is refused',
      }),
    ),
  },
  {
    additionalProperties: false,
    title: 'Mappings',
    description: 'a mapping document: {"version": 1, "rules": [..]}',
  },
);

export type MappingDocument = Static<typeof MappingDocument>;
export type MappingRule = Static<typeof Rule>;
export type MappingTest = Static<typeof MappingTest>;
export type MappingTestMessage = Static<typeof TestMessage>;
export type Condition = Static<typeof Condition>;
export type TimeMapping = Static<typeof Time>;
export type QualityMapping = Static<typeof Quality>;
export type PropertyMapping = Static<typeof PropertyMapping>;
