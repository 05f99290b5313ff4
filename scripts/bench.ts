import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { VERSION } from '../sidecar/version.ts';
import { type Figure, table } from './bench/figures.ts';
import { type MeasureName, OTHER_MEASURES, USUAL_MEASURES } from './bench/measure-names.ts';
import { type BenchRun, comparison, machineFacts, readRun } from './bench/run.ts';
import { buildPackage } from './build.ts';
import { oneOrMore, readCommandLine, refuse, wholeNumber } from './command-line.ts';
import { extractFolder } from './local/unzip.ts';

const USAGE = `npm run bench -- [options]: the budgets of the design, measured on this machine
  --messages N    messages in the backlog of a measure (300000)
  --rounds N      repetitions of a measure; the median counts (3)
  --only NAMES    the measures to run, comma-separated (drain,backlog,slow,shapes,things,partitions,letters,tasks,
                  latency,start,takeover,idle); group measures 1, 2, 4 and 8 sidecars, emulator the IoT Hub emulator itself,
                  receivers drains with each receiver, import the work with whole registries,
                  files a file through the sidecar, containers dead letters in blobs
  --mib N         size of the file that files measures, in MiB (1024)
  --devices N,N   sizes of the registries that import measures (10000)
  --tier TIER     tier of the IoT Hub whose rates import keeps (S1)
  --output FILE   writes the run to a file
  --compare FILE  shows what has changed since a run, such as scripts/bench/baseline.json
Partitions are filled first; a bare receive loop of Microsoft's SDK runs beside the sidecar for comparison. The last line is JSON.`;

const NAMES = [...USUAL_MEASURES, ...OTHER_MEASURES];

const { values } = readCommandLine(USAGE, {
  messages: { type: 'string', default: '300000' },
  rounds: { type: 'string', default: '3' },
  output: { type: 'string' },
  compare: { type: 'string' },
  only: { type: 'string', default: USUAL_MEASURES.join(',') },
  mib: { type: 'string', default: '1024' },
  devices: { type: 'string', default: '10000' },
  tier: { type: 'string', default: 'S1' },
});
let messages: number;
let rounds: number;
let wanted: ReadonlySet<MeasureName>;
let mebibytes: number;
let devices: number[];
let before: BenchRun | undefined;
try {
  messages = wholeNumber('messages', values.messages, 1, 100_000_000);
  rounds = wholeNumber('rounds', values.rounds, 1, 1_000);
  wanted = oneOrMore('only', values.only, NAMES);
  mebibytes = wholeNumber('mib', values.mib, 1, 100_000);
  devices = values.devices.split(',').map((size) => wholeNumber('devices', size, 1, 1_000_000));
  before = values.compare === undefined ? undefined : readRun(values.compare);
} catch (error) {
  refuse(USAGE, error as Error);
}
// The emulators have no TLS for everything.
process.env['SIDECAR_ALLOW_LOCAL_AZURE'] ??= 'true';

const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-bench-build-'));
try {
  const zip = await buildPackage({ outputDirectory: directory });
  await extractFolder(zip, 'ui/AzureIotHubConnector/sidecar/', directory);
  const program = path.join(directory, 'sidecar.mjs');
  const facts = machineFacts();
  console.log(
    `Node ${facts.node}, ${facts.cores} x ${facts.processor}, load ${facts.load}; ${messages} messages, ${rounds} rounds; medians`,
  );
  const figures: Figure[] = [];
  // They load the whole product, which a refused command line does not need.
  const { measuresOf } = await import('./bench/measures/index.ts');
  const measures = measuresOf({ program, messages, rounds, mebibytes, devices, tier: values.tier });
  for (const name of NAMES.filter((one) => wanted.has(one))) {
    const found = await measures[name]();
    for (const line of table(found)) console.log(line);
    figures.push(...found);
  }
  const run = {
    date: new Date().toISOString().slice(0, 10),
    version: VERSION,
    ...facts,
    messages,
    rounds,
    figures,
  };
  if (before) for (const line of ['', 'before, now, ratio:', ...comparison(run, before)]) console.log(line);
  if (values.output !== undefined) await writeFile(values.output, `${JSON.stringify(run, null, 2)}\n`);
  console.log(JSON.stringify(run));
} finally {
  await rm(directory, { recursive: true, force: true });
}
