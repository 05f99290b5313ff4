import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { BLOCK_BYTES, BufferPool, blocksOf } from '../../sidecar/files/blocks.ts';
import { freePiece } from '../../sidecar/files/pieces.ts';
import { NEVER } from './support.ts';

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

async function contentOf(body: Readable, buffers = new BufferPool()): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  for await (const block of blocksOf(body, buffers, undefined, NEVER)) {
    blocks.push(Buffer.from(block));
    buffers.release(block);
  }
  return blocks;
}

describe('the memory of the pieces of a body', () => {
  test('is freed for a request when its bytes are in their block', async (t) => {
    const bytes = randomBytes(2 * BLOCK_BYTES + 17);
    const hash = createHash('md5');
    const pieces: Buffer[] = [];
    const server = createServer(async (incoming, response) => {
      incoming.on('data', (piece: Buffer) => pieces.push(piece));
      const blocks: Buffer[] = [];
      for await (const block of blocksOf(incoming, new BufferPool(), hash, NEVER)) {
        blocks.push(Buffer.from(block));
      }
      response.end(md5(Buffer.concat(blocks)));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const sending = request({ port, host: '127.0.0.1', method: 'PUT' });
    sending.end(bytes);
    const [answer] = await once(sending, 'response');
    assert.equal(Buffer.concat(await answer.toArray()).toString(), md5(bytes));
    assert.equal(hash.digest('hex'), md5(bytes));
    const kept = pieces.filter(({ byteLength }) => byteLength > 0);
    assert.ok(kept.length < pieces.length);
    for (const { buffer, byteLength } of kept) assert.ok(buffer.byteLength > byteLength);
  });

  test('is left to the others that have it when the body is another stream', async () => {
    const piece = randomBytes(100_000);
    const before = Buffer.from(piece);
    const blocks = await contentOf(Readable.from([piece], { objectMode: false }));
    assert.deepEqual(blocks, [before]);
    assert.deepEqual(piece, before);
  });

  test('is left alone when other buffers share it', () => {
    const whole = Buffer.from(new ArrayBuffer(100).slice(0));
    freePiece(whole.subarray(10));
    freePiece(Buffer.from(new SharedArrayBuffer(10)));
    assert.equal(whole.byteLength, 100);
    freePiece(whole);
    assert.equal(whole.byteLength, 0);
  });
});

describe('the blocks of a body', () => {
  test('leave turns to the other work of the thread while more data are there', async () => {
    const piece = randomBytes(65_536);
    const pieces = Array.from({ length: BLOCK_BYTES / piece.byteLength }, () => piece);
    let turns = 0;
    const count = () => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await contentOf(Readable.from(pieces, { objectMode: false }));
    clearImmediate(next);
    assert.ok(turns >= 4, `${turns} turns`);
  });

  test('take little more memory than the body has bytes', async () => {
    const bytes = randomBytes(1000);
    assert.equal(new BufferPool(1000).acquire().buffer.byteLength, 1001);
    assert.equal(new BufferPool(BLOCK_BYTES + 1).acquire().buffer.byteLength, BLOCK_BYTES);
    assert.deepEqual(await contentOf(Readable.from([bytes], { objectMode: false }), new BufferPool(1000)), [
      bytes,
    ]);
  });

  test('hold every byte of a body that is longer than was said', async () => {
    const bytes = randomBytes(2500);
    for (const size of [0, 1, 1000]) {
      const blocks = await contentOf(Readable.from([bytes], { objectMode: false }), new BufferPool(size));
      assert.deepEqual(Buffer.concat(blocks), bytes);
    }
  });
});
