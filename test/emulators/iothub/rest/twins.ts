/** Routes of twins, twin queries and direct methods. */
import { HubError } from '../hub-error.ts';
import { limits, methodMeter } from '../quotas.ts';
import { etagOf } from '../twins.ts';
import type { RestContext } from './context.ts';
import type { RestAnswer, RestRequest } from './exchange.ts';
import type { Route } from './router.ts';

const service = ['ServiceConnect'] as const;

export const twinRoutes: readonly Route[] = ['/twins/{id}', '/twins/{id}/modules/{module}']
  .flatMap((pattern): Route[] => [
    { method: 'GET', pattern, access: service, kind: 'twinRead', handle: read },
    { method: 'PATCH', pattern, access: service, kind: 'twinWrite', handle: patch },
    { method: 'PUT', pattern, access: service, kind: 'twinWrite', handle: replace },
    { method: 'POST', pattern: `${pattern}/methods`, access: service, errorFormat: 'method', handle: invoke },
  ])
  .concat([{ method: 'POST', pattern: '/devices/query', access: service, kind: 'query', handle: query }]);

const pageItems = 100;
const maxPageItems = 1000;

function answer(request: RestRequest, { twins }: RestContext): RestAnswer {
  const deviceId = request.param('id');
  const { module } = request.params;
  return {
    status: 200,
    headers: { ETag: `"${etagOf(twins.require(deviceId, module))}"` },
    body: twins.render(deviceId, module),
  };
}

function read(request: RestRequest, context: RestContext): RestAnswer {
  return answer(request, context);
}

async function patch(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const input = await request.object();
  context.twins.patch(request.param('id'), request.params.module, input, request.ifMatch());
  return answer(request, context);
}

async function replace(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const input = await request.object();
  context.twins.replace(request.param('id'), request.params.module, input, request.ifMatch());
  return answer(request, context);
}

async function query(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const { query: text } = await request.object();
  if (typeof text !== 'string') throw new HubError('ArgumentNull', 'The body has no query');
  const continuation = request.header('x-ms-continuation');
  const page = context.queries.run(
    text,
    request.itemCount(pageItems, maxPageItems),
    continuation === '' ? undefined : continuation,
  );
  return {
    status: 200,
    headers: {
      'x-ms-item-type': page.itemType,
      ...(page.continuation === undefined ? {} : { 'x-ms-continuation': page.continuation }),
    },
    body: page.items,
  };
}

async function invoke(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const deviceId = request.param('id');
  const { module } = request.params;
  context.identities.require(deviceId, module);
  const input = await request.object(true);
  const { methodName, payload } = input;
  if (typeof methodName !== 'string' || methodName === '') {
    throw new HubError('ArgumentNull', 'The body has no methodName');
  }
  const payloadBytes = Buffer.byteLength(JSON.stringify(payload ?? null));
  if (payloadBytes > limits.methodPayloadBytes) {
    throw new HubError(
      'MessageTooLarge',
      `The payload has ${payloadBytes} bytes, at most ${limits.methodPayloadBytes}`,
    );
  }
  context.quotas.take('method', methodMeter(payloadBytes));
  const response = await context.sessions.invokeMethod(deviceId, module, {
    methodName,
    payload: payload ?? null,
    responseTimeoutInSeconds: seconds(input.responseTimeoutInSeconds, 'responseTimeoutInSeconds', 30, 5),
    connectTimeoutInSeconds: seconds(input.connectTimeoutInSeconds, 'connectTimeoutInSeconds', 0, 0),
  });
  return { status: 200, body: { status: response.status, payload: response.payload ?? null } };
}

/** The service accepts 5 (connect: 0) to 300 seconds. */
function seconds(given: unknown, name: string, byDefault: number, least: number): number {
  if (given === undefined || given === null) return byDefault;
  if (typeof given !== 'number' || !Number.isFinite(given) || given < least || given > 300) {
    throw new HubError('ArgumentInvalid', `${name} must be ${least} to 300`);
  }
  return given;
}
