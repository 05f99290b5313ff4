/**
 * The least that a program between a client and a storage account can do: Node's HTTP server passes the stream of a request to Microsoft's SDK, and
 * the stream of the SDK to the response. It does not read the data: no blocks, no checksum, no ranges, no retries.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { BlobServiceClient } from '@azure/storage-blob';
import { answerLoad } from './process-load.ts';

if (process.send) {
  const blob = BlobServiceClient.fromConnectionString(process.env.STORAGE ?? '')
    .getContainerClient('bench')
    .getBlockBlobClient('relay.bin');
  const block = Buffer.from('0').toString('base64');
  const server = createServer(async (request, response) => {
    if (request.method === 'PUT') {
      await blob.stageBlock(block, () => request, Number(request.headers['content-length']));
      await blob.commitBlockList([block]);
      response.end();
    } else {
      const { contentLength, readableStreamBody } = await blob.download();
      response.setHeader('Content-Length', String(contentLength));
      await pipeline(readableStreamBody ?? [], response);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  answerLoad();
  process.send((server.address() as AddressInfo).port);
  process.once('disconnect', () => process.exit(0));
}
