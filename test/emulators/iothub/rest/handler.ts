/**
 * The hub's REST API as one node:http request listener: finds the route, checks the api-version and the token, runs
 * the route, writes the answer or the hub's error body. It owns no server; whoever terminates TLS mounts it.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Principal, RestFault } from '../hub.ts';
import { HubError } from '../hub-error.ts';
import { configurationRoutes } from './configurations.ts';
import type { RestContext } from './context.ts';
import { deviceRoutes } from './devices.ts';
import { digitalTwinRoutes } from './digital-twins.ts';
import { type RestAnswer, RestRequest } from './exchange.ts';
import { fileRoutes } from './files.ts';
import { jobRoutes } from './jobs.ts';
import { messageRoutes } from './messages.ts';
import { type Match, type Route, Router } from './router.ts';
import { twinRoutes } from './twins.ts';

const routes: readonly Route[] = [
  ...deviceRoutes,
  ...twinRoutes,
  ...messageRoutes,
  ...fileRoutes,
  ...jobRoutes,
  ...configurationRoutes,
  ...digitalTwinRoutes,
];

/** Large enough for a bulk operation of 100 devices; routes that carry messages have their own limit. */
const maxBodyBytes = 4 * 1024 * 1024;

export type RestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export function createRestHandler(context: RestContext): RestHandler {
  const router = new Router(routes);
  return (request, response) => {
    serve(router, context, request, response).catch((error: unknown) => {
      HubError.from(error).writeTo(response);
    });
  };
}

async function serve(
  router: Router,
  context: RestContext,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(message.url ?? '/', 'https://hub');
  response.setHeader('Date', new Date(context.faults?.nowMs() ?? Date.now()).toUTCString());
  const fault = context.faults?.take(message.method ?? 'GET', url.pathname);
  if (fault && (await applyFault(fault, message, response))) return;
  response.setHeader('x-ms-request-id', randomUUID());
  let match: Match | undefined;
  try {
    match = router.match(message.method ?? 'GET', url.pathname);
    checkApiVersion(url);
    const principal = authorize(context, match, message);
    if (match.route.kind) context.quotas.take(match.route.kind);
    const request = new RestRequest(message, url.searchParams, match.params, principal, maxBodyBytes);
    write(response, await match.route.handle(request, context), fault?.cut === 'half');
  } catch (error) {
    // What is left of the body must be read, or the client sees a broken pipe instead of the answer.
    message.resume();
    HubError.from(error).writeTo(response, match?.route.errorFormat);
  }
}

/** Any dated version is served alike, since the product and its SDKs only differ in details that are covered. */
function checkApiVersion(url: URL): void {
  const version = url.searchParams.get('api-version');
  if (!version || !/^\d{4}-\d{2}-\d{2}(-preview)?$/.test(version)) {
    throw new HubError('InvalidProtocolVersion', `Unsupported api-version ${version ?? '(none)'}`);
  }
}

function authorize(context: RestContext, match: Match, message: IncomingMessage): Principal {
  const token = message.headers.authorization;
  if (match.route.access !== 'device') return context.authorizer.service(token, match.route.access);
  const certificate = context.certificateOf?.(message);
  return context.authorizer.device(token, certificate, match.params.id ?? '', match.params.module);
}

/** Returns whether the request is answered. */
async function applyFault(
  fault: RestFault,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  if (fault.delayMs) await delay(fault.delayMs);
  if (fault.cut === 'before') {
    message.socket.destroy();
    return true;
  }
  if (fault.status === undefined) return false;
  message.resume();
  const error = HubError.forStatus(fault.status, fault.errorCode, fault.message);
  if (fault.retryAfterSeconds !== undefined) error.headers['Retry-After'] = `${fault.retryAfterSeconds}`;
  error.writeTo(response);
  return true;
}

function write(response: ServerResponse, answer: RestAnswer, half: boolean): void {
  const { status, headers = {}, body } = answer;
  if (body === undefined) {
    response.writeHead(status, { ...headers, ...(status === 204 ? {} : { 'content-length': 0 }) }).end();
    return;
  }
  const bytes = body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    ...(body instanceof Uint8Array ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...headers,
    'content-length': bytes.length,
  });
  if (half) response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
  else response.end(bytes);
}
