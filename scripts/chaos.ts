import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildPackage } from './build.ts';
import { runRows } from './chaos/coordinator.ts';
import { type RowResult, table } from './chaos/row.ts';
import { rowsOf } from './chaos/rows.ts';

const HELP = `npm run chaos -- [options]: breaks what the sidecar needs while messages and notifications flow, and compares what was sent with what arrived.

  --only words    the rows whose name contains one of the words; words have commas between them
  --list          prints the names of the rows
  --quick         a few rows with short faults, less than a minute on an idle machine
  --seconds N     how long each fault lasts; default 20, with --quick 2
  --devices N     how many devices send; default 6
  --seed N        random points in time as in the run that printed this seed
  --json          prints only the JSON
  --help          prints this

Prints a table and, as the last line, JSON. Ends with 1 when a row is broken.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    devices: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const words = values.only.split(',').filter((word) => word !== '');
const rows = rowsOf({ words, quick: values.quick });
const seconds = Number(values.seconds ?? (values.quick ? 2 : 20));
const devices = Number(values.devices);
const seed = Number(values.seed);
const problem =
  rows.length === 0
    ? `No row has ${words.join(' or ')} in its name; --list prints the names.`
    : !(seconds > 0) || !Number.isInteger(devices) || devices < 1 || !Number.isInteger(seed)
      ? '--seconds must be a positive number, --devices and --seed whole numbers.'
      : undefined;
if (values.help) console.log(HELP);
else if (values.list) for (const { name } of rows) console.log(name);
else if (problem) {
  console.error(problem);
  process.exitCode = 1;
} else await run();

async function run(): Promise<void> {
  // The emulators have no TLS for everything.
  process.env['SIDECAR_ALLOW_LOCAL_AZURE'] ??= 'true';
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-chaos-'));
  try {
    process.env['CONNECTOR_ZIP'] ??= await buildPackage({ outputDirectory: directory });
    const say = (result: RowResult) => {
      if (!values.json) console.log(`${result.broken.length === 0 ? 'held  ' : 'BROKEN'}  ${result.name}`);
    };
    const results = await runRows(rows, {
      seed,
      faultMs: seconds * 1000,
      devices,
      onResult: say,
      signal: stop.signal,
    });
    if (!values.json) for (const line of table(results)) console.log(line);
    console.log(JSON.stringify({ seed, seconds, devices, rows: results }));
    if (results.some(({ broken }) => broken.length > 0)) process.exitCode = 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
