import { isDtmi } from '../lib/dtmi.ts';
import {
  type Element,
  elements,
  kindsOf,
  nameOf,
  nameProblem,
  numberOf,
  text,
  wordOf,
} from './dtdl-element.ts';
import type { EnumValue, Field, Primitive, Schema } from './model.ts';
import type { Problems } from './problems.ts';
import { unitSymbol } from './units.ts';

const PRIMITIVES: Readonly<Record<string, { type: Primitive; note?: string }>> = {
  boolean: { type: 'boolean' },
  date: { type: 'date' },
  dateTime: { type: 'dateTime' },
  double: { type: 'number' },
  duration: { type: 'string', note: 'A duration in ISO 8601 form, such as PT5M.' },
  float: { type: 'number' },
  integer: { type: 'integer' },
  long: { type: 'long' },
  string: { type: 'string' },
  time: { type: 'string', note: 'A time of day in ISO 8601 form, such as 08:30:00.' },
};

/** Schemas that DTDL and IoT Central define and that no document has. */
const STANDARD: Readonly<Record<string, Schema>> = {
  point: { kind: 'location', form: 'geoJson' },
  geopoint: { kind: 'location', form: 'latLon' },
  lineString: { kind: 'json' },
  multiPoint: { kind: 'json' },
  multiLineString: { kind: 'json' },
  polygon: { kind: 'json' },
  multiPolygon: { kind: 'json' },
  vector: {
    kind: 'object',
    fields: ['x', 'y', 'z'].map((name) => ({
      name,
      title: '',
      description: '',
      schema: { kind: 'primitive', type: 'number' } as const,
    })),
  },
};

const EXPECTED = `expected ${Object.keys(PRIMITIVES).join(', ')}, a geospatial schema, the id of a schema of the interface, or an Array, Enum, Map or Object`;

/** More than DTDL allows in any version: deeper schemas refer to themselves. */
const MAX_DEPTH = 16;
/** Schemas that refer to others many times at each level multiply: a short document would keep the process busy for hours. */
const MAX_SCHEMAS = 50_000;

/** Reads the schemas of DTDL elements. */
export class SchemaReader {
  readonly #problems: Problems;
  /** Schemas with an id, of all interfaces. */
  readonly #named: ReadonlyMap<string, Element>;
  #count = 0;

  constructor(problems: Problems, named: ReadonlyMap<string, Element>) {
    this.#problems = problems;
    this.#named = named;
  }

  /** A named value with its schema; undefined when its name or schema is wrong, which is noted. */
  field(element: Element, place: string): Field | undefined {
    const name = nameOf(element);
    const wrong = nameProblem(name);
    if (wrong !== undefined) {
      this.#problems.add(place, wrong);
      return undefined;
    }
    return this.#described(element, name, `${place} ${name}`, 0);
  }

  #described(element: Element, name: string, place: string, depth: number): Field | undefined {
    const schema = this.#schema(element['schema'], place, depth);
    if (schema === undefined) return undefined;
    const unit = wordOf(element['unit']);
    const minimum = numberOf(element['minValue']);
    const maximum = numberOf(element['maxValue']);
    return {
      name,
      title: text(element['displayName']),
      description: text(element['description']),
      schema,
      ...(unit === undefined ? {} : { unit: unitSymbol(unit) }),
      ...(minimum === undefined ? {} : { minimum }),
      ...(maximum === undefined ? {} : { maximum }),
    };
  }

  #schema(given: unknown, place: string, depth: number): Schema | undefined {
    this.#count += 1;
    if (this.#count > MAX_SCHEMAS) {
      if (this.#count === MAX_SCHEMAS + 1)
        this.#problems.add(
          place,
          `The models have more than ${MAX_SCHEMAS} schemas, counted where they are used.`,
        );
      return undefined;
    }
    if (depth > MAX_DEPTH) {
      this.#problems.add(place, `The schema has more than ${MAX_DEPTH} levels or refers to itself.`);
      return undefined;
    }
    if (typeof given === 'string') return this.#byName(given, place, depth);
    const [element] = elements(given);
    if (element === undefined) {
      this.#problems.add(place, `The schema is missing; ${EXPECTED}.`);
      return undefined;
    }
    const kinds = kindsOf(element);
    if (kinds.includes('Enum')) return this.#enum(element, place);
    if (kinds.includes('Object')) return this.#object(element, place, depth);
    if (kinds.includes('Array')) {
      const inner = this.#schema(element['elementSchema'], `${place}[]`, depth + 1);
      return inner && { kind: 'array', element: inner };
    }
    if (kinds.includes('Map')) {
      const [value] = elements(element['mapValue']);
      return this.#schema(value?.['schema'], `${place} mapValue`, depth + 1) && { kind: 'json' };
    }
    // Nothing but a reference.
    const id = wordOf(element['@id']);
    if (id !== undefined && kinds.length === 0) return this.#byName(id, place, depth);
    this.#problems.add(place, `The schema has the type ${kinds.join(', ') || 'none'}; ${EXPECTED}.`);
    return undefined;
  }

  #byName(name: string, place: string, depth: number): Schema | undefined {
    const word =
      /^dtmi:(?:dtdl:instance:Schema|standard:schema:geospatial|iotcentral:schema):(\w+);\d+$/.exec(
        name,
      )?.[1] ?? name;
    if (Object.hasOwn(PRIMITIVES, word))
      return { kind: 'primitive', ...(PRIMITIVES[word] as { type: Primitive }) };
    if (Object.hasOwn(STANDARD, word)) return STANDARD[word];
    const element = this.#named.get(name);
    if (element !== undefined) return this.#schema(element, place, depth + 1);
    const reason = isDtmi(name) ? 'which no document defines' : 'which is no schema of DTDL';
    this.#problems.add(place, `The schema is ${name}, ${reason}; ${EXPECTED}.`);
    return undefined;
  }

  #object(element: Element, place: string, depth: number): Schema {
    const fields: Field[] = [];
    for (const inner of elements(element['fields'])) {
      const name = nameOf(inner);
      const wrong = nameProblem(name);
      if (wrong !== undefined) this.#problems.add(place, `A field: ${wrong}`);
      else if (fields.some((field) => field.name === name))
        this.#problems.add(place, `Two fields have the name ${name}.`);
      else {
        const field = this.#described(inner, name, `${place}.${name}`, depth + 1);
        if (field) fields.push(field);
      }
    }
    return { kind: 'object', fields };
  }

  #enum(element: Element, place: string): Schema | undefined {
    const type = wordOf(element['valueSchema'])?.replace(/^dtmi:dtdl:instance:Schema:(\w+);\d+$/, '$1');
    if (type !== 'integer' && type !== 'string') {
      this.#problems.add(
        place,
        `The valueSchema of the Enum is ${type ?? 'missing'}; expected integer or string.`,
      );
      return undefined;
    }
    const values = elements(element['enumValues']).map(
      (value): EnumValue => ({
        value: value['enumValue'] as string | number,
        title: text(value['displayName']) || nameOf(value),
      }),
    );
    const wrong = values.find(({ value }) =>
      type === 'integer' ? !Number.isInteger(value) : typeof value !== 'string',
    );
    if (wrong)
      this.#problems.add(
        place,
        `The enumValue of ${wrong.title} is ${JSON.stringify(wrong.value)}; expected type ${type}.`,
      );
    return { kind: 'enum', type, values };
  }
}
