import type { AvroCursor } from './avro-cursor.ts';
import { malformed } from './malformed.ts';

export type AvroReader = (cursor: AvroCursor) => unknown;

const MAX_SCHEMA_DEPTH = 32;
const MAX_BRANCHES = 100;

const PRIMITIVES: Readonly<Record<string, AvroReader>> = {
  null: () => null,
  boolean: (cursor) => cursor.boolean(),
  int: (cursor) => cursor.long(),
  long: (cursor) => cursor.long(),
  float: (cursor) => cursor.float(),
  double: (cursor) => cursor.double(),
  bytes: (cursor) => cursor.bytes(),
  string: (cursor) => cursor.string(),
};

/**
 * A reader for values of a schema (Avro 1.11, Schema Declaration). Records and maps become objects whose keys are data, whatever they
 * are called; logical types are read as what they are made of. Throws FILE_MALFORMED.
 */
export function compileSchema(schema: unknown): AvroReader {
  return new Compiler().compile(schema, '', 0);
}

class Compiler {
  readonly #named = new Map<string, AvroReader>();

  compile(schema: unknown, namespace: string, depth: number): AvroReader {
    if (depth > MAX_SCHEMA_DEPTH) throw malformed('has a schema that is nested too deep');
    if (typeof schema === 'string') return this.#known(schema, namespace);
    if (Array.isArray(schema)) return this.#union(schema, namespace, depth);
    if (typeof schema !== 'object' || schema === null) throw malformed('has a schema that is none');
    const { type, items, values, size, symbols } = schema as Record<string, unknown>;
    switch (type) {
      case 'record':
        return this.#record(schema as Record<string, unknown>, namespace, depth);
      case 'enum':
        return this.#name(schema as Record<string, unknown>, namespace, enumReader(symbols));
      case 'fixed':
        return this.#name(schema as Record<string, unknown>, namespace, fixedReader(size));
      case 'array':
        return arrayReader(this.compile(items, namespace, depth + 1));
      case 'map':
        return mapReader(this.compile(values, namespace, depth + 1));
      default:
        return this.compile(type, namespace, depth + 1);
    }
  }

  #known(name: string, namespace: string): AvroReader {
    const full = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
    const reader =
      (Object.hasOwn(PRIMITIVES, name) ? PRIMITIVES[name] : undefined) ??
      this.#named.get(full) ??
      this.#named.get(name);
    if (!reader) throw malformed(`has a schema with the unknown type ${name.slice(0, 100)}`);
    return reader;
  }

  #record(schema: Record<string, unknown>, outer: string, depth: number): AvroReader {
    const { fields } = schema;
    if (!Array.isArray(fields) || fields.length > 1_000) throw malformed('has a record without fields');
    const readers: [string, AvroReader][] = [];
    const read: AvroReader = (cursor) =>
      cursor.nested(() => Object.fromEntries(readers.map(([name, reader]) => [name, reader(cursor)])));
    // Known under its name before its fields are read: they may refer to it.
    this.#name(schema, outer, read);
    const namespace = typeof schema.namespace === 'string' ? schema.namespace : outer;
    for (const field of fields as ({ name?: unknown; type?: unknown } | null)[]) {
      if (typeof field?.name !== 'string') throw malformed('has a record with a field without a name');
      readers.push([field.name, this.compile(field.type, namespace, depth + 1)]);
    }
    return read;
  }

  #name(schema: Record<string, unknown>, outer: string, reader: AvroReader): AvroReader {
    const { name, namespace = outer } = schema;
    if (typeof name !== 'string') throw malformed('has a type without a name');
    this.#named.set(name.includes('.') || !namespace ? name : `${String(namespace)}.${name}`, reader);
    return reader;
  }

  #union(branches: readonly unknown[], namespace: string, depth: number): AvroReader {
    if (branches.length > MAX_BRANCHES) throw malformed('has a union of too many types');
    const readers = branches.map((branch) => this.compile(branch, namespace, depth + 1));
    return (cursor) => {
      const reader = readers[cursor.size()];
      if (!reader) throw malformed('has a value of no type of its union');
      return cursor.nested(() => reader(cursor));
    };
  }
}

function enumReader(symbols: unknown): AvroReader {
  if (!Array.isArray(symbols)) throw malformed('has an enumeration without symbols');
  return (cursor) => {
    const symbol: unknown = symbols[cursor.size()];
    if (typeof symbol !== 'string') throw malformed('has a value of no symbol of its enumeration');
    return symbol;
  };
}

function fixedReader(size: unknown): AvroReader {
  if (!Number.isSafeInteger(size) || (size as number) < 0 || (size as number) > 1_048_576)
    throw malformed('has a fixed type without a size');
  return (cursor) => cursor.fixed(size as number);
}

function arrayReader(item: AvroReader): AvroReader {
  return (cursor) =>
    cursor.nested(() => {
      const values: unknown[] = [];
      cursor.elements(() => values.push(item(cursor)));
      return values;
    });
}

function mapReader(value: AvroReader): AvroReader {
  return (cursor) =>
    cursor.nested(() => {
      const entries: [string, unknown][] = [];
      cursor.elements(() => entries.push([cursor.string(), value(cursor)]));
      return Object.fromEntries(entries);
    });
}
