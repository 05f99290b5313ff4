/** Routes of the identity registry: devices, modules, bulk operations, statistics. */
import { HubError } from '../hub-error.ts';
import { type Identity, renderIdentity } from '../identity.ts';
import { applyBatch, type BatchEntry } from '../registry-batch.ts';
import type { RestContext } from './context.ts';
import type { RestAnswer, RestRequest } from './exchange.ts';
import type { Route } from './router.ts';

/** Limits of the documentation. */
const maxListed = 1000;
const maxBatch = 100;

export const deviceRoutes: readonly Route[] = [
  {
    method: 'GET',
    pattern: '/devices',
    access: ['RegistryRead', 'RegistryWrite'],
    kind: 'identity',
    handle: list,
  },
  { method: 'POST', pattern: '/devices', access: ['RegistryWrite'], kind: 'identity', handle: bulk },
  {
    method: 'GET',
    pattern: '/devices/{id}',
    access: ['RegistryRead', 'RegistryWrite'],
    kind: 'identity',
    handle: read,
  },
  { method: 'PUT', pattern: '/devices/{id}', access: ['RegistryWrite'], kind: 'identity', handle: put },
  {
    method: 'DELETE',
    pattern: '/devices/{id}',
    access: ['RegistryWrite'],
    kind: 'identity',
    handle: remove,
  },
  {
    method: 'GET',
    pattern: '/devices/{id}/modules',
    access: ['RegistryRead', 'RegistryWrite'],
    kind: 'identity',
    handle: listModules,
  },
  {
    method: 'GET',
    pattern: '/devices/{id}/modules/{module}',
    access: ['RegistryRead', 'RegistryWrite'],
    kind: 'identity',
    handle: read,
  },
  {
    method: 'PUT',
    pattern: '/devices/{id}/modules/{module}',
    access: ['RegistryWrite'],
    kind: 'identity',
    handle: put,
  },
  {
    method: 'DELETE',
    pattern: '/devices/{id}/modules/{module}',
    access: ['RegistryWrite'],
    kind: 'identity',
    handle: remove,
  },
  {
    method: 'DELETE',
    pattern: '/devices/{id}/commands',
    access: ['ServiceConnect'],
    kind: 'commandSend',
    handle: purge,
  },
  {
    method: 'GET',
    pattern: '/statistics/devices',
    access: ['RegistryRead', 'RegistryWrite'],
    kind: 'identity',
    handle: (_request, { identities }) => ({ status: 200, body: identities.statistics() }),
  },
  {
    method: 'GET',
    pattern: '/statistics/service',
    access: ['RegistryRead', 'RegistryWrite', 'ServiceConnect'],
    kind: 'identity',
    handle: (_request, { identities }) => ({
      status: 200,
      body: { connectedDeviceCount: identities.connectedDeviceCount() },
    }),
  },
];

function render(context: RestContext, identity: Identity): Record<string, unknown> {
  return renderIdentity(
    identity,
    identity.moduleId === undefined ? context.queues.count(identity.deviceId) : 0,
  );
}

function answer(context: RestContext, identity: Identity): RestAnswer {
  return { status: 200, headers: { ETag: `"${identity.etag}"` }, body: render(context, identity) };
}

function list(request: RestRequest, context: RestContext): RestAnswer {
  const top = Number(request.query.get('top') ?? maxListed);
  if (!Number.isInteger(top) || top < 1)
    throw new HubError('ArgumentInvalid', 'top must be a positive integer');
  const devices: Record<string, unknown>[] = [];
  for (const device of context.identities.devices()) {
    if (devices.length >= Math.min(top, maxListed)) break;
    devices.push(render(context, device));
  }
  return { status: 200, body: devices };
}

function listModules(request: RestRequest, context: RestContext): RestAnswer {
  const { deviceId } = context.identities.require(request.param('id'));
  return {
    status: 200,
    body: context.identities.modulesOf(deviceId).map((module) => render(context, module)),
  };
}

function read(request: RestRequest, context: RestContext): RestAnswer {
  return answer(context, context.identities.require(request.param('id'), request.params.module));
}

/** Without If-Match it creates, with it it updates. */
async function put(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const input = await request.object();
  const deviceId = request.param('id');
  const moduleId = request.params.module;
  if (input.deviceId !== undefined && input.deviceId !== deviceId) {
    throw new HubError('ArgumentInvalid', 'The deviceId of the body is not the one of the address');
  }
  if (moduleId !== undefined && input.moduleId !== undefined && input.moduleId !== moduleId) {
    throw new HubError('ArgumentInvalid', 'The moduleId of the body is not the one of the address');
  }
  const ifMatch = request.ifMatch();
  const identity =
    ifMatch === undefined
      ? context.identities.create(deviceId, moduleId, input)
      : context.identities.update(deviceId, moduleId, input, ifMatch);
  return answer(context, identity);
}

function remove(request: RestRequest, context: RestContext): RestAnswer {
  context.identities.delete(request.param('id'), request.params.module, request.ifMatch());
  return { status: 204 };
}

function purge(request: RestRequest, context: RestContext): RestAnswer {
  const { deviceId } = context.identities.require(request.param('id'));
  const totalMessagesPurged = context.queues.purge(deviceId);
  return { status: 200, body: { deviceId, moduleId: null, totalMessagesPurged } };
}

/** Answers 400 with the same body when an entry failed; the others are done. */
async function bulk(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const entries = await request.json();
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > maxBatch) {
    throw new HubError('ArgumentInvalid', `The body must be an array of 1 to ${maxBatch} devices`);
  }
  const seen = new Set<string>();
  for (const entry of entries as BatchEntry[]) {
    const key = `${String(entry?.id)}/${String(entry?.moduleId ?? '')}`;
    if (seen.has(key))
      throw new HubError('DeviceDefinedMultipleTimes', `Device ${key} is listed more than once`);
    seen.add(key);
  }
  const errors = applyBatch(context.identities, context.twins, entries as BatchEntry[], 'create');
  const isSuccessful = errors.length === 0;
  return { status: isSuccessful ? 200 : 400, body: { isSuccessful, errors, warnings: [] } };
}
