import { Readable } from 'node:stream';
import { BlobServiceClient } from '@azure/storage-blob';
import { answerLoad } from './process-load.ts';

/** The yardstick for files: uploads and downloads by Microsoft's SDK and nothing else, in a process of its own. */
export type DirectTransfer =
  | { readonly upload: string; readonly bytes: number }
  | { readonly download: string };

const BLOCK_BYTES = 4 * 1024 * 1024;
const PARALLEL_BLOCKS = 3;

if (process.send) {
  const container = BlobServiceClient.fromConnectionString(process.env.STORAGE ?? '').getContainerClient(
    'bench',
  );
  answerLoad();
  process.on('message', async (transfer: DirectTransfer | string) => {
    if (typeof transfer === 'string') return;
    if ('upload' in transfer) {
      const blob = container.getBlockBlobClient(transfer.upload);
      await blob.uploadStream(
        Readable.from(content(transfer.bytes), { objectMode: false }),
        BLOCK_BYTES,
        PARALLEL_BLOCKS,
      );
    } else {
      const { readableStreamBody } = await container.getBlobClient(transfer.download).download();
      for await (const _ of readableStreamBody ?? []);
    }
    process.send?.('done');
  });
  process.send('ready');
  process.once('disconnect', () => process.exit(0));
}

/** Chunks as large as those of a socket, all of one buffer: to make the data costs nothing. */
function* content(bytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(65_536, 'x');
  for (let left = bytes; left > 0; left -= chunk.length)
    yield left < chunk.length ? chunk.subarray(0, left) : chunk;
}
