/** Routes of scheduled jobs (v2) and of import and export jobs. */
import { HubError } from '../hub-error.ts';
import type { RestContext } from './context.ts';
import type { RestAnswer, RestRequest } from './exchange.ts';
import type { Route } from './router.ts';

const service = ['ServiceConnect'] as const;
const registry = ['RegistryWrite'] as const;
const pageItems = 100;
const maxPageItems = 1000;

export const jobRoutes: readonly Route[] = [
  {
    method: 'PUT',
    pattern: '/jobs/v2/{id}',
    access: service,
    kind: 'job',
    handle: async (request, { jobs }) => ({
      status: 200,
      body: jobs.create(request.param('id'), await request.object()),
    }),
  },
  {
    method: 'GET',
    pattern: '/jobs/v2/{id}',
    access: service,
    kind: 'job',
    handle: (request, { jobs }) => ({ status: 200, body: jobs.get(request.param('id')) }),
  },
  {
    method: 'POST',
    pattern: '/jobs/v2/{id}/cancel',
    access: service,
    kind: 'job',
    handle: (request, { jobs }) => ({ status: 200, body: jobs.cancel(request.param('id')) }),
  },
  { method: 'GET', pattern: '/jobs/v2/query', access: service, kind: 'query', handle: list },
  {
    method: 'POST',
    pattern: '/jobs/create',
    access: registry,
    kind: 'bulkJob',
    handle: async (request, { bulkJobs }) => ({ status: 200, body: bulkJobs.create(await request.object()) }),
  },
  {
    method: 'GET',
    pattern: '/jobs',
    access: registry,
    kind: 'bulkJob',
    handle: (_request, { bulkJobs }) => ({ status: 200, body: bulkJobs.list() }),
  },
  {
    method: 'GET',
    pattern: '/jobs/{id}',
    access: registry,
    kind: 'bulkJob',
    handle: (request, { bulkJobs }) => ({ status: 200, body: bulkJobs.get(request.param('id')) }),
  },
  {
    method: 'DELETE',
    pattern: '/jobs/{id}',
    access: registry,
    kind: 'bulkJob',
    handle: (request, { bulkJobs }) => ({ status: 200, body: bulkJobs.cancel(request.param('id')) }),
  },
];

/** The continuation token is the number of jobs that were shown. */
function list(request: RestRequest, { jobs }: RestContext): RestAnswer {
  const all = jobs.list(
    request.query.get('jobType') ?? undefined,
    request.query.get('jobStatus') ?? undefined,
  );
  const count = request.itemCount(pageItems, maxPageItems);
  const token = request.header('x-ms-continuation') ?? request.query.get('continuationToken') ?? '';
  const start = token === '' ? 0 : Number(Buffer.from(token, 'base64').toString('utf8'));
  if (!Number.isInteger(start) || start < 0)
    throw new HubError('ArgumentInvalid', 'The continuation token is not valid');
  const next = start + count;
  return {
    status: 200,
    headers: {
      'x-ms-item-type': 'JobResponse',
      ...(next < all.length ? { 'x-ms-continuation': Buffer.from(`${next}`).toString('base64') } : {}),
    },
    body: all.slice(start, next),
  };
}
