import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';

/** Takes the files below one folder out of a zip. */
export async function extractFolder(zipFile: string, folder: string, target: string): Promise<void> {
  const zip = await yauzl.openPromise(zipFile);
  try {
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.startsWith(folder) || entry.fileName.endsWith('/')) continue;
      const file = path.join(target, entry.fileName.slice(folder.length));
      await mkdir(path.dirname(file), { recursive: true });
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(file));
    }
  } finally {
    zip.close();
  }
}
