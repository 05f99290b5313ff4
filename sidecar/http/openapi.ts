import type { TSchema } from 'typebox';
import { ANNOTATION_KEYWORDS, factsOf } from '../contract/schema.ts';
import { ERRORS, type ErrorCode } from '../errors/catalogue.ts';
import { type Operation, pathMembers, usesQuery } from '../operations/operation.ts';
import { BLOB_PATHS, BLOB_RESPONSES } from './blob-openapi.ts';
import { isNamed } from './operation-routes.ts';
import { STREAM_PATHS } from './stream-openapi.ts';

/** The codes that every route can return. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  'REQUEST_INVALID',
  'REQUEST_TOO_LARGE',
  'UNAUTHORIZED',
  'HOST_REFUSED',
  'RATE_LIMITED',
  'INTERNAL',
  'STOPPING',
];

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of the operations. */
export function openApi(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Json> = {
    ...BLOB_PATHS,
    ...STREAM_PATHS,
    '/v1/things/{thing}/{operation}': { post: describeNamedCall(operations.filter(isNamed)) },
  } as Record<string, Json>;
  for (const operation of operations) {
    const path = `/v1${operation.path}`;
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Azure IoT sidecar for ThingWorx',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'The API that the services of the AzureIotHubConnector extension call. With the header X-Sidecar-Envelope: 1 every answer except the ' +
        '401 challenge has status 200 and the form {"ok": true, "result": ...} or {"ok": false, "problem": ...}.',
    },
    servers: [{ url: 'http://127.0.0.1:8780', description: 'The default address.' }],
    security: [{ bearer: [] }, { basic: [] }],
    tags: [...new Set([...operations.map((operation) => operation.category), 'Streams', 'Calls by name'])]
      .sort()
      .map((name) => ({ name })),
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The sidecar token.' },
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'Any user name; the sidecar token as password.',
        },
        ticket: {
          type: 'http',
          scheme: 'basic',
          description: 'The one-time secret token as user name; the secret as password.',
        },
      },
      responses: { ...BLOB_RESPONSES, ...sharedResponses(operations) },
      schemas: { Problem: PROBLEM },
    },
  };
}

function describe(operation: Operation): Json {
  const { properties = {}, required = [] } = factsOf(operation.input);
  const inPath = pathMembers(operation.path);
  const byTicket = operation.authorisation === 'ticket';
  const rest = Object.keys(properties).filter(
    (name) => !inPath.includes(name) && !(byTicket && name === 'secret'),
  );
  const inQuery = usesQuery(operation.method) ? rest : [];
  const parameters = [...inPath, ...inQuery].map((name) =>
    parameter(name, properties[name] as TSchema, inPath.includes(name), required),
  );
  const body = usesQuery(operation.method) ? [] : rest;
  return {
    operationId: operation.name,
    tags: [operation.category],
    summary: operation.summary,
    ...(operation.entity
      ? { description: `Offered as the service ${operation.name} of ${operation.entity}.` }
      : {}),
    ...(byTicket ? { security: [{ ticket: [] }] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body.length > 0 ? { requestBody: requestBody(body, properties, required) } : {}),
    responses: {
      200: { description: 'Done.', content: { 'application/json': { schema: plain(operation.output) } } },
      ...Object.fromEntries(
        problemsOf(operation).map(({ status, name }) => [status, { $ref: `#/components/responses/${name}` }]),
      ),
    },
  };
}

/** One entry for all operations: their input is described where their own path is. */
function describeNamedCall(operations: readonly Operation[]): Json {
  const name = { type: 'string' };
  return {
    operationId: 'CallByName',
    tags: ['Calls by name'],
    summary:
      'Calls an operation by its name, in the name of a hub Thing or storage Thing: the way of the services in ThingWorx. The body holds ' +
      'every member of the input except hub or account, which the Thing stands for.',
    parameters: [
      { name: 'thing', in: 'path', required: true, description: 'The Thing that calls.', schema: name },
      {
        name: 'operation',
        in: 'path',
        required: true,
        description: 'The name of the operation.',
        schema: { type: 'string', enum: operations.map((operation) => operation.name).sort() },
      },
    ],
    requestBody: { required: true, content: { 'application/json': { schema: { type: 'object' } } } },
    responses: {
      200: {
        description: 'As the operation describes it.',
        content: { 'application/json': { schema: { type: 'object' } } },
      },
    },
  };
}

function parameter(name: string, schema: TSchema, inPath: boolean, required: readonly string[]): Json {
  const { description, ...rest } = plain(schema) as Json;
  return {
    name,
    in: inPath ? 'path' : 'query',
    required: inPath || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  };
}

function requestBody(
  names: readonly string[],
  properties: Readonly<Record<string, TSchema>>,
  required: readonly string[],
): Json {
  const schema = {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, plain(properties[name])])),
    required: names.filter((name) => required.includes(name)),
    additionalProperties: false,
  };
  return { required: schema.required.length > 0, content: { 'application/json': { schema } } };
}

interface ProblemResponse {
  readonly status: number;
  readonly codes: readonly ErrorCode[];
  /** The name in `components.responses`: equal codes share one response. */
  readonly name: string;
}

/** The error responses of an operation, one for each status, in ascending order. */
function problemsOf({ errors }: Operation): ProblemResponse[] {
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of [...COMMON_ERRORS, ...errors]) {
    const { status } = ERRORS[code];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  return [...byStatus]
    .sort(([a], [b]) => a - b)
    .map(([status, found]) => {
      const codes = [...found].sort();
      return { status, codes, name: codes.join('.') };
    });
}

function sharedResponses(operations: readonly Operation[]): Json {
  const shared = new Map<string, Json>();
  for (const { status, codes, name } of operations.flatMap(problemsOf)) {
    shared.set(name, {
      description: codes.map((code) => `${code}: ${ERRORS[code].title}`).join(' '),
      ...(status === 401 ? { headers: { 'WWW-Authenticate': { schema: { type: 'string' } } } } : {}),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    });
  }
  return Object.fromEntries([...shared].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The schema without the annotations for ThingWorx. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !ANNOTATION_KEYWORDS.includes(key))
      .map(([key, inner]) => [key, plain(inner)]),
  );
}

const PROBLEM = {
  type: 'object',
  description: 'An error according to RFC 9457.',
  required: ['type', 'title', 'status', 'code', 'detail', 'remedy', 'retryable', 'instance'],
  properties: {
    type: { type: 'string', format: 'uri', description: 'urn:azure-iot-sidecar:problem: and the code.' },
    title: { type: 'string', description: 'The kind of error; constant for each code.' },
    status: { type: 'integer', description: 'The HTTP status that belongs to the code.' },
    code: {
      type: 'string',
      enum: Object.keys(ERRORS).sort(),
      description: 'The stable error code; see docs/errors.md.',
    },
    detail: { type: 'string', description: 'The error in this case and what is expected.' },
    remedy: { type: 'string', description: 'How to solve it.' },
    retryable: { type: 'boolean', description: 'Whether the same request may succeed later.' },
    retryAfterMs: { type: 'integer', description: 'The time to wait before a retry, in milliseconds.' },
    instance: { type: 'string', format: 'uri', description: 'The request id, as in log lines.' },
    errors: {
      type: 'array',
      description: 'For REQUEST_INVALID: the error of each field.',
      items: {
        type: 'object',
        required: ['field', 'problem', 'expected'],
        properties: { field: { type: 'string' }, problem: { type: 'string' }, expected: { type: 'string' } },
      },
    },
  },
};
