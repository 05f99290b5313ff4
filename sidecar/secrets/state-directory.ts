import type { Stats } from 'node:fs';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';

const GROUP_OR_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;
const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;

/**
 * Makes the state directory ready: it holds the token, dead letters and the last settings. It must belong to the user of this process and
 * must not be a symbolic link; nobody else may have been able to write into it, since whoever could may have put a token there. Rights to
 * read are taken away from others. On Windows the rights are those that the administrator gave the folder (docs/install.md).
 *
 * @throws ConnectorError SETTING_INVALID that names the directory, what is wrong and the command that corrects it
 */
export async function openStateDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw refusal(`${directory} cannot be created.`, cause);
  }
  const facts = await requireStateDirectory(directory);
  if (process.getuid !== undefined && facts.mode & GROUP_OR_OTHERS) await chmod(directory, 0o700);
}

/**
 * The same checks without a change.
 * @throws ConnectorError SETTING_INVALID
 */
export async function requireStateDirectory(directory: string): Promise<Stats> {
  const facts = await lstat(directory);
  if (facts.isSymbolicLink()) throw refusal(`${directory} is a symbolic link; expected a directory.`);
  if (!facts.isDirectory()) throw refusal(`${directory} is not a directory.`);
  if (process.getuid === undefined) return facts;
  requireOwner(directory, facts);
  if (facts.mode & WRITABLE_BY_OTHERS) {
    throw refusal(
      `Other users can write to ${directory} (mode ${modeText(facts)}), so its content cannot be trusted. Look through it, then: chmod 700 ${directory}`,
    );
  }
  await requireSafeParents(directory);
  return facts;
}

/**
 * Checks a file that holds a secret before its content is used.
 * @throws ConnectorError SETTING_INVALID when it is a link, belongs to somebody else or others can read or write it
 */
export async function requirePrivateFile(file: string): Promise<void> {
  const facts = await lstat(file);
  if (!facts.isFile()) throw refusal(`${file} is not a regular file.`);
  if (process.getuid === undefined) return;
  requireOwner(file, facts);
  if (facts.mode & GROUP_OR_OTHERS) {
    throw refusal(
      `Other users can read or write ${file} (mode ${modeText(facts)}). Delete it to have a new token made.`,
    );
  }
}

/** Whoever can rename a parent can put another directory in this place; the sticky bit of a shared folder prevents that. */
async function requireSafeParents(directory: string): Promise<void> {
  for (let parent = path.dirname(directory); ; parent = path.dirname(parent)) {
    const facts = await lstat(parent);
    if (facts.mode & WORLD_WRITABLE && !(facts.mode & STICKY)) {
      throw refusal(
        `Every user can write to ${parent}, the parent of ${directory}; choose a directory in a place that only its owner can change.`,
      );
    }
    if (parent === path.dirname(parent)) return;
  }
}

function requireOwner(file: string, facts: Stats): void {
  const user = process.getuid?.();
  if (facts.uid === user) return;
  throw refusal(
    `${file} belongs to the user ${facts.uid}, the sidecar runs as the user ${user}; expected its own.`,
  );
}

function modeText({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function refusal(message: string, cause?: unknown): ConnectorError {
  return new ConnectorError('SETTING_INVALID', `SIDECAR_STATE_DIR: ${message}`, { cause });
}
