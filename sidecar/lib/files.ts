import { open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError } from '../errors/connector-error.ts';

/** Replaces a file atomically and durably: writes and flushes a new file, renames it, and flushes the directory. */
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
      // Windows refuses the rename while a virus scanner or an indexer has the old file open.
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

/** Makes added and removed names of a directory durable, where the operating system supports it. */
export async function flushDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether the error means that the file does not exist. */
export function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException | null)?.code === 'ENOENT';
}

/** Whether the error means that a directory lies in the place of the file. */
export function isDirectory(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException | null)?.code === 'EISDIR';
}

/** Renames a damaged file, so that it is kept and no longer in the way. Gives its new name. */
export async function setAside(file: string): Promise<string> {
  const kept = `${file}.damaged-${new Date().toISOString().replaceAll(/[^0-9]/g, '')}`;
  await rename(file, kept);
  return kept;
}

/** The error code of the operating system, for messages. */
export function systemCode(thrown: unknown): string {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return code ?? message;
}

/**
 * The text of a file that a command is given. Some editors put a byte order mark first; it is left out.
 * @throws ConnectorError LOCAL_STEP_FAILED
 */
export async function readGivenFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  } catch (cause) {
    throw new ConnectorError('LOCAL_STEP_FAILED', `${file} cannot be read (${systemCode(cause)}).`, {
      cause,
    });
  }
}
