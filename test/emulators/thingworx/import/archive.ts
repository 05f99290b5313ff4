import { ZipArchive } from 'archiver';
import { type Entry, fromBuffer, type ZipFile } from 'yauzl';
import { ImportProblem } from './report.ts';

/** Largest sum of unpacked sizes that is read. */
const mostBytes = 512 * 1024 * 1024;

/** Reads a zip; names are as stored, folders are left out. The importer must not follow names like `../x`. */
export async function readArchive(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await open(bytes);
  return new Promise((resolve, reject) => {
    const files = new Map<string, Buffer>();
    let total = 0;
    const fail = (error: unknown) => {
      zip.close();
      reject(
        new ImportProblem(`Unable to read the archive: ${error instanceof Error ? error.message : error}`),
      );
    };
    zip.on('error', fail);
    zip.on('end', () => resolve(files));
    zip.on('entry', (entry: Entry) => {
      // Raw names: yauzl would turn the backslashes into slashes that the platform does not.
      const name = (entry.fileName as unknown as Buffer).toString('utf8');
      if (name.endsWith('/')) {
        zip.readEntry();
        return;
      }
      total += entry.uncompressedSize;
      if (total > mostBytes) {
        fail(new Error('it is too large'));
        return;
      }
      zip.openReadStream(entry, (error, stream) => {
        if (error) {
          fail(error);
          return;
        }
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('error', fail);
        stream.on('end', () => {
          files.set(name, Buffer.concat(chunks));
          zip.readEntry();
        });
      });
    });
    zip.readEntry();
  });
}

/** Writes a zip. `files`: path in the zip to content. */
export async function writeArchive(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const archive = new ZipArchive();
  const chunks: Buffer[] = [];
  archive.on('data', (chunk: Buffer) => chunks.push(chunk));
  const done = new Promise<void>((resolve, reject) => {
    archive.on('end', resolve);
    archive.on('error', reject);
  });
  for (const [name, content] of files) {
    archive.append(content, { name });
  }
  await Promise.all([archive.finalize(), done]);
  return Buffer.concat(chunks);
}

function open(bytes: Buffer): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    fromBuffer(bytes, { lazyEntries: true, decodeStrings: false }, (error, zip) => {
      if (error) {
        reject(new ImportProblem(`Unable to read the archive: ${error.message}`));
      } else {
        resolve(zip);
      }
    });
  });
}
