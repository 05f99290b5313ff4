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
    ...text('The path of the blob. Slashes may stand as they are or encoded.'),
  },
];

const PROBLEM = {
  description: 'Any failure.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const UPLOAD_STATE = {
  type: 'object',
  properties: {
    received: { type: 'integer', description: 'Bytes from the beginning that are safely stored.' },
    etag: { type: 'string', description: 'Present when the blob is complete.' },
    contentMd5: { type: 'string', description: 'The MD5 of the whole blob in base64, when it is known.' },
  },
  required: ['received'],
};

const BODY = { content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } };
const MD5 = { pattern: '^[A-Za-z0-9+/]{22}==$' };
const UPLOAD_ID = header(
  'Upload-Id',
  'Your own name of an upload that can be resumed: 8 to 64 letters, digits, hyphens and underscores.',
);

/** The routes of blob-routes.ts, which have no operation because their bodies are no JSON. */
export const BLOB_PATHS: Json = {
  '/v1/storage/{account}/containers/{container}/blobs/{path}': {
    get: {
      operationId: 'DownloadBlob',
      tags: ['Streams'],
      summary:
        'Streams a blob or a range of it. With Upload-Id: how many bytes of that upload have arrived, as JSON.',
      parameters: [
        ...PATH_PARAMETERS,
        header('Range', 'One range of bytes.'),
        header('If-Range', 'An ETag: the range counts only for that version.'),
        header('If-Match', 'An ETag.'),
        header('If-None-Match', 'An ETag; 304 when the blob still has it.'),
        UPLOAD_ID,
      ],
      responses: {
        200: { description: 'The blob, or the state of an upload.', ...BODY },
        206: { description: 'The range.', ...BODY },
        304: { description: 'It has not changed.' },
        default: PROBLEM,
      },
    },
    put: {
      operationId: 'UploadBlob',
      tags: ['Streams'],
      summary:
        'Streams a blob into storage, whole or, with Upload-Id and Content-Range, piece by piece. It is visible when all of it has arrived.',
      parameters: [
        ...PATH_PARAMETERS,
        header('If-Match', 'Only over the version with this ETag.'),
        header('If-None-Match', '* : only when there is none.'),
        header('Content-MD5', 'The MD5 of a whole blob, in base64; checked before it is visible.', MD5),
        UPLOAD_ID,
        header('Content-Range', 'With Upload-Id: where the piece belongs, such as bytes 0-4194303/10000000.'),
        header('X-Blob-MD5', 'With Upload-Id: the MD5 of the whole, with the last piece.', MD5),
      ],
      requestBody: { required: true, ...BODY },
      responses: {
        200: { description: 'What has arrived.', content: { 'application/json': { schema: UPLOAD_STATE } } },
        default: PROBLEM,
      },
    },
  },
};
