/**
 * Preloaded into the sidecar: what its machine does to it. The file that CHAOS_MACHINE names holds a MachineFault as JSON, which may change while
 * the sidecar runs. With CHAOS_DISK_JOURNAL each change of a file of the state directory is recorded until it is flushed, for a power cut.
 */
import fs, { copyFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import type { DiskChange } from './power-cut.ts';

/** What goes wrong with the machine of the sidecar. */
export interface MachineFault {
  /** How far its clock is off. */
  readonly clockOffsetMs?: number;
  /** Hosts, with their ports, that have no address. */
  readonly unresolved?: readonly string[];
  /** How long each change of a file takes. */
  readonly diskDelayMs?: number;
}

const FILE = process.env['CHAOS_MACHINE'] ?? '';
const STATE_DIRECTORY = process.env['SIDECAR_STATE_DIR'] ?? '';
const JOURNAL = process.env['CHAOS_DISK_JOURNAL'];
const LOOK_EVERY_MS = 50;
const UNRESOLVED_HOST = 'no-such-host.invalid';

class Machine {
  fault: MachineFault = {};

  start(): void {
    this.#look();
    setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  #look(): void {
    try {
      this.fault = JSON.parse(readFileSync(FILE, 'utf8')) as MachineFault;
    } catch {
      // It is not there before the first fault.
      this.fault = {};
    }
  }
}

const machine = new Machine();
machine.start();
shiftClock();
breakNames();
watchDisk(await fileHandlePrototype());
syncBuiltinESMExports();

function shiftClock(): void {
  const MachineDate = Date;
  const nowMs = () => MachineDate.now() + (machine.fault.clockOffsetMs ?? 0);
  globalThis.Date = class extends MachineDate {
    constructor(...parts: unknown[]) {
      if (parts.length === 0) super(nowMs());
      else super(...(parts as [number]));
    }

    static override now(): number {
      return nowMs();
    }
  } as DateConstructor;
}

type Connect = (...args: unknown[]) => unknown;

/** Loaded after the redirects: it sees the addresses of the sidecar before they do. */
function breakNames(): void {
  tls.connect = unresolved(tls.connect as unknown as Connect) as unknown as typeof tls.connect;
  net.connect = unresolved(net.connect as unknown as Connect) as unknown as typeof net.connect;
  net.createConnection = net.connect;
}

function unresolved(connect: Connect): Connect {
  return function (this: unknown, ...args: unknown[]) {
    const at = args.findIndex((argument) => typeof argument === 'object' && argument !== null);
    const options = (args[at] ?? {}) as { host?: string; port?: unknown };
    const port = Number(options.port ?? args[0]);
    const host = options.host ?? String(args[1]);
    if (!machine.fault.unresolved?.includes(`${host}:${port}`)) return connect.apply(this, args);
    const elsewhere = { ...options, host: UNRESOLVED_HOST, servername: UNRESOLVED_HOST, port };
    if (at >= 0) args[at] = elsewhere;
    else args.splice(0, typeof args[1] === 'string' ? 2 : 1, elsewhere);
    return connect.apply(this, args);
  };
}

type Work = (...args: unknown[]) => Promise<unknown>;
type Methods = Record<string, Work>;

async function fileHandlePrototype(): Promise<Methods> {
  const handle = await fs.promises.open(import.meta.filename);
  await handle.close();
  return Object.getPrototypeOf(handle) as Methods;
}

function watchDisk(handles: Methods): void {
  const functions = fs.promises as unknown as Methods;
  const files = new WeakMap<object, string>();
  const open = functions['open'] as Work;
  functions['open'] = async (...args) => {
    const [file, flags = 'r'] = args as [string, string?];
    const existed = sizeOf(file) !== undefined;
    const handle = (await open(...args)) as object;
    files.set(handle, file);
    if (!existed) record({ kind: 'create', file });
    else if (flags.startsWith('w')) record({ kind: 'write', file, size: 0 });
    return handle;
  };
  for (const name of ['write', 'writeFile', 'appendFile', 'truncate'])
    around(handles, name, ({ self }) => {
      const file = files.get(self) ?? '';
      return { kind: 'write', file, size: sizeOf(file) ?? 0 };
    });
  for (const name of ['sync', 'datasync'])
    around(handles, name, ({ self }) => ({ kind: 'flush', file: files.get(self) ?? '' }));
  for (const name of ['writeFile', 'appendFile', 'truncate'])
    around(functions, name, ({ args: [file] }) => {
      const size = sizeOf(String(file));
      return size === undefined
        ? { kind: 'create', file: String(file) }
        : { kind: 'write', file: String(file), size };
    });
  around(functions, 'mkdir', () => undefined);
  const rename = functions['rename'] as Work;
  functions['rename'] = async (...args) => {
    await sleep(machine.fault.diskDelayMs ?? 0);
    const [from, to] = args as [string, string];
    const before = keep(to);
    await rename(...args);
    record({ kind: 'rename', from, file: to, ...(before === undefined ? {} : { before }) });
  };
  const remove = functions['rm'] as Work;
  functions['rm'] = async (...args) => {
    await sleep(machine.fault.diskDelayMs ?? 0);
    const before = keep(String(args[0]));
    await remove(...args);
    if (before !== undefined) record({ kind: 'remove', file: String(args[0]), before });
  };
}

/** Slow, and recorded after it is done. */
function around(
  methods: Methods,
  name: string,
  changeOf: (call: { self: object; args: readonly unknown[] }) => DiskChange | undefined,
): void {
  const work = methods[name] as Work;
  methods[name] = async function (this: object, ...args: unknown[]) {
    await sleep(machine.fault.diskDelayMs ?? 0);
    const change = changeOf({ self: this, args });
    // What a crash in the middle leaves of it is not flushed.
    if (change && change.kind !== 'flush') record(change);
    const result = await work.apply(this, args);
    if (change?.kind === 'flush') record(change);
    return result;
  };
}

function record(change: DiskChange): void {
  if (JOURNAL === undefined || !change.file.startsWith(STATE_DIRECTORY)) return;
  // Synchronous: the process may end at any moment.
  fs.appendFileSync(JOURNAL, `${JSON.stringify(change)}\n`);
}

/** Keeps what a file holds under another name. Undefined when there is no such file. */
function keep(file: string): string | undefined {
  if (JOURNAL === undefined || !file.startsWith(STATE_DIRECTORY)) return undefined;
  const kept = path.join(path.dirname(JOURNAL), 'kept', `${process.pid}-${process.hrtime.bigint()}`);
  try {
    mkdirSync(path.dirname(kept), { recursive: true });
    copyFileSync(file, kept);
    return kept;
  } catch {
    return undefined;
  }
}

function sizeOf(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch {
    return undefined;
  }
}
