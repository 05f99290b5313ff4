import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { outdatedFiles } from '../../scripts/generate.ts';
import { baseTypeOf, factsOf } from '../../sidecar/contract/schema.ts';
import { ERRORS } from '../../sidecar/errors/catalogue.ts';
import { isNamed } from '../../sidecar/http/operation-routes.ts';
import { BINDINGS } from '../../sidecar/operations/bindings.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { resultSchema } from '../../sidecar/operations/operation.ts';
import { startApp } from '../http/fixture.ts';
import { attribute, builtScripts, entityElement, find, type Xml } from './fixture.ts';

const ROOT = join(import.meta.dirname, '..', '..');

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

test('generated files are what the definitions say', () => {
  assert.deepEqual(outdatedFiles(), [], 'run "npm run generate"');
});

test('docs/errors.md has every code of the catalogue', () => {
  const headings = [...read('docs/errors.md').matchAll(/^### ([A-Z_]+)$/gm)].map((match) => match[1]);
  for (const code of Object.keys(ERRORS)) assert.ok(headings.includes(code), code);
});

for (const operation of OPERATIONS) {
  describe(`operation ${operation.name}`, () => {
    const { properties = {}, required = [] } = factsOf(operation.input);

    test('has a route', async (t) => {
      const { call } = await startApp(t);
      const path = `/v1${operation.path.replace(/\{\w+\}/g, 'x')}`;
      const answer = await call(operation.method, path, {
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      assert.ok(!['ROUTE_NOT_FOUND', 'METHOD_NOT_ALLOWED'].includes(String(answer.json.code)), answer.text);
    });

    test('is in docs/openapi.json', () => {
      const document = JSON.parse(read('docs/openapi.json')) as {
        paths: Record<string, Record<string, { operationId: string }>>;
      };
      assert.equal(
        document.paths[`/v1${operation.path}`]?.[operation.method.toLowerCase()]?.operationId,
        operation.name,
      );
    });

    test('is in docs/services.md', () => {
      assert.ok(read('docs/services.md').includes(`\`${operation.method} /v1${operation.path}\``));
    });

    if (!operation.entity) return;
    const entity = operation.entity;

    test('is a service with its parameters and result', () => {
      const owner = entityElement(entity);
      const block = entity.endsWith('_TS') ? owner : (find(owner, 'ThingShape')[0] as Xml);
      const service = find(block, 'ServiceDefinitions', 'ServiceDefinition').find(
        (item) => attribute(item, 'name') === operation.name,
      ) as Xml;
      assert.ok(service);
      assert.equal(attribute(service, 'description'), operation.summary);
      const [result] = find(service, 'ResultType');
      const expected = operation.noResult ? 'NOTHING' : baseTypeOf(resultSchema(operation));
      assert.equal(attribute(result as Xml, 'baseType'), expected);
      if (operation.script === 'hand-written') return;
      const parameters = find(service, 'ParameterDefinitions', 'FieldDefinition');
      const given = Object.keys(properties).filter((name) => !(name in BINDINGS[entity].members));
      assert.deepEqual(parameters.map((item) => attribute(item, 'name')).sort(), given.sort());
      for (const item of parameters) {
        const name = attribute(item, 'name');
        assert.equal(attribute(item, 'baseType'), baseTypeOf(properties[name] ?? {}));
        assert.equal(attribute(item, 'aspect.isRequired') === 'true', required.includes(name));
      }
    });

    test('has a script that calls it by its name, which the sidecar takes', () => {
      const code = builtScripts().find(({ place }) => place === `${entity}.${operation.name}`)?.code ?? '';
      assert.match(code, new RegExp(`operation: .*"${operation.name}"`));
      assert.ok(isNamed(operation));
    });
  });
}
