import Type, { type Static } from 'typebox';
import { isDtmi } from '../lib/dtmi.ts';
import { check } from '../translate/mapping/schema-check.ts';
import {
  CHANNELS,
  type Command,
  type Content,
  type Field,
  type Interface,
  type ModelDocument,
  type Primitive,
  type Schema,
} from './model.ts';
import type { Problems } from './problems.ts';
import { unitSymbol } from './units.ts';

/** The short form of a model (docs/models.md). `description` says what is expected and is shown when a member is wrong. */

const SCALARS = [
  'boolean',
  'integer',
  'long',
  'number',
  'string',
  'dateTime',
  'date',
  'location',
  'json',
] as const;

const NAME_PATTERN = '^[a-zA-Z](?:[a-zA-Z0-9_]{0,126}[a-zA-Z0-9])?$';

const Word = Type.Unsafe<(typeof SCALARS)[number]>({
  type: 'string',
  enum: [...SCALARS],
  description: `one of ${SCALARS.join(', ')}`,
});

const Text = Type.String({ maxLength: 2_000, description: 'a text' });

const described = { title: Type.Optional(Text), description: Type.Optional(Text) };

const measured = {
  unit: Type.Optional(Text),
  minimum: Type.Optional(Type.Number({ description: 'a number' })),
  maximum: Type.Optional(Type.Number({ description: 'a number' })),
};

const named = <T extends Parameters<typeof Type.Record>[1]>(value: T) =>
  Type.Unsafe<Record<string, Static<T>>>({
    type: 'object',
    patternProperties: { [NAME_PATTERN]: value },
    additionalProperties: false,
    description:
      'an object whose keys are names: letters, digits and underscores, a letter first and no underscore last',
  });

const Values = Type.Array(
  Type.Union([Type.String(), Type.Integer()], { description: 'a text or a whole number' }),
  { minItems: 1, maxItems: 1_000, description: 'an array of texts, or of whole numbers' },
);

const Member = Type.Union(
  [
    Word,
    Type.Object(
      { type: Word, values: Type.Optional(Values), ...described, ...measured },
      { additionalProperties: false },
    ),
  ],
  { description: `a word (${SCALARS.join(', ')}), or an object with type, title, description, unit, values` },
);

const valueMembers = {
  type: Type.Unsafe<(typeof SCALARS)[number] | 'object' | 'array'>({
    type: 'string',
    enum: [...SCALARS, 'object', 'array'],
    description: `one of ${SCALARS.join(', ')}, object, array`,
  }),
  values: Type.Optional(Values),
  fields: Type.Optional(named(Member)),
  items: Type.Optional(Word),
  ...described,
  ...measured,
};

const EXPECTED_VALUE = `a word (${SCALARS.join(', ')}), or an object with type, title, description, unit, minimum, maximum, values, fields and items`;

const Value = Type.Union([Word, Type.Object(valueMembers, { additionalProperties: false })], {
  description: EXPECTED_VALUE,
});

const ShortTelemetry = Type.Union(
  [
    Word,
    Type.Object({ ...valueMembers, event: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
  ],
  { description: `${EXPECTED_VALUE}; also event` },
);

const ShortProperty = Type.Union(
  [
    Word,
    Type.Object(
      {
        ...valueMembers,
        writable: Type.Optional(Type.Boolean()),
        sendAs: Type.Optional(
          Type.Unsafe<(typeof CHANNELS)[number]>({
            type: 'string',
            enum: [...CHANNELS],
            description: `one of ${CHANNELS.join(', ')}`,
          }),
        ),
      },
      { additionalProperties: false },
    ),
  ],
  { description: `${EXPECTED_VALUE}; also writable and sendAs` },
);

const ShortCommand = Type.Object(
  {
    ...described,
    method: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, description: 'the name of a direct method' }),
    ),
    parameters: Type.Optional(named(Value)),
    result: Type.Optional(Value),
  },
  {
    additionalProperties: false,
    description: 'an object with title, description, method, parameters and result',
  },
);

const ModelName = Type.String({
  maxLength: 128,
  pattern: '^(dtmi:.+|[A-Za-z][A-Za-z0-9_]*(\\.[A-Za-z][A-Za-z0-9_]*)*)$',
  description: 'a DTMI such as dtmi:com:example:Pump;1, or a name such as Factory.Pump',
});

const ShortModel = Type.Object(
  {
    model: ModelName,
    ...described,
    extends: Type.Optional(Type.Array(ModelName, { maxItems: 20, description: 'an array of models' })),
    telemetry: Type.Optional(named(ShortTelemetry)),
    properties: Type.Optional(named(ShortProperty)),
    commands: Type.Optional(named(ShortCommand)),
    components: Type.Optional(named(ModelName)),
  },
  { additionalProperties: false, description: 'a model' },
);

type ShortValue = Static<typeof Value>;
type LongValue = Exclude<ShortValue, string>;

