import { randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildPackage } from './build.ts';
import { runRows } from './chaos/coordinator.ts';
import { type RowResult, table } from './chaos/row.ts';
import { rowsOf } from './chaos/rows.ts';
import { readCommandLine, refuse, UsageError, wholeNumber } from './command-line.ts';

const USAGE = `npm run chaos -- [options]: breaks what the sidecar needs while messages flow, and compares what was sent with what arrived
  --only WORDS   the rows whose name contains WORDS, or else one of its comma-separated parts (all rows)
  --list         prints the names of the rows
  --quick        a few rows with short faults, less than a minute on an idle machine
  --seconds N    how long each fault lasts (20, with --quick 2)
  --kills N      how often the rows kill that kill at random points (20, with --quick 3)
  --devices N    how many devices send (6)
  --seed N       the same seed gives the same random points in time (a random one)
  --log FILE     also writes what the sidecar logs there
  --json         prints only the JSON
Prints a table and, as the last line, JSON. Ends with 1 when a row is broken.`;

const { values } = readCommandLine(USAGE, {
  only: { type: 'string', default: '' },
  list: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  seconds: { type: 'string' },
  kills: { type: 'string' },
  devices: { type: 'string', default: '6' },
  seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  log: { type: 'string' },
  json: { type: 'boolean', default: false },
});
const rows = rowsOf({ only: values.only, quick: values.quick });
let seconds: number;
let kills: number;
let devices: number;
let seed: number;
try {
  seconds = wholeNumber('seconds', values.seconds ?? (values.quick ? '2' : '20'), 1, 600);
  kills = wholeNumber('kills', values.kills ?? (values.quick ? '3' : '20'), 1, 100_000);
  devices = wholeNumber('devices', values.devices, 1, 1_000);
  seed = wholeNumber('seed', values.seed, 0, 2 ** 32);
  if (rows.length === 0)
    throw new UsageError(`--only is "${values.only}"; no row has such a word; --list prints the names`);
} catch (error) {
  refuse(USAGE, error as Error);
}
if (values.list) for (const { name } of rows) console.log(name);
else await run();

async function run(): Promise<void> {
  // The emulators have no TLS for everything.
  process.env['SIDECAR_ALLOW_LOCAL_AZURE'] ??= 'true';
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-chaos-'));
  try {
    process.env['CONNECTOR_ZIP'] ??= await buildPackage({ outputDirectory: directory });
    const results = await runRows(rows, {
      seed,
      faultMs: seconds * 1000,
      devices,
      kills,
      onSidecarLine: (text) => {
        if (values.log !== undefined) appendFileSync(values.log, `${text}\n`);
      },
      onResult: (result) => {
        if (!values.json) console.log(line(result));
      },
      signal: stop.signal,
    });
    if (!values.json) for (const text of table(results)) console.log(text);
    console.log(JSON.stringify({ seed, seconds, devices, kills, rows: results }));
    if (results.some(({ broken }) => broken.length > 0)) process.exitCode = 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function line({ name, broken, skipped }: RowResult): string {
  if (skipped !== undefined) return `skipped ${name}: ${skipped}`;
  return broken.length === 0 ? `held    ${name}` : `BROKEN  ${name}: ${broken.join('; ')}`;
}
