import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

export interface ConsoleAsset {
  readonly type: string;
  readonly content: Buffer;
  /** Whether the name changes with the content, so that browsers may keep it. */
  readonly immutable: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The files of the bundled console by name; empty when the folder holds none. */
export async function loadConsoleAssets(folder: string): Promise<ReadonlyMap<string, ConsoleAsset>> {
  const assets = new Map<string, ConsoleAsset>();
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return assets;
    throw thrown;
  }
  for (const name of names) {
    const type = TYPES[path.extname(name)];
    if (type === undefined) continue;
    const immutable = /-[A-Z0-9]{8}\.(js|css)$/.test(name);
    assets.set(name, { type, content: await readFile(path.join(folder, name)), immutable });
  }
  // The sources of the console have a page as well, but nothing that a browser could run.
  return [...assets.keys()].some((name) => name.endsWith('.js')) ? assets : new Map();
}
