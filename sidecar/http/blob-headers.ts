/** The headers that describe the body of an upload: what the blob routes accept and what OpenAPI documents. */
export const UPLOAD_HEADERS = {
  uploadId: {
    name: 'Upload-Id',
    pattern: '^[A-Za-z0-9_-]{8,64}$',
    description: 'Your own name of a resumable upload: 8 to 64 letters, digits, hyphens and underscores.',
  },
  contentRange: {
    name: 'Content-Range',
    pattern: '^bytes (\\d{1,15})-(\\d{1,15})/(\\d{1,15})$',
    description: 'With Upload-Id: the position of the chunk, such as bytes 0-4194303/10000000.',
  },
  contentMd5: {
    name: 'Content-MD5',
    pattern: '^[A-Za-z0-9+/]{22}==$',
    description:
      'Without Upload-Id: the MD5 of the blob, in base64; checked before the blob becomes visible.',
  },
  blobMd5: {
    name: 'X-Blob-MD5',
    pattern: '^[A-Za-z0-9+/]{22}==$',
    description: 'With Upload-Id: the MD5 of the whole blob, in base64, with the last chunk.',
  },
} as const;

export type UploadHeader = (typeof UPLOAD_HEADERS)[keyof typeof UPLOAD_HEADERS];