/** Reads a model in the short form; undefined when it is wrong, which is noted. */
export function readShortForm({ name, content }: ModelDocument, problems: Problems): Interface | undefined {
  const found = check(ShortModel, content);
  for (const { pointer, message } of found) problems.add(`${name}${pointer}`, message);
  if (found.length > 0) return undefined;
  const model = content as Static<typeof ShortModel>;
  for (const id of [model.model, ...(model.extends ?? []), ...Object.values(model.components ?? {})]) {
    if (id.startsWith('dtmi:') && !isDtmi(id))
      problems.add(name, `${id} is no DTMI; expected one such as dtmi:com:example:Pump;1.`);
  }
  const reader = new ShortReader(problems, name);
  return {
    id: model.model,
    title: model.title ?? '',
    description: model.description ?? '',
    bases: model.extends ?? [],
    contents: reader.contents(model),
  };
}

class ShortReader {
  readonly #problems: Problems;
  readonly #document: string;

  constructor(problems: Problems, document: string) {
    this.#problems = problems;
    this.#document = document;
  }

  contents({
    telemetry = {},
    properties = {},
    commands = {},
    components = {},
  }: Static<typeof ShortModel>): Content[] {
    const contents: Content[] = [
      ...Object.entries(telemetry).map(
        ([name, value]): Content => ({
          kind: 'telemetry',
          ...this.#field(name, value),
          isEvent: typeof value !== 'string' && value.event === true,
        }),
      ),
      ...Object.entries(properties).map(([name, value]): Content => {
        const { writable = false, sendAs } = typeof value === 'string' ? {} : value;
        return {
          kind: 'property',
          ...this.#field(name, value),
          isWritable: writable,
          ...(sendAs === undefined ? {} : { sendAs }),
        };
      }),
      ...Object.entries(commands).map(([name, command]) => this.#command(name, command)),
      ...Object.entries(components).map(
        ([name, interfaceId]): Content => ({
          kind: 'component',
          name,
          title: '',
          description: '',
          interfaceId,
        }),
      ),
    ];
    const names = contents.map(({ name }) => name);
    for (const name of new Set(names.filter((item, i) => names.indexOf(item) !== i)))
      this.#problems.add(this.#document, `The name ${name} is used twice; expected names of their own.`);
    return contents;
  }

  #command(
    name: string,
    { title = '', description = '', method, parameters, result }: Static<typeof ShortCommand>,
  ): Command {
    const fields = Object.entries(parameters ?? {}).map(([parameter, value]) =>
      this.#field(parameter, value),
    );
    return {
      kind: 'command',
      name,
      title,
      description,
      ...(method === undefined ? {} : { method }),
      ...(fields.length === 0
        ? {}
        : {
            request: {
              name: 'request',
              title: '',
              description: '',
              schema: { kind: 'object', fields },
              isOptional: false,
            },
          }),
      ...(result === undefined ? {} : { response: this.#field('result', result) }),
    };
  }

  #field(name: string, value: ShortValue | Static<typeof Member>): Field {
    const long: LongValue = typeof value === 'string' ? { type: value } : value;
    const { title = '', description = '', unit, minimum, maximum } = long;
    return {
      name,
      title,
      description,
      schema: this.#schema(name, long),
      ...(unit === undefined ? {} : { unit: unitSymbol(unit) }),
      ...(minimum === undefined ? {} : { minimum }),
      ...(maximum === undefined ? {} : { maximum }),
    };
  }

  #schema(name: string, { type, values, fields, items }: LongValue): Schema {
    const members = Object.entries(fields ?? {}).map(([field, member]) => this.#field(field, member));
    if (type === 'object') return { kind: 'object', fields: members };
    if (type === 'array') {
      const element: Schema =
        fields === undefined ? scalar(items ?? 'json') : { kind: 'object', fields: members };
      return { kind: 'array', element };
    }
    if (fields !== undefined || items !== undefined)
      this.#problems.add(
        this.#document,
        `${name} has the type ${type} and fields or items; expected the type object or array.`,
      );
    if (values === undefined) return scalar(type);
    if (type !== 'string' && type !== 'integer') {
      this.#problems.add(
        this.#document,
        `${name} has values and the type ${type}; expected the type string or integer.`,
      );
      return scalar(type);
    }
    const wrong = values.find((item) => typeof item !== (type === 'string' ? 'string' : 'number'));
    if (wrong !== undefined)
      this.#problems.add(
        this.#document,
        `${name} has the value ${JSON.stringify(wrong)}; expected type ${type}.`,
      );
    return { kind: 'enum', type, values: values.map((item) => ({ value: item, title: String(item) })) };
  }
}

function scalar(type: (typeof SCALARS)[number]): Schema {
  if (type === 'location') return { kind: 'location', form: 'latLon' };
  return type === 'json' ? { kind: 'json' } : { kind: 'primitive', type: type satisfies Primitive };
}
