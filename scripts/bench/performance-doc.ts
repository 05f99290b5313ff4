import { type Figure, median } from './figures.ts';
import { GROWTH } from './growth.ts';
import type { BenchRun } from './run.ts';

/** Messages per day and unit, and what a unit of the tier costs in relation to one of S1, as Microsoft's price list has it. */
const TIERS = [
  { tier: 'S1', perDay: 400_000, cost: 1 },
  { tier: 'S2', perDay: 6_000_000, cost: 10 },
  { tier: 'S3', perDay: 300_000_000, cost: 100 },
] as const;
const SECONDS_PER_DAY = 86_400;
const DEVICES = [100, 1_000, 10_000, 100_000, 1_000_000];
const VALUES = 10;
/** Of a core, so that a backlog is read while new messages arrive. */
const USABLE_SHARE = 0.5;
/** What PTC says that ThingWorx with PostgreSQL writes at most ("Data Storage Options"). */
const POSTGRESQL_WRITES_PER_SECOND = 15_000;

/** docs/performance.md, of the stored run. */
export function performanceDoc(run: BenchRun): string {
  const micros = medianOf(run, 'sidecar: CPU per message');
  return `# Performance

This page is generated from a stored run of the benchmark (\`scripts/bench/baseline.json\`). [sizing.md](sizing.md) says how to use the figures.

## The run
| | |
|---|---|
| date | ${run.date} |
| version | ${run.version} |
| machine | ${run.cores} x ${run.processor}; load before the run ${run.load} |
| Node.js | ${run.node} |
| messages | ${grouped(run.messages)} in a backlog, about 250 bytes and ${VALUES} properties each |
| rounds | ${run.rounds}; the table shows medians |

The emulators of IoT Hub and ThingWorx run on the same machine and answer at once. So the figures say what the sidecar itself needs. They say nothing about ThingWorx: a real server needs more time for each value.
The emulator of ThingWorx speaks http, and https where a figure says "over TLS". The event stream always uses TLS.
The sidecar is started with the flags of Node.js that [install.md](install.md) gives; the bare loop of the SDK has the defaults of Node.js.
Times and rates depend on the machine. Ratios between two figures of one run depend on it much less. Where the host of a virtual machine is busy with other work, they vary, too: the
third column shows how much.

${figuresTable(run.figures.filter((figure) => !isGrowth(figure)))}
${growthSection(run.figures.filter(isGrowth))}
## What one core carries
The sidecar needs ${micros.toFixed(0)} µs for each message on this machine. If it may use half of a core, it processes ${grouped(ratePerCore(micros))} messages per second.

| Unit of IoT Hub | Messages per day | Messages per second, on average | Share of a core |
|---|---|---|---|
${TIERS.map(({ tier, perDay }) => tierRow(tier, perDay, micros)).join('\n')}

A message counts as one for each started 4 KB ([Microsoft](https://learn.microsoft.com/azure/iot-hub/iot-hub-devguide-quotas-throttling)).

## How far one grows
Each device sends one message of ${VALUES} values per minute. The units are those with the lowest price. Property writes per second count only if the properties are logged.

| Devices | Messages per second | IoT Hub | Sidecars with half of a core | Property writes per second | ThingWorx |
|---|---|---|---|---|---|
${DEVICES.map((devices) => deviceRow(devices, micros)).join('\n')}

PTC says that ThingWorx with PostgreSQL takes up to ${grouped(POSTGRESQL_WRITES_PER_SECOND)} property writes per second
([Data Storage Options](https://support.ptc.com/help/thingworx/platform/r9/en/ThingWorx/Help/ModelandDataBestPractices/data_storage_options.html)), and gives two examples in its sizing guide:
[6,667 writes per second](https://support.ptc.com/help/thingworx/platform/r9/en/ThingWorx/Help/Installation/Sizing/example_1__many_things__few_properties__and_low_write_frequency.html) fit a "small" platform, and
[11,334 writes per second](https://support.ptc.com/help/thingworx/platform/r9/en/ThingWorx/Help/Installation/Sizing/example_2__few_things__few_properties__and_high_write_frequency.html) fit one with PostgreSQL. If you need more, log fewer
properties, send less often, or send only values that have changed.

## Repeat it
| Command | What it does |
|---|---|
| \`npm run bench\` | measures everything in about ten minutes |
| \`npm run bench -- --only drain --rounds 5\` | measures one part |
| \`npm run bench -- --compare scripts/bench/baseline.json\` | also shows what has changed since the stored run |
| \`npm run bench -- --output scripts/bench/baseline.json\`, then \`npm run generate\` | stores a run and writes this page |

Nothing else should run on the machine meanwhile. Compare ratios, not times.
`;
}

function medianOf({ figures }: BenchRun, name: string): number {
  const figure = figures.find((one) => one.name === name);
  if (!figure) throw new Error(`The stored run has no figure "${name}".`);
  return median(figure.values);
}

function isGrowth({ name }: Figure): boolean {
  return name.startsWith(`${GROWTH} `);
}

function growthSection(figures: readonly Figure[]): string {
  if (figures.length === 0) return '';
  return `
## How costs grow
The same work is measured with more and more Things, partitions, dead letters and tasks. A power says how a cost grows with their number: 0 if it stays the same, 1 if it is twice as much with twice as many. Between neighbouring sizes,
the power where the cost grows fastest is shown. Nothing may grow faster than what it works on.

${figuresTable(figures)}
`;
}

function figuresTable(figures: readonly Figure[]): string {
  return `| Figure | Median | Smallest to largest | Budget |
|---|---|---|---|
${figures.map(row).join('\n')}`;
}

function row({ name, values, unit, budget = '' }: Figure): string {
  const spread = values.length > 1 ? `${short(Math.min(...values))} to ${short(Math.max(...values))}` : '';
  return `| ${name} | ${`${short(median(values))} ${unit}`.trim()} | ${spread} | ${budget} |`;
}

function ratePerCore(micros: number): number {
  return rounded((USABLE_SHARE * 1e6) / micros);
}

function tierRow(tier: string, perDay: number, micros: number): string {
  const perSecond = perDay / SECONDS_PER_DAY;
  return `| ${tier} | ${grouped(perDay)} | ${grouped(perSecond)} | ${percent((perSecond * micros) / 1e6)} |`;
}

function deviceRow(devices: number, micros: number): string {
  const perSecond = devices / 60;
  const writes = perSecond * VALUES;
  const platform =
    writes <= POSTGRESQL_WRITES_PER_SECOND
      ? 'one platform with PostgreSQL'
      : 'more than PTC documents for PostgreSQL';
  const sidecars = Math.max(1, Math.ceil((perSecond * micros) / 1e6 / USABLE_SHARE));
  return `| ${grouped(devices)} | ${grouped(perSecond)} | ${unitsFor(perSecond * SECONDS_PER_DAY)} | ${sidecars} | ${grouped(writes)} | ${platform} |`;
}

function unitsFor(perDay: number): string {
  const choices = TIERS.map(({ tier, perDay: quota, cost }) => {
    const units = Math.ceil(perDay / quota);
    return { text: `${units} x ${tier}`, price: units * cost };
  });
  return choices.reduce((best, choice) => (choice.price < best.price ? choice : best)).text;
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? grouped(value) : value.toFixed(2);
}

/** Two digits are as exact as such figures are. */
function rounded(value: number): number {
  return Number(value.toPrecision(2));
}

function percent(share: number): string {
  return share < 0.001 ? 'less than 0.1 %' : `${(share * 100).toFixed(1)} %`;
}

function grouped(value: number): string {
  return value >= 10 ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
}
