import { UPLOAD_HEADERS, type UploadHeader } from './blob-headers.ts';

type Json = Record<string, unknown>;

const text = (description: string, more: Json = {}) => ({ description, schema: { type: 'string', ...more } });

function header(name: string, description: string, more: Json = {}): Json {
  return { name, in: 'header', required: false, ...text(description, more) };
}

const PATH_PARAMETERS = [
  { name: 'account', in: 'path', required: true, ...text('The Thing of the storage account.') },
  { name: 'container', in: 'path', required: true, ...text('The name of the container.') },
  {
    name: 'path',
    in: 'path',
    required: true,
    ...text('The path of the blob. Slashes may be encoded or not.'),
  },
];

/** `components.responses` of the blob routes. */
export const BLOB_RESPONSES: Json = {
  AnyProblem: {
    description: 'Any failure.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  },
};

const ANY_PROBLEM = { $ref: '#/components/responses/AnyProblem' };

const UPLOAD_STATE = {
  type: 'object',
  properties: {
    received: { type: 'integer', description: 'Bytes from the start of the blob that are stored.' },
    etag: { type: 'string', description: 'Present if the blob is complete.' },
    contentMd5: { type: 'string', description: 'The MD5 of the whole blob in base64, if known.' },
  },
  required: ['received'],
};

const BODY = { content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } };

const uploadHeader = ({ name, description, pattern }: UploadHeader) => header(name, description, { pattern });
const { uploadId, contentRange, contentMd5, blobMd5 } = UPLOAD_HEADERS;

/** The routes of blob-routes.ts, which have no operation because their bodies are not JSON. */
export const BLOB_PATHS: Json = {
  '/v1/storage/{account}/containers/{container}/blobs/{path}': {
    get: {
      operationId: 'DownloadBlob',
      tags: ['Streams'],
      summary:
        'Streams a blob or a range of it. With Upload-Id: the number of received bytes of that upload, as JSON.',
      parameters: [
        ...PATH_PARAMETERS,
        header('Range', 'One range of bytes.'),
        header('If-Range', 'An ETag: the range applies only to that version.'),
        header('If-Match', 'An ETag.'),
        header('If-None-Match', 'An ETag; status 304 if the blob still has it.'),
        uploadHeader(uploadId),
      ],
      responses: {
        200: { description: 'The blob, or the state of an upload.', ...BODY },
        206: { description: 'The range.', ...BODY },
        304: { description: 'The blob has not changed.' },
        default: ANY_PROBLEM,
      },
    },
    put: {
      operationId: 'UploadBlob',
      tags: ['Streams'],
      summary:
        'Streams a blob into storage, whole or, with Upload-Id and Content-Range, in chunks. It becomes visible when all of it has arrived.',
      parameters: [
        ...PATH_PARAMETERS,
        header('If-Match', 'Replaces only the version with this ETag.'),
        header('If-None-Match', '* : only if the blob does not exist.'),
        ...[contentMd5, uploadId, contentRange, blobMd5].map(uploadHeader),
      ],
      requestBody: { required: true, ...BODY },
      responses: {
        200: {
          description: 'The state of the upload.',
          content: { 'application/json': { schema: UPLOAD_STATE } },
        },
        default: ANY_PROBLEM,
      },
    },
  },
};
