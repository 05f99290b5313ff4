import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { ZipArchive } from 'archiver';
import { type Account, NEVER, newContainer, startAccount } from './support.ts';

let account: Account;
before(async () => {
  account = await startAccount();
});
after(() => account.stop());

const text = (content: string) => Buffer.from(content);

describe('archives', () => {
  interface Entry {
    readonly name: string;
    readonly content?: string | Buffer;
    /** Where a symbolic link leads. */
    readonly link?: string;
  }

  async function zip(entries: readonly Entry[]): Promise<Buffer> {
    const archive = new ZipArchive({ zlib: { level: 9 } });
    const out = new PassThrough();
    archive.pipe(out);
    for (const { name, content = '', link } of entries) {
      if (link === undefined) archive.append(content, { name });
      else archive.symlink(name, link);
    }
    const [bytes] = await Promise.all([buffer(out), archive.finalize()]);
    return bytes;
  }

  test('are packed and unpacked in the container', async () => {
    const { files } = await newContainer(account);
    const large = randomBytes(9 * 1024 * 1024);
    const { Readable } = await import('node:stream');
    await files.upload('/in/large.bin', Readable.from([large]), {}, NEVER);
    await files.write('/in/Grüße.txt', text('hello'), {}, NEVER);
    await files.createZip('/out/all.zip', ['/in/large.bin', 'in/Grüße.txt'], NEVER);
    assert.equal(await files.extractZip('/out/all.zip', '/copy', NEVER), 2);
    assert.equal((await files.read('/copy/in/Grüße.txt', NEVER)).toString(), 'hello');
    assert.equal(
      await files.checksum('/copy/in/large.bin', 'MD5', NEVER),
      createHash('md5').update(large).digest('hex'),
    );
    const twins = await zip([
      { name: 'a/x.txt', content: '1' },
      { name: 'b/x.txt', content: '2' },
    ]);
    await files.upload('/twins.zip', Readable.from([twins]), {}, NEVER);
    await assert.rejects(files.extractZip('/twins.zip', '/one', NEVER, { flat: true }), { message: /twice/ });
    assert.equal(await files.extractZip('/twins.zip', '/one', NEVER), 2);
    await assert.rejects(files.createZip('/out/x.zip', ['/none'], NEVER), { code: 'FILE_NOT_FOUND' });
  });

  /** Sets a bit of the general purpose flags of every entry, in both headers. */
  function withFlag(archive: Buffer, flag: number): Buffer {
    const changed = Buffer.from(archive);
    for (const [signature, offset] of [
      ['PK\x03\x04', 6],
      ['PK\x01\x02', 8],
    ] as const)
      for (let at = changed.indexOf(signature); at >= 0; at = changed.indexOf(signature, at + 1))
        changed.writeUInt16LE(changed.readUInt16LE(at + offset) | flag, at + offset);
    return changed;
  }

  test('whose entries inflate to more than they say are refused', async () => {
    const { files, raw } = await newContainer(account);
    const honest = await zip([{ name: 'zeros', content: Buffer.alloc(5_000_000) }]);
    const lying = Buffer.from(honest);
    // The size in the central directory, which decides whether it is unpacked at all.
    lying.writeUInt32LE(100, lying.indexOf('PK\x01\x02') + 24);
    await raw.getBlockBlobClient('lying.zip').uploadData(lying);
    await assert.rejects(files.extractZip('/lying.zip', '/box', NEVER), { code: 'ARCHIVE_INVALID' });
    await assert.rejects(files.facts('/box/zeros', NEVER), { code: 'FILE_NOT_FOUND' });
  });

  test('whose entries are not what their sums say are refused, and such as cannot be unpacked before anything is', async () => {
    const { files, raw } = await newContainer(account);
    const sound = await zip([
      { name: 'first.txt', content: 'first' },
      { name: 'second.txt', content: 'second' },
    ]);
    const damaged = Buffer.from(sound);
    damaged.writeUInt32LE(1, damaged.lastIndexOf('PK\x01\x02') + 16);
    await raw.getBlockBlobClient('damaged.zip').uploadData(damaged);
    await assert.rejects(files.extractZip('/damaged.zip', '/box', NEVER), {
      code: 'ARCHIVE_INVALID',
      message: /"second.txt" is damaged/,
    });
    await assert.rejects(files.facts('/box/second.txt', NEVER), { code: 'FILE_NOT_FOUND' });
    const foreign = Buffer.from(sound);
    foreign.writeUInt16LE(12, foreign.lastIndexOf('PK\x01\x02') + 10);
    await raw.getBlockBlobClient('foreign.zip').uploadData(foreign);
    await assert.rejects(files.extractZip('/foreign.zip', '/none', NEVER), { message: /method 12/ });
    const itself = await zip([{ name: 'itself.zip', content: 'x' }]);
    await raw.getBlockBlobClient('itself.zip').uploadData(itself);
    await assert.rejects(files.extractZip('/itself.zip', '/', NEVER), { message: /the archive itself/ });
    assert.deepEqual(await files.list('/none', { kinds: ['file'] }, NEVER), []);
  });

  test('that would write outside of the folder, or are damaged, change nothing', async () => {
    const { files, raw } = await newContainer(account);
    const fine: Entry = { name: 'fine.txt', content: 'x' };
    const plain = await zip([fine, { name: 'PPPPP/evil.txt', content: 'x' }]);
    const renamed = (to: string) => {
      assert.equal(to.length, 5);
      return Buffer.from(plain.toString('latin1').replaceAll('PPPPP', to), 'latin1');
    };
    const archives: Record<string, Buffer> = {
      up: renamed('../..'),
      root: renamed('/root'),
      drive: renamed('..\\..'),
      dot: renamed('abcd.'),
      link: await zip([fine, { name: 'link', link: '/etc/passwd' }]),
      twice: await zip([fine, fine]),
      encrypted: withFlag(plain, 1),
      cut: plain.subarray(0, plain.length - 30),
      none: text('this is no archive'),
    };
    for (const [name, bytes] of Object.entries(archives)) {
      await raw.getBlockBlobClient(`${name}.zip`).uploadData(bytes);
      await assert.rejects(files.extractZip(`${name}.zip`, '/box', NEVER), { code: 'ARCHIVE_INVALID' }, name);
    }
    const left = [];
    for await (const item of raw.listBlobsFlat()) left.push(item.name);
    assert.deepEqual(
      left.filter((name) => !name.endsWith('.zip')),
      [],
    );
  });

  test('that hold too much are refused before they are unpacked', async () => {
    const { files, raw } = await newContainer(account);
    const many = await zip(Array.from({ length: 1001 }, (_, number) => ({ name: `f${number}` })));
    const bomb = await zip([{ name: 'zeros', content: Buffer.alloc(257 * 1024 * 1024) }]);
    await raw.getBlockBlobClient('many.zip').uploadData(many);
    await raw.getBlockBlobClient('bomb.zip').uploadData(bomb);
    for (const name of ['many.zip', 'bomb.zip'])
      await assert.rejects(files.extractZip(name, '/', NEVER), { code: 'ARCHIVE_TOO_LARGE' }, name);
  });
});
