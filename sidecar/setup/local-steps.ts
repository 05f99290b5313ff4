import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import { isMissing, replaceFile, systemCode } from '../lib/files.ts';
import type { Administrator } from './administrator.ts';
import type { Answers } from './answers.ts';
import { change, creation, type SetupStep } from './step.ts';

const PRIVATE = 0o600;

/** The file with the application key. systemd hands it to the service as a credential. */
export function keyFile({ directory }: Pick<Answers, 'directory'>): string {
  return path.join(directory, 'thingworx-app-key');
}

export function environmentFile({ directory }: Pick<Answers, 'directory'>): string {
  return path.join(directory, 'environment');
}

export function tokenFile({ stateDirectory }: Pick<Answers, 'stateDirectory'>): string {
  return path.join(stateDirectory, 'sidecar-token');
}

export function keyFileStep(administrator: Administrator, answers: Answers): SetupStep {
  const { user } = answers;
  const file = keyFile(answers);
  const key = async () => String(await administrator.value('ApplicationKeys', user, 'GetKeyID'));
  return {
    id: `file ${file}`,
    title: `File ${file}`,
    async look() {
      const present = await readOrNothing(file);
      const todo =
        present === undefined ? creation('write the application key') : change('write the application key');
      if (!(await administrator.exists('ApplicationKeys', user))) return todo;
      const hasMode = present !== undefined && (await isPrivate(file));
      return present?.trim() === (await key()) && hasMode ? undefined : todo;
    },
    apply: async () => writePrivate(file, `${await key()}\n`),
    undo: () => remove(file),
  };
}

/** Lines that somebody added to the file stay. */
export function environmentStep(
  answers: Answers,
  environment: Readonly<Record<string, string | undefined>>,
): SetupStep {
  const file = environmentFile(answers);
  const wanted = settingsOf(answers, environment);
  const merged = (present: string) => {
    const others = present
      .split('\n')
      .filter((line) => line !== '' && !Object.keys(wanted).some((name) => line.startsWith(`${name}=`)));
    const own = Object.entries(wanted).map(([name, value]) => `${name}=${value}`);
    return `${[...others, ...own].join('\n')}\n`;
  };
  const isComplete = (present: string) =>
    Object.entries(wanted).every(([name, value]) => present.split('\n').includes(`${name}=${value}`));
  return {
    id: `file ${file}`,
    title: `File ${file}`,
    async look() {
      const present = await readOrNothing(file);
      const what = `write ${Object.keys(wanted).join(', ')}`;
      if (present === undefined) return creation(what);
      return isComplete(present) ? undefined : change(what);
    },
    apply: async () => writePrivate(file, merged((await readOrNothing(file)) ?? '')),
    undo: () => remove(file),
  };
}

/** The settings of the sidecar, without a secret. The unit of systemd sets the paths itself. */
export function settingsOf(
  answers: Answers,
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const { thingworxUrl, sidecarUrl, stateDirectory, systemd, tls } = answers;
  const port = sidecarUrl.port === '' ? (tls ? '443' : '80') : sidecarUrl.port;
  const authorities = environment['NODE_EXTRA_CA_CERTS'];
  return {
    THINGWORX_URL: thingworxUrl,
    SIDECAR_PORT: port,
    ...(systemd ? {} : { THINGWORX_APP_KEY_FILE: keyFile(answers), SIDECAR_STATE_DIR: stateDirectory }),
    ...(tls
      ? {
          SIDECAR_HOST: '0.0.0.0',
          SIDECAR_HOST_NAMES: sidecarUrl.hostname,
          SIDECAR_TLS_CERT_FILE: tls.cert,
          SIDECAR_TLS_KEY_FILE: tls.key,
        }
      : {}),
    ...(authorities ? { NODE_EXTRA_CA_CERTS: authorities } : {}),
  };
}

/** The token is made here, not at the first start, since the hub Thing needs it too. */
export function tokenStep(
  answers: Answers,
  owner: () => Promise<{ uid: number; gid: number } | undefined>,
): SetupStep {
  const file = tokenFile(answers);
  const { stateDirectory } = answers;
  return {
    id: `file ${file}`,
    title: `File ${file}`,
    look: async () =>
      (await readOrNothing(file))?.trim() ? undefined : creation('create the token of the sidecar'),
    async apply() {
      await attempt(`The state directory ${stateDirectory} cannot be made`, async () => {
        await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
        await chmod(stateDirectory, 0o700);
      });
      await writePrivate(file, `${randomBytes(32).toString('base64url')}\n`);
      const account = await owner();
      if (account) await giveAway([stateDirectory, file], account);
    },
    async undo() {
      await remove(file);
      // What the sidecar has written since stays.
      await rmdir(stateDirectory).catch(() => undefined);
    },
  };
}

export async function readToken(answers: Pick<Answers, 'stateDirectory'>): Promise<string> {
  return ((await readOrNothing(tokenFile(answers))) ?? '').trim();
}

async function giveAway(files: readonly string[], { uid, gid }: { uid: number; gid: number }): Promise<void> {
  for (const file of files)
    await attempt(`${file} cannot be given to the account of the sidecar`, () => chown(file, uid, gid));
}

async function readOrNothing(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new ConnectorError('LOCAL_STEP_FAILED', `${file} cannot be read (${systemCode(error)}).`, {
      cause: error,
    });
  }
}

async function isPrivate(file: string): Promise<boolean> {
  // Windows has no such modes: the rights are those of the folder.
  return process.platform === 'win32' || ((await stat(file)).mode & 0o777) === PRIVATE;
}

/** Every file is for its owner alone: the environment, too, may get a secret that a reference names. */
async function writePrivate(file: string, text: string): Promise<void> {
  await attempt(`${file} cannot be written`, async () => {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await replaceFile(file, text);
  });
}

async function remove(file: string): Promise<void> {
  await attempt(`${file} cannot be removed`, () => rm(file, { force: true }));
}

export async function attempt(failure: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (cause instanceof ConnectorError) throw cause;
    throw new ConnectorError('LOCAL_STEP_FAILED', `${failure} (${systemCode(cause)}).`, { cause });
  }
}
