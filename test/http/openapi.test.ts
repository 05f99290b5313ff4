import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import addFormatsModule from 'ajv-formats';
import { ERRORS } from '../../sidecar/errors/catalogue.ts';
import { openApi } from '../../sidecar/http/openapi.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { VERSION } from '../../sidecar/version.ts';
import { startApp, TOKEN } from './fixture.ts';

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: string[];
  readonly parameters?: { name: string; in: string; required: boolean; schema: object }[];
  readonly requestBody?: { content: Record<string, { schema: object }> };
  readonly responses: Record<string, Response | { readonly $ref: string }>;
}

interface Response {
  readonly description: string;
  readonly content?: Record<string, { schema: object }>;
}

const document = openApi(OPERATIONS, '1.2.3') as {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, object>; responses: Record<string, Response> };
};
const described = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

/** A response, or the shared one that it refers to. */
function responseOf(operation: Described | undefined, status: string | number): Response | undefined {
  const response = operation?.responses[status];
  if (!response || !('$ref' in response)) return response;
  return document.components.responses[response.$ref.replace('#/components/responses/', '')];
}

describe('the OpenAPI document', () => {
  test('is what the app serves, behind the token', async (t) => {
    const { call } = await startApp(t);
    assert.equal((await call('GET', '/v1/openapi.json', { anonymous: true })).status, 401);
    const { json } = await call('GET', '/v1/openapi.json');
    assert.deepEqual(json, JSON.parse(JSON.stringify(openApi(OPERATIONS, VERSION))));
  });

  test('describes every operation once, with tag and summary', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.equal(document.info.version, '1.2.3');
    assert.deepEqual(
      described.map(({ operation }) => operation.operationId).sort(),
      [
        ...OPERATIONS.map(({ name }) => name),
        'CallByName',
        'DownloadBlob',
        'FollowStream',
        'UploadBlob',
      ].sort(),
    );
    for (const { operation } of described) assert.ok(operation.summary && operation.tags.length === 1);
  });

  test('declares each path parameter, and only those', () => {
    for (const { path, operation } of described) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      assert.deepEqual(
        declared.map(({ name }) => name),
        inPath,
      );
      for (const { required } of declared) assert.equal(required, true);
    }
  });

  test('holds schemas that compile, and references that lead somewhere', () => {
    const ajv = new Ajv({ strict: true, strictRequired: false });
    (addFormatsModule as unknown as (ajv: Ajv) => void)(ajv);
    for (const { operation } of described) {
      for (const { schema } of operation.parameters ?? []) ajv.compile(schema);
      for (const { schema } of Object.values(operation.requestBody?.content ?? {})) ajv.compile(schema);
      assert.ok(responseOf(operation, 200)?.content);
      for (const status of Object.keys(operation.responses)) {
        const response = responseOf(operation, status);
        assert.ok(response, `${operation.operationId} ${status}`);
        const { content = {} } = response;
        if (/^[23]/.test(status)) {
          for (const { schema } of Object.values(content)) ajv.compile(schema);
          continue;
        }
        assert.deepEqual(content['application/problem+json']?.schema, {
          $ref: '#/components/schemas/Problem',
        });
      }
    }
    ajv.compile(document.components.schemas.Problem ?? {});
  });

  test('names the errors of each operation under their status', () => {
    for (const operation of OPERATIONS) {
      const found = described.find((item) => item.operation.operationId === operation.name);
      for (const code of operation.errors) {
        const { status } = ERRORS[code];
        assert.ok(
          responseOf(found?.operation, status)?.description.includes(code),
          `${operation.name} ${code}`,
        );
      }
    }
  });

  test('holds each error response once', () => {
    const shared = Object.values(document.components.responses).map((response) => JSON.stringify(response));
    assert.equal(new Set(shared).size, shared.length);
    for (const { operation } of described) {
      for (const [status, response] of Object.entries(operation.responses))
        assert.equal('$ref' in response, !/^[23]/.test(status), `${operation.operationId} ${status}`);
    }
  });

  test('holds no secret and no example of one', () => {
    const text = JSON.stringify(document);
    assert.ok(!text.includes(TOKEN));
    assert.doesNotMatch(text, /SharedAccessKey=[A-Za-z0-9+/]/);
    assert.doesNotMatch(text, /"example/);
    const put = document.paths['/v1/secrets/{ticket}']?.put;
    assert.equal(put?.requestBody, undefined);
    assert.deepEqual(
      put?.parameters?.map(({ name }) => name),
      ['ticket'],
    );
  });

  test('describes problems as they are', async (t) => {
    const ajv = new Ajv({ strict: true });
    (addFormatsModule as unknown as (ajv: Ajv) => void)(ajv);
    const validate = ajv.compile(document.components.schemas.Problem ?? {});
    const { call } = await startApp(t);
    for (const answer of [
      await call('GET', '/v1/nothing'),
      await call('PUT', '/v1/hubs/h', { body: { settings: { enabled: 1 } } }),
    ]) {
      assert.ok(validate(answer.json), JSON.stringify(validate.errors));
    }
  });
});
