import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { VERSION } from '../version.ts';
import { isDirectory, isMissing, replaceFile, setAside, systemCode } from './files.ts';

/**
 * Changes all files of a state directory from one format to the next; in a new directory there are none. An interrupted run is repeated, so it
 * leaves alone what has the next format already.
 */
type StateMigration = (directory: string) => Promise<void>;

/** The first one leads from format 1, which version 0.1.0 writes, to format 2. A new one needs a fixture of the format before (docs/upgrade.md). */
const MIGRATIONS: readonly StateMigration[] = [];

const FILE = 'format.json';
const FIRST_FORMAT = 1;
const VERSION_FORM = /^[\w.+-]{1,64}$/;

/** What the file says: the format, and the version that wrote it first. */
interface StateFormat {
  readonly format: number;
  readonly version: string;
}

/**
 * Brings the state directory to the format of this version, one migration after the other. After each one the format is written down.
 * @throws ConnectorError STATE_FORMAT_NEWER, SETTING_INVALID
 */
export async function migrateState(directory: string, log: Log, migrations = MIGRATIONS): Promise<void> {
  const wanted = FIRST_FORMAT + migrations.length;
  const written = await requireKnownFormat(directory, wanted);
  if (written === wanted) return;
  if (written === undefined) {
    await keepDamaged(directory, log);
    await write(directory, FIRST_FORMAT);
  }
  for (let format = written ?? FIRST_FORMAT; format < wanted; format += 1) {
    await migrations[format - FIRST_FORMAT]?.(directory);
    await write(directory, format + 1);
    log.info({ directory, format: format + 1 }, 'The state directory has a new format.');
  }
}

/**
 * The format of a state directory. Undefined when it does not say: it is new, or its file is damaged.
 * @throws ConnectorError STATE_FORMAT_NEWER, SETTING_INVALID when the file cannot be read
 */
export async function requireKnownFormat(
  directory: string,
  newest = FIRST_FORMAT + MIGRATIONS.length,
): Promise<number | undefined> {
  const { format, version } = await read(directory);
  if (typeof format !== 'number' || !Number.isInteger(format) || format < FIRST_FORMAT) return undefined;
  if (format <= newest) return format;
  throw new ConnectorError(
    'STATE_FORMAT_NEWER',
    `The state directory ${directory} has format ${format}, which ${writer(version)} wrote; version ${VERSION} reads formats up to ${newest}.`,
  );
}

/** The version as the file names it. A damaged file may say anything, and this text goes to a terminal. */
function writer(version: unknown): string {
  return typeof version === 'string' && VERSION_FORM.test(version) ? `version ${version}` : 'a newer version';
}

/**
 * Nothing of the file is known when it is missing or damaged. One that cannot be read may name a newer format.
 * @throws ConnectorError SETTING_INVALID
 */
async function read(directory: string): Promise<Partial<StateFormat>> {
  const file = path.join(directory, FILE);
  try {
    const content = JSON.parse(await readFile(file, 'utf8')) as Partial<StateFormat> | null;
    return content ?? {};
  } catch (thrown) {
    if (thrown instanceof SyntaxError || isMissing(thrown) || isDirectory(thrown)) return {};
    throw new ConnectorError(
      'SETTING_INVALID',
      `SIDECAR_STATE_DIR: ${file} cannot be read (${systemCode(thrown)}); expected a file that the user of the sidecar can read.`,
      { cause: thrown },
    );
  }
}

async function write(directory: string, format: number): Promise<void> {
  const content: StateFormat = { format, version: VERSION };
  await replaceFile(path.join(directory, FILE), `${JSON.stringify(content)}\n`);
}

/** Migrations are repeated when the format is not known; they may be. */
async function keepDamaged(directory: string, log: Log): Promise<void> {
  try {
    const kept = await setAside(path.join(directory, FILE));
    log.warn({ kept }, 'The file with the format of the state directory was damaged and is kept aside.');
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
}
