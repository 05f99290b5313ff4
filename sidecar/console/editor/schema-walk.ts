/** A JSON Schema, as far as completion reads it. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** A step into JSON: the key of a member, or 'item' for an element of an array. */
export type Step = { readonly key: string } | 'item';

/** The schemas that the value at the path may have: a union has several. */
export function schemasAt(schema: JsonSchema, path: readonly Step[]): readonly JsonSchema[] {
  let current = alternatives(schema);
  for (const step of path) current = current.flatMap((one) => alternatives(into(one, step)));
  return current;
}

function alternatives(schema: JsonSchema | undefined): readonly JsonSchema[] {
  if (!schema) return [];
  return schema.anyOf ? schema.anyOf.flatMap(alternatives) : [schema];
}

function into(schema: JsonSchema, step: Step): JsonSchema | undefined {
  if (step === 'item') return schema.items;
  const named = schema.properties?.[step.key];
  if (named) return named;
  const [pattern] = Object.values(schema.patternProperties ?? {});
  if (pattern) return pattern;
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

export interface Proposal {
  readonly label: string;
  readonly detail: string;
}

/** The members that an object at the path may have beside those that it has. */
export function membersAt(
  schema: JsonSchema,
  path: readonly Step[],
  present: ReadonlySet<string>,
): Proposal[] {
  const found = new Map<string, string>();
  for (const { properties } of schemasAt(schema, path)) {
    for (const [name, member] of Object.entries(properties ?? {})) {
      if (!present.has(name) && !found.has(name)) found.set(name, member.description ?? '');
    }
  }
  return [...found].map(([label, detail]) => ({ label, detail }));
}

/** The values that a schema names for the path, as JSON text. */
export function valuesAt(schema: JsonSchema, path: readonly Step[]): Proposal[] {
  return schemasAt(schema, path).flatMap(({ enum: values, const: one, type, description = '' }) => {
    if (values) return values.map((value) => ({ label: JSON.stringify(value), detail: description }));
    if (one !== undefined) return [{ label: JSON.stringify(one), detail: description }];
    return type === 'boolean' ? ['true', 'false'].map((label) => ({ label, detail: description })) : [];
  });
}
