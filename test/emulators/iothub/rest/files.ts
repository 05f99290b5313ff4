/** Routes of file upload, for devices. */
import { HubError } from '../hub-error.ts';
import type { RestContext } from './context.ts';
import type { RestAnswer, RestRequest } from './exchange.ts';
import type { Route } from './router.ts';

export const fileRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/devices/{id}/files', access: 'device', kind: 'fileUpload', handle: begin },
  // Newer clients send the correlation id in the body, older ones in the address.
  { method: 'POST', pattern: '/devices/{id}/files/notifications', access: 'device', handle: complete },
  {
    method: 'POST',
    pattern: '/devices/{id}/files/notifications/{correlation}',
    access: 'device',
    handle: complete,
  },
];

function uploadsOf(context: RestContext) {
  if (!context.uploads) throw new HubError('DefaultStorageEndpointNotConfigured');
  return context.uploads;
}

async function begin(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const { blobName } = await request.object();
  context.identities.touch(request.param('id'));
  return { status: 200, body: uploadsOf(context).begin(request.param('id'), blobName) };
}

async function complete(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const body = await request.object();
  const correlationId = request.params.correlation ?? body.correlationId;
  if (typeof correlationId !== 'string' || correlationId === '') {
    throw new HubError('InvalidFileUploadCorrelationId', 'The correlation id is missing');
  }
  if (typeof body.isSuccess !== 'boolean') {
    throw new HubError('InvalidFileUploadCompletionStatus', 'isSuccess is missing');
  }
  context.identities.touch(request.param('id'));
  await uploadsOf(context).complete(request.param('id'), correlationId, body.isSuccess);
  return { status: 204 };
}
