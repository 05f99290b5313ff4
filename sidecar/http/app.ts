import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Introduction } from '../hub/introduction.ts';
import type { Log } from '../observe/log.ts';
import { Authentication, RefusalLog, type RefusalOptions, readCredentials } from './auth.ts';
import { blobRoutes } from './blob-routes.ts';
import { BodyBudget } from './body-budget.ts';
import { trust } from './connections.ts';
import type { Console } from './console.ts';
import { introductionRoute } from './introductions.ts';
import { openApi } from './openapi.ts';
import { type OperationRouteOptions, operationRoutes } from './operation-routes.ts';
import { RateLimit, type RateLimitOptions } from './rate-limit.ts';
import { asConnectorError, discardBody, limitRest, sendError } from './reply.ts';

interface AppLimits {
  /** The largest body, in bytes. */
  readonly bodyBytes: number;
  /** Time limit for receiving a body, in milliseconds; one that may be large gets more. */
  readonly bodyMs: number;
  /** All bodies that are being read at the same time, in bytes. */
  readonly bodiesBytes: number;
  /** Requests with the right token, of one client address. */
  readonly requests: RateLimitOptions;
  /** Requests with the same wrong token. */
  readonly refusals: RefusalOptions;
  /** Introductions that anybody asks for. */
  readonly introductions: RateLimitOptions;
}

const DEFAULT_LIMITS: AppLimits = {
  bodyBytes: 2_000_000,
  bodyMs: 10_000,
  bodiesBytes: 128_000_000,
  requests: { burst: 2_000, perSecond: 1_000 },
  refusals: { burst: 20, perSecond: 0.5, delayMs: 300, maxDelayed: 50 },
  introductions: { burst: 10, perSecond: 1 },
};

export interface AppOptions extends OperationRouteOptions {
  readonly token: string;
  /** Accepted like the token while that of Things is being changed. */
  readonly previousToken?: string | undefined;
  /** Whether a request that names a sidecar means this one; each does when there is no load balancer. */
  readonly isNamed?: (name: string) => boolean;
  /** Host names that callers may use beside those of the loopback address. */
  readonly hosts?: readonly string[];
  /** Routes outside /v1 that need no token: health and metrics. */
  readonly mount?: Router;
  /** Tells Things of ThingWorx the addresses of this sidecar. */
  readonly introduction?: Introduction;
  /** The console, its sessions and the live stream. */
  readonly console?: Console;
  readonly limits?: Partial<AppLimits>;
}

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

/** The setting of the app that makes it refuse requests with STOPPING. */
export const STOPPING = 'stopping';

/** The HTTP API: every operation under /v1, the OpenAPI document, and the mounted routes. */
export function createApp(options: AppOptions): Express {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(prepare(limits.bodyMs, options.isNamed));
  app.use(checkHost(new HostCheck(options.hosts)));
  if (options.mount) app.use(options.mount);
  const { token, previousToken } = options;
  const tokens = previousToken === undefined ? [token] : [token, previousToken];
  const authentication = new Authentication(tokens, limits.refusals);
  const requests = new RateLimit(limits.requests);
  const admit = (request: IncomingMessage) => {
    trust(request.socket);
    requests.take(request.socket.remoteAddress ?? '');
  };
  const tokenGuard = requireToken(authentication, new RefusalLog(options.log), admit);
  const authorise = options.console?.grantAccess(tokenGuard, admit) ?? tokenGuard;
  const bodies = new BodyBudget(limits.bodiesBytes);
  if (options.introduction) {
    app.use('/v1', introductionRoute(options.introduction, new RateLimit(limits.introductions)));
  }
  if (options.console) app.use(options.console.routes(authorise));
  app.use('/v1', operationRoutes(options, { ...limits, bodies, authorise }));
  app.use('/v1', blobRoutes({ context: options.context, authorise }));
  app.get('/v1/openapi.json', authorise, (_request, response) => {
    response.json(openApi(options.operations, options.context.sidecar.version));
  });
  app.use((request) => {
    throw new ConnectorError(
      'ROUTE_NOT_FOUND',
      `There is no route ${request.method} ${request.path.slice(0, 200)}.`,
    );
  });
  app.use(answerErrors(options.log, limits.bodyMs));
  return app;
}

