import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Writes beside the file, flushes, then renames over it and flushes the directory: a crash leaves the old file or the new one. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(draft, file);
      break;
    } catch (error) {
      // Windows refuses while a virus scanner or an indexer has the old file open.
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (attempt === 5 || !['EPERM', 'EACCES', 'EBUSY'].includes(code)) {
        await rm(draft, { force: true });
        throw error;
      }
      await sleep(20 * attempt);
    }
  }
  await flushDirectory(path.dirname(file));
}

/** Makes names that were added to or removed from a directory survive a power cut, where the system can. */
export async function flushDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** True for "there is no such file", the one failure that most readers expect. */
export function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException | null)?.code === 'ENOENT';
}

/** The system's code of a failure, for messages. */
export function systemCode(thrown: unknown): string {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return code ?? message;
}
