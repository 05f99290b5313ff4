import { buffer } from 'node:stream/consumers';
import { ZipArchive } from 'archiver';

/** Entries have no times of their own, so that the same content always makes the same file. */
const FIXED_TIME = new Date('2000-01-01T00:00:00Z');

/** A zip with forward slashes, sorted entries and fixed times. `files`: path in the zip to content. */
export async function zipOf(files: ReadonlyMap<string, string>): Promise<Buffer> {
  const archive = new ZipArchive({ zlib: { level: 9 } });
  const content = buffer(archive);
  for (const name of [...files.keys()].sort()) {
    archive.append(Buffer.from(files.get(name) as string, 'utf8'), { name, date: FIXED_TIME, mode: 0o644 });
  }
  await archive.finalize();
  return await content;
}