/**
 * Sets request id and common headers, limits the body that no route reads, and refuses requests for another sidecar behind the load balancer, and all
 * while the sidecar stops. What is refused closes its connection, so that the next one may reach another sidecar.
 */
function prepare(bodyMs: number, isNamed: (name: string) => boolean = () => true): RequestHandler {
  return (request, response, next) => {
    // After the answer Node.js reads the rest of the body without a time limit.
    response.once('finish', () => limitRest(request, bodyMs));
    const given = request.get('x-request-id');
    response.locals.requestId = given && /^[0-9A-Za-z-]{8,64}$/.test(given) ? given : randomUUID();
    response.set({
      'X-Request-Id': response.locals.requestId as string,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    });
    const name = request.get('x-sidecar-name');
    if (name !== undefined && !isNamed(name)) {
      response.set('Connection', 'close');
      throw new ConnectorError(
        'SIDECAR_OTHER',
        'The request is for another sidecar behind the same load balancer.',
      );
    }
    if (request.app.get(STOPPING) === true) {
      response.set('Connection', 'close');
      throw new ConnectorError('STOPPING', 'The sidecar is stopping and accepts no new requests.');
    }
    next();
  };
}

/**
 * Protects against DNS rebinding: refuses requests whose Host header names another host, such as the name of a web page that
 * resolves to 127.0.0.1. Ports are not compared: a proxy or container may map them.
 */
class HostCheck {
  readonly #names: ReadonlySet<string>;

  constructor(names: readonly string[] = []) {
    this.#names = new Set([...LOOPBACK, ...names].map((name) => name.toLowerCase()));
  }

  /** @throws ConnectorError HOST_REFUSED */
  check(header: string | undefined): void {
    const name = hostName(header ?? '');
    if (name !== undefined && this.#names.has(name)) return;
    throw new ConnectorError(
      'HOST_REFUSED',
      `The Host header must be one of ${[...this.#names].join(', ')}.`,
    );
  }
}

function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function checkHost(hosts: HostCheck): RequestHandler {
  return (request, _response, next) => {
    requireOneHost(request);
    hosts.check(request.headers.host);
    const target = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(request.url);
    // A target in absolute form names the host that is meant; a proxy in front may look at the other one.
    if (target) hosts.check(target[1]);
    next();
  };
}

/** RFC 9112 3.2. Node.js itself takes the first one of several. */
function requireOneHost({ rawHeaders }: IncomingMessage): void {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  if (hosts.length > 1)
    throw new ConnectorError(
      'REQUEST_INVALID',
      `The request has ${hosts.length} Host headers; expected one.`,
    );
}

/**
 * Comes before everything that a caller can use up. The right token is always served, whatever others have sent; so the rate limit of
 * requests counts only those with the right token.
 */
function requireToken(
  authentication: Authentication,
  refusals: RefusalLog,
  admit: (request: IncomingMessage) => void,
): RequestHandler {
  return async (request, _response, next) => {
    const { authorization } = request.headers;
    const address = request.socket.remoteAddress ?? '';
    try {
      await authentication.check(authorization);
    } catch (thrown) {
      // Without credentials it is the first half of a challenge.
      if (readCredentials(authorization)) refusals.refused(address, request.originalUrl);
      throw thrown;
    }
    refusals.accepted(address, request.originalUrl);
    admit(request);
    next();
  };
}

function answerErrors(log: Log, bodyMs: number): ErrorRequestHandler {
  // Express recognises error handlers by their four parameters.
  return (thrown: unknown, request, response, _next) => {
    const error = asConnectorError(thrown);
    const requestId = String(response.locals.requestId ?? '');
    if (error.code === 'INTERNAL') {
      log.error(
        { requestId, method: request.method, route: response.locals.route, err: error.cause ?? error },
        'A request failed.',
      );
    } else {
      log.debug(
        { requestId, method: request.method, route: response.locals.route, code: error.code },
        'A request was refused.',
      );
    }
    discardBody(request, response, bodyMs);
    sendError(request, response, error, requestId);
  };
}
