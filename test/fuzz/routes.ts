import assert from 'node:assert/strict';
import http from 'node:http';
import fc from 'fast-check';
import { factsOf } from '../../sidecar/contract/schema.ts';
import { ERRORS } from '../../sidecar/errors/catalogue.ts';
import { COMMON_ERRORS } from '../../sidecar/http/openapi.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { type Operation, pathMembers, usesQuery } from '../../sidecar/operations/operation.ts';
import { type FuzzOptions, type FuzzReport, fuzz } from './fuzz-run.ts';
import { objectArbitrary } from './schema-arbitrary.ts';

interface Call {
  readonly operation: Operation;
  readonly input: Record<string, unknown>;
}

export interface RouteTarget {
  readonly port: number;
  readonly token: string;
  /** What is connected, so that calls come further than the look-up: values of the members of these names. */
  readonly known: Readonly<Record<string, string>>;
  /** Texts that no answer may hold. */
  readonly secrets: readonly string[];
  /** Operations that are left out: those that would end what the others need. */
  readonly skip: ReadonlySet<string>;
}

/** How long an answer may take, in milliseconds: the longest that an operation waits for Azure, and a little. */
const ANSWER_MS = 150_000;

/**
 * Calls every route with inputs made of its own schema. Each answer must be 2xx, or a problem that the operation declares and that is neither
 * INTERNAL nor AZURE_FAILED, and must hold no secret.
 */
export function fuzzRoutes(target: RouteTarget, options: FuzzOptions): Promise<FuzzReport> {
  const operations = OPERATIONS.filter(({ name }) => !target.skip.has(name));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  const call: fc.Arbitrary<Call> = fc.constantFrom(...operations).chain((operation) =>
    fc.tuple(objectArbitrary(operation.input), fc.nat(9)).map(([input, choice]) => ({
      operation,
      // Mostly what is connected: with a name that nobody knows, no call comes far.
      input: impatient(choice === 0 ? input : { ...input, ...knownMembers(operation, target.known) }),
    })),
  );
  return fuzz('routes', options, call, (made) => attempt(target, made, agent), describe).finally(() =>
    agent.destroy(),
  );
}

const MAX_WAIT_SECONDS = 20;

/** A direct method waits for its device for as long as the caller says, up to ten minutes: longer than a run may take. */
function impatient(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      name.endsWith('TimeoutSeconds') && typeof value === 'number' && value > MAX_WAIT_SECONDS && value <= 300
        ? MAX_WAIT_SECONDS
        : value,
    ]),
  );
}

const OTHER_ROUTE = ['ROUTE_NOT_FOUND', 'METHOD_NOT_ALLOWED'] as const;

function knownMembers({ input }: Operation, known: RouteTarget['known']): Record<string, string> {
  const members = Object.keys(factsOf(input).properties ?? {});
  return Object.fromEntries(Object.entries(known).filter(([name]) => members.includes(name)));
}

function describe({ operation, input }: Call): string {
  return `${operation.name} ${JSON.stringify(input).slice(0, 500)}`;
}

async function attempt(target: RouteTarget, { operation, input }: Call, agent: http.Agent): Promise<string> {
  const rest = { ...input };
  const path = pathMembers(operation.path).reduce((route, member) => {
    const value = encodeURIComponent(textOf(rest[member] ?? ''));
    delete rest[member];
    return route.replace(`{${member}}`, () => value);
  }, `/v1${operation.path}`);
  const query = usesQuery(operation.method)
    ? `?${new URLSearchParams(Object.fromEntries(Object.entries(rest).map(([name, value]) => [wellFormed(name), textOf(value)])))}`
    : '';
  const { status, text } = await request(target, agent, {
    method: operation.method,
    path: `${path}${query}`,
    ...(usesQuery(operation.method) ? {} : { body: JSON.stringify(rest) ?? '{}' }),
  });
  for (const secret of target.secrets) assert.ok(!text.includes(secret), 'The answer holds a secret.');
  if (status >= 200 && status < 300) return String(status);
  const problem = JSON.parse(text) as { code?: string; status?: number };
  assert.ok(
    problem.code !== undefined && problem.code in ERRORS,
    `${status} without a code of the catalogue`,
  );
  // An empty member of a path leads to another route or to none.
  const declared: readonly string[] = [...COMMON_ERRORS, ...operation.errors, ...OTHER_ROUTE];
  assert.ok(declared.includes(problem.code), `not declared: ${text.slice(0, 300)}`);
  // What the caller got wrong is told as that, and not by Azure.
  assert.ok(problem.code !== 'INTERNAL' && problem.code !== 'AZURE_FAILED', text.slice(0, 300));
  return `${status} ${problem.code}`;
}

function request(
  { port, token }: RouteTarget,
  agent: http.Agent,
  { method, path, body }: { method: string; path: string; body?: string },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = http.request(
      {
        host: '127.0.0.1',
        port,
        agent,
        method,
        path,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        timeout: ANSWER_MS,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
        answer.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

function textOf(value: unknown): string {
  return wellFormed(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
}

/** encodeURIComponent takes no lone surrogates. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}
