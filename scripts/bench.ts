import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Figure, table } from './bench/figures.ts';
import { drain } from './bench/measures/drain.ts';
import { emulator } from './bench/measures/emulator.ts';
import { latency } from './bench/measures/latency.ts';
import { backlog, slow } from './bench/measures/memory.ts';
import { start } from './bench/measures/start.ts';
import { takeover } from './bench/measures/takeover.ts';
import { buildPackage } from './build.ts';
import { extractFolder } from './local/unzip.ts';

/**
 * npm run bench -- [--messages N] [--rounds N] [--only drain,backlog,slow,latency,start,takeover]: the budgets of the design, measured on
 * preloaded partitions against a bare receive loop of Microsoft's SDK in the same run. `--only emulator` measures the IoT Hub
 * emulator itself. Prints a table and, as the last line, JSON.
 */
// The emulators have no TLS for everything.
process.env['SIDECAR_ALLOW_LOCAL_AZURE'] ??= 'true';
const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'drain,backlog,slow,latency,start,takeover' },
  },
});
const messages = Number(values.messages);
const rounds = Number(values.rounds);
const wanted = new Set(values.only.split(','));

const measures: Readonly<Record<string, (program: string) => Promise<Figure[]>>> = {
  drain: (program) => drain(program, messages, rounds),
  backlog,
  slow,
  latency,
  start: (program) => start(program, rounds),
  takeover: (program) => takeover(program, rounds),
  emulator: () => emulator(messages, rounds),
};

const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-bench-build-'));
try {
  const zip = await buildPackage({ outputDirectory: directory });
  await extractFolder(zip, 'ui/AzureIotHubConnector/sidecar/', directory);
  const program = path.join(directory, 'sidecar.mjs');
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(measures)) {
    if (wanted.has(name)) figures.push(...(await measure(program)));
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`;
  console.log(`Node ${process.version}, ${machine}; ${messages} messages, ${rounds} rounds; medians`);
  for (const line of table(figures)) console.log(line);
  console.log(JSON.stringify({ node: process.version, messages, rounds, figures }));
} finally {
  await rm(directory, { recursive: true, force: true });
}
