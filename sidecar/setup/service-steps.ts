import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ConnectorError } from '../errors/connector-error.ts';
import { isMissing } from '../lib/files.ts';
import { attempt } from './local-steps.ts';
import { change, creation, type SetupStep } from './step.ts';

const NAME = 'azure-iot-sidecar';
const UNIT = `${NAME}.service`;
const execute = promisify(execFile);
/** The programs of an administrator, which the PATH of a shell with sudo may lack. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`;

/** An account of the operating system. */
interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** What makes the sidecar a service of systemd: its account, its program and its unit. `root` is where an image is built. */
export class SystemdService {
  readonly #root: string | undefined;
  /** Set when the program or the unit is new, so that a running service is started again. */
  #isReplaced = false;

  constructor(root: string | undefined) {
    this.#root = root;
  }

  /** @throws ConnectorError LOCAL_STEP_FAILED without root, or without systemd */
  async require(): Promise<void> {
    if (process.getuid?.() !== 0)
      throw new ConnectorError('LOCAL_STEP_FAILED', '--systemd needs root; run setup with sudo.');
    await command('systemctl', ['--version']);
  }

  /** The account of the service; undefined when there is none. */
  async account(): Promise<Account | undefined> {
    const line = this.#root === undefined ? await this.#accountOfSystem() : await this.#accountOfImage();
    const [, , uid, gid] = line?.split(':') ?? [];
    return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
  }

  async #accountOfSystem(): Promise<string | undefined> {
    try {
      return (await run('getent', ['passwd', NAME])).stdout;
    } catch {
      // getent ends with 2 when the account does not exist.
      return undefined;
    }
  }

  async #accountOfImage(): Promise<string | undefined> {
    const text = await readFile(this.#path('etc/passwd'), 'utf8').catch(() => '');
    return text.split('\n').find((line) => line.startsWith(`${NAME}:`));
  }

  accountStep(): SetupStep {
    const prefix = this.#root === undefined ? [] : ['--prefix', this.#root];
    return {
      id: 'account',
      title: `Account ${NAME}`,
      look: async () => ((await this.account()) ? undefined : creation('create the system account')),
      apply: () =>
        command('useradd', [
          ...prefix,
          '--system',
          '--user-group',
          '--no-create-home',
          '--home-dir',
          `/var/lib/${NAME}`,
          '--shell',
          '/usr/sbin/nologin',
          NAME,
        ]),
      undo: async () => {
        if (await this.account()) await command('userdel', [...prefix, NAME]);
      },
    };
  }

  programStep(): SetupStep {
    const folder = this.#path(`opt/${NAME}`);
    const source = import.meta.dirname;
    const program = (directory: string) =>
      readFile(path.join(directory, 'program.mjs')).catch(() => undefined);
    return {
      id: `folder ${folder}`,
      title: `Folder ${folder}`,
      look: async () => {
        const [installed, own] = await Promise.all([program(folder), program(source)]);
        if (installed === undefined) return creation('copy the program');
        return own && installed.equals(own) ? undefined : change('replace the program');
      },
      apply: async () => {
        this.#isReplaced = true;
        await attempt(`${folder} cannot be written`, async () => {
          await rm(folder, { recursive: true, force: true });
          await cp(source, folder, { recursive: true });
          await showToAll(folder);
        });
      },
      undo: () => attempt(`${folder} cannot be removed`, () => rm(folder, { recursive: true, force: true })),
    };
  }

  unitStep(): SetupStep {
    const file = this.#path(`etc/systemd/system/${UNIT}`);
    const text = async () => {
      const unit = await readFile(path.join(import.meta.dirname, UNIT), 'utf8');
      // The Node.js that runs now: the one of env may be another, or none for services.
      return unit.replace('/usr/bin/env node', process.execPath);
    };
    return {
      id: `file ${file}`,
      title: `File ${file}`,
      look: async () => {
        const present = await readFile(file, 'utf8').catch(() => undefined);
        if (present === undefined) return creation('write the unit');
        return present === (await text()) ? undefined : change('replace the unit');
      },
      apply: async () => {
        this.#isReplaced = true;
        await attempt(`${file} cannot be written`, async () => {
          await mkdir(path.dirname(file), { recursive: true });
          await writeFile(file, await text(), { mode: 0o644 });
        });
      },
      undo: () => attempt(`${file} cannot be removed`, () => rm(file, { force: true })),
    };
  }

  enableStep(): SetupStep {
    const prefix = this.#root === undefined ? [] : ['--root', this.#root];
    const isEnabled = () => succeeds('systemctl', [...prefix, 'is-enabled', '--quiet', UNIT]);
    const isActive = async () =>
      this.#root !== undefined || (await succeeds('systemctl', ['is-active', '--quiet', UNIT]));
    return {
      id: 'service',
      title: `Service ${NAME}`,
      look: async () => {
        if (!(await isEnabled()))
          return creation(this.#root === undefined ? 'enable and start it' : 'enable it');
        return this.#isReplaced || !(await isActive()) ? change('start it') : undefined;
      },
      apply: async () => {
        if (this.#root === undefined) await command('systemctl', ['daemon-reload']);
        await command('systemctl', [...prefix, 'enable', UNIT]);
        if (this.#root === undefined) await command('systemctl', ['restart', UNIT]);
      },
      undo: async () => {
        if (!(await isEnabled()) && !(await isActive())) return;
        await command('systemctl', [
          ...prefix,
          'disable',
          ...(this.#root === undefined ? ['--now'] : []),
          UNIT,
        ]);
      },
    };
  }

  #path(name: string): string {
    return path.join(this.#root ?? '/', name);
  }
}

/** The account of the service reads the program, whatever modes the folder had that it was unpacked into. */
async function showToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await chmod(path.join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}

function run(program: string, words: readonly string[]): Promise<{ stdout: string }> {
  return execute(program, [...words], { timeout: 120_000, env: { ...process.env, PATH } });
}

async function command(program: string, words: readonly string[]): Promise<void> {
  try {
    await run(program, words);
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string; message: string };
    const reason = isMissing(cause) ? 'it is not installed' : stderr.trim().split('\n')[0] || message;
    throw new ConnectorError('LOCAL_STEP_FAILED', `${program} ${words.join(' ')}: ${reason}.`, { cause });
  }
}

async function succeeds(program: string, words: readonly string[]): Promise<boolean> {
  try {
    await run(program, words);
    return true;
  } catch {
    return false;
  }
}
