import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TSchema } from 'typebox';
import { deviceShape } from '../../extension/entities/device.ts';
import { ENTITIES } from '../../extension/entities/index.ts';
import { annotationOf, baseTypeOf, factsOf, rowOf } from '../../sidecar/contract/schema.ts';
import { FORBIDDEN_KEYS } from '../../sidecar/http/problem.ts';
import { BINDINGS } from '../../sidecar/operations/bindings.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { type Operation, pathMembers, usesQuery } from '../../sidecar/operations/operation.ts';
import { PLATFORM_DATA_SHAPES } from '../extension/fixture.ts';

/** Every member of an object schema, also inside arrays and objects, with its place. */
function members(schema: TSchema, place: string): [string, TSchema][] {
  const { properties = {}, items } = factsOf(schema);
  return [
    ...Object.entries(properties).flatMap(([name, member]): [string, TSchema][] => [
      [`${place}.${name}`, member],
      ...members(member, `${place}.${name}`),
    ]),
    ...(items ? members(items, `${place}[]`) : []),
  ];
}

for (const operation of OPERATIONS) {
  describe(`operation ${operation.name}`, () => {
    const input = factsOf(operation.input);

    test('has a name, one sentence and a path under /v1', () => {
      assert.match(operation.name, /^([A-Z][a-z0-9]*)+$/);
      assert.match(operation.summary, /^[A-Z][^\n]*\.$/);
      assert.match(operation.path, /^(\/([a-z-]+|\{\w+\}))+$/);
    });

    test('has its path members in the input, and needs them', () => {
      for (const member of pathMembers(operation.path)) {
        assert.ok(input.properties?.[member], member);
        assert.ok(input.required?.includes(member), `${member} is required`);
      }
    });

    test('describes every member', () => {
      const all = [...members(operation.input, 'input'), ...members(operation.output, 'output')];
      for (const [place, schema] of all)
        assert.ok(factsOf(schema).description, `${place} has no description`);
    });

    test('answers no key that ThingWorx overwrites, and not only one called value', () => {
      for (const key of Object.keys(factsOf(operation.output).properties ?? {})) {
        assert.ok(!FORBIDDEN_KEYS.has(key), key);
      }
    });

    test('has its answer before ThingWorx ends a script, unless it is asked to wait longer', () => {
      const added = (operation.addedSeconds ?? []).map((name) =>
        Number(factsOf(input.properties?.[name] as TSchema).default ?? 0),
      );
      const seconds = (operation.timeoutMs ?? 20_000) / 1_000;
      assert.ok(added.reduce((sum, one) => sum + one, seconds) < 30);
    });

    test('names what its service returns', () => {
      if (operation.result) assert.ok(factsOf(operation.output).properties?.[operation.result]);
      assert.ok(!(operation.result && operation.noResult));
    });

    test('has a Data Shape for every INFOTABLE, with exactly the fields of the rows', () => {
      for (const [place, schema] of [
        ...members(operation.input, 'input'),
        ['output', operation.output] as const,
        ...members(operation.output, 'output'),
      ]) {
        if (baseTypeOf(schema) !== 'INFOTABLE') continue;
        const name = annotationOf(schema).dataShape;
        const shape = ENTITIES.find((entity) => entity.kind === 'DataShape' && entity.name === name);
        const own =
          shape?.kind === 'DataShape'
            ? Object.fromEntries(shape.fields.map((field) => [field.name, field.baseType]))
            : undefined;
        const fields = own ?? PLATFORM_DATA_SHAPES[name ?? ''];
        assert.ok(fields, `${place}: ${name} is no Data Shape of the extension or the platform`);
        const rows = factsOf(rowOf(schema)).properties ?? {};
        assert.deepEqual(
          fields,
          Object.fromEntries(Object.entries(rows).map(([field, type]) => [field, baseTypeOf(type)])),
        );
      }
    });

    test('has the script that it says', () => {
      const file = new URL(`../../extension/scripts/${operation.name}.js`, import.meta.url);
      assert.equal(existsSync(file), operation.script === 'hand-written');
    });

    test('sends no nested tables in a query string', () => {
      if (!usesQuery(operation.method)) return;
      for (const [, schema] of Object.entries(input.properties ?? {}))
        assert.notEqual(baseTypeOf(schema), 'INFOTABLE');
    });
  });
}

test('no two operations share a service or a route', () => {
  const services = OPERATIONS.map((operation) => `${operation.entity ?? ''}.${operation.name}`);
  const routes = OPERATIONS.map(
    (operation) => `${operation.method} ${operation.path.replace(/\{\w+\}/g, '{}')}`,
  );
  assert.deepEqual([...new Set(services)], services);
  assert.deepEqual([...new Set(routes)], routes);
  const names = OPERATIONS.map((operation) => operation.name);
  assert.deepEqual([...new Set(names)], names, 'operationIds');
});

test('bindings read properties that their entity has', () => {
  for (const [name, binding] of Object.entries(BINDINGS)) {
    const entity = ENTITIES.find((item) => item.name === name);
    if (entity?.kind !== 'ThingShape' && entity?.kind !== 'ThingTemplate') continue;
    // The shapes of special devices are put on Things of Device_TS, which names device and hub.
    const isAddition = name === 'AzureIoT.EdgeDevice_TS' || name === 'AzureIoT.OpcPublisher_TS';
    const all = isAddition ? [...entity.properties, ...deviceShape.properties] : entity.properties;
    const properties = new Set(all.map((property) => property.name));
    const read = Object.values(binding.members).flatMap((source) => source.property ?? []);
    if (binding.caller !== 'me') read.push(binding.caller.property);
    for (const property of read) assert.ok(properties.has(property), `${name}.${property}`);
  }
});

function isOperation(value: unknown): value is Operation {
  return (
    typeof value === 'object' && value !== null && 'run' in value && 'path' in value && 'errors' in value
  );
}

test('every exported operation is registered', async () => {
  const directory = new URL('../../sidecar/operations/', import.meta.url);
  const unregistered: string[] = [];
  let found = 0;
  for await (const file of glob('**/*.ts', { cwd: fileURLToPath(directory) })) {
    const exports = Object.values((await import(new URL(file, directory).href)) as Record<string, unknown>);
    // A definition is exported by itself or in the list of its family; one that is neither is an unused variable to the linter.
    for (const operation of exports.flat().filter(isOperation)) {
      found += 1;
      if (!OPERATIONS.includes(operation)) unregistered.push(`${operation.name} of ${file}`);
    }
  }
  assert.deepEqual(unregistered, []);
  assert.ok(found >= OPERATIONS.length, `${found} definitions were found`);
});
