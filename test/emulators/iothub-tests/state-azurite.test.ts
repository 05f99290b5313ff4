import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite } from '../azurite.ts';

describe('azurite helper', () => {
  test('serves the storage SDK on a free port and stops twice without harm', async () => {
    const azurite = await startAzurite();
    try {
      const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
      const container = service.getContainerClient('things');
      await container.create();
      await container.getBlockBlobClient('a/b.txt').upload('hello', 5);
      const answer = await container.getBlockBlobClient('a/b.txt').downloadToBuffer();
      assert.equal(answer.toString(), 'hello');
    } finally {
      await azurite.stop();
      await azurite.stop();
    }
  });

  test('says what went wrong when the port is taken', async () => {
    const first = await startAzurite();
    try {
      await assert.rejects(startAzurite({ port: first.port }), /Azurite did not start/);
    } finally {
      await first.stop();
    }
  });
});
