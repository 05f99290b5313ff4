/** Routes of configurations and Edge deployments. */
import { HubError } from '../hub-error.ts';
import type { Route } from './router.ts';

const read = ['RegistryRead', 'RegistryWrite', 'ServiceConnect'] as const;
const write = ['RegistryWrite'] as const;
const one = '/configurations/{id}';
const maxListed = 100;

export const configurationRoutes: readonly Route[] = [
  {
    method: 'GET',
    pattern: '/configurations',
    access: read,
    kind: 'configuration',
    handle: (request, { configurations }) => {
      const top = Number(request.query.get('top') ?? maxListed);
      if (!Number.isInteger(top) || top < 1)
        throw new HubError('ArgumentInvalid', 'top must be a positive integer');
      return { status: 200, body: configurations.list(top) };
    },
  },
  {
    method: 'GET',
    pattern: one,
    access: read,
    kind: 'configuration',
    handle: (request, { configurations }) => {
      const { body, etag } = configurations.get(request.param('id'));
      return { status: 200, headers: { ETag: `"${etag}"` }, body };
    },
  },
  {
    method: 'PUT',
    pattern: one,
    access: write,
    kind: 'configuration',
    handle: async (request, { configurations }) => {
      const { body, etag } = configurations.put(
        request.param('id'),
        await request.object(),
        request.ifMatch(),
      );
      return { status: 200, headers: { ETag: `"${etag}"` }, body };
    },
  },
  {
    method: 'DELETE',
    pattern: one,
    access: write,
    kind: 'configuration',
    handle: (request, { configurations }) => {
      configurations.delete(request.param('id'), request.ifMatch());
      return { status: 204 };
    },
  },
  {
    method: 'POST',
    pattern: '/configurations/testQueries',
    access: read,
    kind: 'configuration',
    handle: async (request, { configurations }) => ({
      status: 200,
      body: configurations.test(await request.object()),
    }),
  },
  {
    method: 'POST',
    pattern: '/devices/{id}/applyConfigurationContent',
    access: write,
    kind: 'configuration',
    handle: async (request, { configurations }) => {
      configurations.applyContent(request.param('id'), await request.json());
      return { status: 204 };
    },
  },
];
