/** Routes of digital twins (IoT Plug and Play): the document, its JSON patch, commands of the device or a component. */
import { HubError } from '../hub-error.ts';
import { methodMeter } from '../quotas.ts';
import type { RestContext } from './context.ts';
import type { RestAnswer, RestRequest } from './exchange.ts';
import type { Route } from './router.ts';

const service = ['ServiceConnect'] as const;
const twin = '/digitaltwins/{id}';

export const digitalTwinRoutes: readonly Route[] = [
  { method: 'GET', pattern: twin, access: service, kind: 'twinRead', handle: read },
  { method: 'PATCH', pattern: twin, access: service, kind: 'twinWrite', handle: patch },
  {
    method: 'POST',
    pattern: `${twin}/commands/{command}`,
    access: service,
    errorFormat: 'method',
    handle: invoke,
  },
  {
    method: 'POST',
    pattern: `${twin}/components/{component}/commands/{command}`,
    access: service,
    errorFormat: 'method',
    handle: invoke,
  },
];

function read(request: RestRequest, context: RestContext): RestAnswer {
  const { document, etag } = context.digitalTwins.get(request.param('id'));
  return { status: 200, headers: { ETag: `"${etag}"` }, body: document };
}

async function patch(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const id = request.param('id');
  const { etag } = context.digitalTwins.patch(id, await request.json(), request.ifMatch());
  return { status: 202, headers: { ETag: `"${etag}"`, Location: `/digitaltwins/${encodeURIComponent(id)}` } };
}

/** A command is a direct method; of a component it is named `component*command`. */
async function invoke(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const id = request.param('id');
  context.identities.require(id);
  const payload = await request.json();
  context.quotas.take('method', methodMeter(Buffer.byteLength(JSON.stringify(payload ?? null))));
  const { component } = request.params;
  const command = request.param('command');
  const response = await context.sessions.invokeMethod(id, undefined, {
    methodName: component === undefined ? command : `${component}*${command}`,
    payload: payload ?? null,
    responseTimeoutInSeconds: seconds(request, 'responseTimeoutInSeconds', 30),
    connectTimeoutInSeconds: seconds(request, 'connectTimeoutInSeconds', 0),
  });
  return {
    status: 200,
    headers: { 'x-ms-command-statuscode': response.status },
    body: response.payload ?? null,
  };
}

function seconds(request: RestRequest, name: string, byDefault: number): number {
  const text = request.query.get(name);
  if (text === null) return byDefault;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 300) {
    throw new HubError('ArgumentInvalid', `${name} must be 0 to 300`);
  }
  return value;
}
