import express, { type Request, type RequestHandler, Router } from 'express';
import { baseTypeOf, factsOf } from '../contract/schema.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { inSpan } from '../observe/spans.ts';
import type { OperationContext } from '../operations/context.ts';
import { type Operation, ownerMember, pathMembers, usesQuery } from '../operations/operation.ts';
import { readSecret } from './auth.ts';
import type { BodyBudget } from './body-budget.ts';
import { FORBIDDEN_KEYS } from './problem.ts';
import { callerSignal, sendResult } from './reply.ts';
import { type InputCheck, Validation } from './validation.ts';

export interface OperationRouteOptions {
  readonly operations: readonly Operation[];
  readonly context: Omit<OperationContext, 'signal' | 'invalid'>;
  readonly log: Log;
  /** Refuses an answer that its schema does not describe; for tests. */
  readonly checkOutput?: boolean;
}

interface RouteGuards {
  /** The largest body, in bytes, of an operation that does not set its own limit. */
  readonly bodyBytes: number;
  /** Time limit for receiving a body, in milliseconds; one more second for each 100 kB that it may have. */
  readonly bodyMs: number;
  /** Shared by all bodies that are under way. */
  readonly bodies: BodyBudget;
  readonly authorise: RequestHandler;
}

const JSON_TYPES = ['application/json', 'application/*+json'];

/**
 * Two routes for each operation, and status 405 for all other methods of the same paths. One has the method and path of the operation; the
 * other, for services in ThingWorx, its name: `POST /v1/things/{thing}/{operation}` with the whole input as body.
 */
export function operationRoutes(
  options: OperationRouteOptions,
  { bodyBytes, bodyMs, bodies, authorise }: RouteGuards,
): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const validation = new Validation();
  const jsonBody = (limit: number, refuse?: () => ConnectorError) =>
    readJson({ bodies, limit, refuse, timeoutMs: bodyMs + limit / 100 });
  const parseBody = jsonBody(bodyBytes);
  const parseSecretBody = jsonBody(SECRET_BODY_BYTES);
  const bodyOf = ({ largeBody, authorisation }: Operation) => {
    if (authorisation === 'ticket') return parseSecretBody;
    return largeBody ? jsonBody(largeBody.maxBytes, largeBody.refuse) : parseBody;
  };
  const requireTicket = ticketCheck(options.context);
  const methodsByPath = new Map<string, string[]>();
  for (const operation of options.operations) {
    checkDefinition(operation);
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1');
    methodsByPath.set(path, [...(methodsByPath.get(path) ?? []), operation.method]);
    const output = options.checkOutput ? validation.forOutput(operation) : undefined;
    const method = operation.method.toLowerCase() as Lowercase<Operation['method']>;
    router[method](
      path,
      name(operation),
      operation.authorisation === 'ticket' ? requireTicket : authorise,
      ...(usesQuery(operation.method) ? [] : [bodyOf(operation)]),
      run(operation, options, { input: validation.forInput(operation), output }),
    );
    if (isNamed(operation)) {
      router.post(
        `/things/:thing/${operation.name}`,
        name(operation, `/things/{thing}/${operation.name}`),
        authorise,
        bodyOf(operation),
        run(operation, options, { input: validation.forNamedCall(operation), output }),
      );
    }
  }
  for (const [path, methods] of methodsByPath) {
    router.all(path, authorise, (request, response) => {
      response.set('Allow', methods.join(', '));
      throw new ConnectorError(
        'METHOD_NOT_ALLOWED',
        `${request.method} is not allowed here; allowed: ${methods.join(', ')}.`,
      );
    });
  }
  return router;
}

/**
 * A Thing calls by name what is about itself: its name takes the place of the hub or account in the input. What is for all hubs or accounts,
 * and what a one-time secret token opens, is not called by name.
 */
export function isNamed({ authorisation, entity, path }: Operation): boolean {
  return authorisation !== 'ticket' && (entity !== undefined || ownerMember(path) !== undefined);
}

/** Runs at start, so in every test. @throws ConnectorError INTERNAL for a definition that ThingWorx could not use */
function checkDefinition(operation: Operation): void {
  const { properties = {} } = factsOf(operation.input);
  const missing = pathMembers(operation.path).find((member) => !(member in properties));
  const forbidden = Object.keys(factsOf(operation.output).properties ?? {}).find((key) =>
    FORBIDDEN_KEYS.has(key),
  );
  if (missing !== undefined || forbidden !== undefined) {
    const reason =
      missing === undefined ? `its output has the key ${forbidden}` : `its input lacks ${missing}`;
    throw new ConnectorError('INTERNAL', `The operation ${operation.name} cannot be offered: ${reason}.`);
  }
}

