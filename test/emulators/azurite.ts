/**
 * Starts Azurite's blob service as a child process on a free port. Every part that needs a storage account uses this
 * one helper, so that the flags that the newest storage SDKs need are set in one place.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWithParent, ownGroup } from './child.ts';

export interface AzuriteOptions {
  /** PEM texts of the certificate (chain) and its key. With them Azurite speaks HTTPS, which device SDKs insist on. */
  https?: { cert: string; key: string };
  /** Accepts bearer tokens of Microsoft Entra ID, without checking their signature; needs `https`. */
  entra?: boolean;
  /** Port to listen on; 0 or absent takes a free one. */
  port?: number;
  /** Name that clients use to reach this process: the one in the certificate. */
  hostName?: string;
  /** Folder that keeps the blobs over a restart. Without it they live in memory. */
  directory?: string;
  /** Base64 key of the account; needed to find the same account again after a restart. Random by default. */
  accountKey?: string;
}

export interface Azurite {
  connectionString: string;
  /** Blob endpoint with the account name in its path, without a trailing slash. */
  url: string;
  accountName: string;
  accountKey: string;
  port: number;
  stop(): Promise<void>;
}

const accountName = 'devstoreaccount1';
const startTimeoutMs = 30_000;
const stopTimeoutMs = 5_000;

/** Rejects when Azurite does not say within 30 s that it listens; the message carries what it printed. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const scratch = await mkdtemp(join(tmpdir(), 'azurite-'));
  const accountKey = options.accountKey ?? randomBytes(64).toString('base64');
  let child: ChildProcess | undefined;
  try {
    child = spawn(process.execPath, await childArguments(options, scratch), {
      ...ownGroup,
      cwd: scratch,
      env: { ...process.env, AZURITE_ACCOUNTS: `${accountName}:${accountKey}` },
    });
    const port = await listeningPort(child);
    const scheme = options.https ? 'https' : 'http';
    const hostName = options.hostName ?? (options.https ? 'localhost' : '127.0.0.1');
    const url = `${scheme}://${hostName}:${port}/${accountName}`;
    const running = child;
    let stopped: Promise<void> | undefined;
    return {
      connectionString: `DefaultEndpointsProtocol=${scheme};AccountName=${accountName};AccountKey=${accountKey};BlobEndpoint=${url};`,
      url,
      accountName,
      accountKey,
      port,
      stop() {
        stopped ??= end(running, scratch);
        return stopped;
      },
    };
  } catch (error) {
    if (child) await end(child, scratch);
    else await rm(scratch, { recursive: true, force: true });
    throw error;
  }
}

async function childArguments(options: AzuriteOptions, scratch: string): Promise<string[]> {
  const program = fileURLToPath(new URL('./azurite-program.ts', import.meta.url));
  const args = [...endWithParent, program, '--blobHost', '127.0.0.1', '--blobPort', `${options.port ?? 0}`];
  // Storage SDKs are newer than Azurite's list of API versions, and the device SDK sends a header that only the
  // loose mode lets pass.
  args.push('--skipApiVersionCheck', '--loose', '--silent', '--disableTelemetry');
  if (options.entra) args.push('--oauth', 'basic');
  if (options.directory) {
    await mkdir(options.directory, { recursive: true });
    args.push('--location', options.directory);
  } else {
    args.push('--inMemoryPersistence');
  }
  if (options.https) {
    const cert = join(scratch, 'cert.pem');
    const key = join(scratch, 'key.pem');
    await writeFile(cert, options.https.cert);
    await writeFile(key, options.https.key, { mode: 0o600 });
    args.push('--cert', cert, '--key', key);
  }
  return args;
}

function listeningPort(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let output = '';
  const fail = (reason: string) => reject(new Error(`Azurite did not start: ${reason}\n${output}`));
  const timer = setTimeout(() => fail(`no answer within ${startTimeoutMs} ms`), startTimeoutMs);
  const read = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-8192);
    const port = /successfully listens on https?:\/\/\S+:(\d+)/.exec(output)?.[1];
    if (port) resolve(Number(port));
  };
  child.stdout?.on('data', read);
  child.stderr?.on('data', read);
  child.once('error', (error) => fail(error.message));
  child.once('exit', (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`));
  return promise.finally(() => clearTimeout(timer));
}

async function end(child: ChildProcess, scratch: string): Promise<void> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await exited;
    clearTimeout(timer);
  }
  await rm(scratch, { recursive: true, force: true });
}