/** The route for log lines: the pattern, never the path itself, which may contain a one-time secret token. */
function name({ path, role }: Operation, route = path): RequestHandler {
  return (_request, response, next) => {
    response.locals.route = `/v1${route}`;
    response.locals.viewer = role === 'viewer';
    next();
  };
}

/** The secret is in the header; the HTTP functions of ThingWorx send an empty object beside it. */
const SECRET_BODY_BYTES = 1_000;

/** Before the body is read: only who has a one-time secret token that is still good may send one. */
function ticketCheck({ secretTokens }: OperationRouteOptions['context']): RequestHandler {
  return (request, _response, next) => {
    const ticket = String(Object.values(request.params)[0]);
    readSecret(request.headers.authorization, ticket);
    secretTokens.require(ticket);
    next();
  };
}

interface BodyLimits {
  readonly bodies: BodyBudget;
  /** The largest body, in bytes. */
  readonly limit: number;
  /** What a larger one is answered with. */
  readonly refuse: (() => ConnectorError) | undefined;
  readonly timeoutMs: number;
}

function readJson({ bodies, limit, refuse, timeoutMs }: BodyLimits): RequestHandler {
  const parse = express.json({
    limit,
    strict: true,
    inflate: false,
    type: JSON_TYPES,
  });
  return (request, response, next) => {
    const { headers } = request;
    const empty =
      headers['content-length'] === '0' ||
      (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined);
    if (!empty && !request.is(JSON_TYPES)) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        'The body must be JSON with the header Content-Type: application/json.',
      );
    }
    const given = Number(headers['content-length'] ?? limit);
    // What says that it is too large is refused without being read.
    const release = empty ? () => {} : bodies.take(Math.min(given, limit));
    const timer = setTimeout(() => request.destroy(), timeoutMs);
    response.once('close', release);
    parse(request, response, (thrown?: unknown) => {
      clearTimeout(timer);
      release();
      const tooLarge = (thrown as { type?: unknown } | undefined)?.type === 'entity.too.large';
      next(tooLarge && refuse ? refuse() : thrown);
    });
  };
}

const TICKET_HEADER = 'x-secret-ticket';

/** The member of the input that a service takes as a PASSWORD. */
function passwordMember({ input }: Operation): string | undefined {
  const members = Object.entries(factsOf(input).properties ?? {});
  return members.find(([, schema]) => baseTypeOf(schema) === 'PASSWORD')?.[0];
}

/** The body with the password that was sent before for the one-time secret token in the header. */
function withPassword(
  request: Request,
  member: string | undefined,
  secretTokens: OperationRouteOptions['context']['secretTokens'],
): unknown {
  const body: unknown = request.body ?? {};
  const ticket = request.get(TICKET_HEADER);
  if (ticket === undefined || member === undefined || typeof body !== 'object') return body;
  return { ...body, [member]: secretTokens.take(ticket) };
}

interface Checks {
  readonly input: InputCheck;
  /** Gives what is wrong with an answer. */
  readonly output: ((output: unknown) => string | undefined) | undefined;
}

function run(operation: Operation, options: OperationRouteOptions, checks: Checks): RequestHandler {
  const password = passwordMember(operation);
  return async (request, response) => {
    const started = performance.now();
    const path = { ...request.params };
    const secret =
      operation.authorisation === 'ticket'
        ? { secret: readSecret(request.headers.authorization, String(Object.values(path)[0])) }
        : {};
    const body = withPassword(request, password, options.context.secretTokens);
    const { input: checked, invalid } = checks.input(path, request.query, body);
    const input = { ...checked, ...secret };
    const { requestId, route } = response.locals;
    const output = await inSpan(
      () => ({
        kind: 'operation',
        name: operation.name,
        attributes: { 'http.request.method': request.method, 'http.route': route, 'request.id': requestId },
      }),
      () =>
        operation.run(
          { ...options.context, invalid, signal: callerSignal(request, response) },
          input as never,
        ),
    );
    const drift = checks.output?.(output);
    if (drift)
      throw new ConnectorError(
        'INTERNAL',
        `The answer of ${operation.name} is not what its schema says: ${drift}`,
      );
    sendResult(request, response, output);
    options.log.debug(
      { requestId, method: operation.method, route, durationMs: Math.round(performance.now() - started) },
      'A request was answered.',
    );
  };
}
