import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Stage } from './bench/stage.ts';
import { buildPackage } from './build.ts';
import { extractFolder } from './local/unzip.ts';

/**
 * npm run bench -- [--messages N] [--rounds N] [--only drain,slow,latency,start]: the budgets of the design, measured on preloaded
 * partitions against a bare receive loop of Microsoft's SDK in the same run. Prints a table and, as the last line, JSON.
 */
const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'drain,slow,latency,start' },
  },
});
const messages = Number(values.messages);
const rounds = Number(values.rounds);
const wanted = new Set(values.only.split(','));

interface Figure {
  readonly name: string;
  readonly values: readonly number[];
  readonly unit: string;
  readonly budget?: string;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function quantile(numbers: readonly number[], fraction: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

/** Drains the preloaded messages, bare loop and sidecar in turns. */
async function drain(program: string): Promise<Figure[]> {
  const stage = new Stage();
  await stage.start(program);
  const bareMicros: number[] = [];
  const bareRate: number[] = [];
  const micros: number[] = [];
  const rate: number[] = [];
  const calls: number[] = [];
  const rss: number[] = [];
  try {
    await stage.preload(messages);
    for (let round = 0; round < rounds; round += 1) {
      const bare = await stage.bareLoop(messages);
      bareMicros.push((bare.cpuSeconds / bare.events) * 1e6);
      bareRate.push(bare.events / bare.seconds);
      stage.sink.reset();
      const sidecar = await stage.startSidecar();
      const before = await stage.facts(sidecar);
      await stage.untilRows(1);
      const startedAt = performance.now();
      await stage.untilRows(messages);
      const seconds = (performance.now() - startedAt) / 1000;
      const after = await stage.facts(sidecar);
      micros.push(((after.cpuSeconds - before.cpuSeconds) / messages) * 1e6);
      rate.push(messages / seconds);
      calls.push((stage.sink.facts().calls / messages) * 1000);
      rss.push(after.rssBytes / 1e6);
      await stage.stopSidecars();
    }
  } finally {
    await stage.stop();
  }
  const pairs = (a: readonly number[], b: readonly number[]) =>
    a.map((value, index) => value / (b[index] ?? Number.NaN));
  return [
    { name: 'bare SDK loop: CPU per message', values: bareMicros, unit: 'µs' },
    { name: 'sidecar: CPU per message, connecting included', values: micros, unit: 'µs' },
    {
      name: 'CPU per message, sidecar / bare loop',
      values: pairs(micros, bareMicros),
      unit: 'x',
      budget: '<= 1.25',
    },
    { name: 'bare SDK loop: throughput', values: bareRate, unit: 'msg/s' },
    { name: 'sidecar: throughput', values: rate, unit: 'msg/s' },
    { name: 'throughput, sidecar / bare loop', values: pairs(rate, bareRate), unit: 'x', budget: '>= 1' },
    { name: 'calls to ThingWorx per 1,000 messages', values: calls, unit: '', budget: '<= 5' },
    { name: 'sidecar: memory after the drain', values: rss, unit: 'MB', budget: '<= 300' },
  ];
}

/** A backlog of 200,000 messages against a ThingWorx that takes two seconds for each call: memory must stay flat. */
async function slow(program: string): Promise<Figure[]> {
  const stage = new Stage();
  await stage.start(program);
  const samples: number[] = [];
  try {
    await stage.preload(200_000);
    stage.sink.delayMs = 2_000;
    const sidecar = await stage.startSidecar();
    await stage.untilRows(1);
    for (let sample = 0; sample < 40; sample += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      samples.push((await stage.facts(sidecar)).rssBytes / 1e6);
    }
  } finally {
    await stage.stop();
  }
  const early = median(samples.slice(5, 15));
  const late = median(samples.slice(-10));
  return [
    {
      name: 'memory while ThingWorx is slow, highest',
      values: [Math.max(...samples)],
      unit: 'MB',
      budget: '<= 300',
    },
    {
      name: 'memory while ThingWorx is slow, late / early',
      values: [late / early],
      unit: 'x',
      budget: 'flat',
    },
  ];
}

/** 1,000 messages a second: from the time the message was made to its arrival at ThingWorx. */
async function latency(program: string): Promise<Figure[]> {
  const stage = new Stage();
  await stage.start(program);
  try {
    await stage.startSidecar();
    await stage.preload(100);
    await stage.untilRows(100);
    stage.sink.reset();
    stage.sink.measureLatency = true;
    const seconds = 15;
    for (let tick = 0; tick < seconds * 50; tick += 1) {
      const next = performance.now() + 20;
      await stage.preload(20, true);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    }
    await stage.untilRows(seconds * 1_000);
    const { latenciesMs, calls } = stage.sink.facts();
    return [
      {
        name: 'made to delivered at 1,000 msg/s, p50',
        values: [quantile(latenciesMs, 0.5)],
        unit: 'ms',
        budget: '<= 100',
      },
      {
        name: 'made to delivered at 1,000 msg/s, p99',
        values: [quantile(latenciesMs, 0.99)],
        unit: 'ms',
        budget: '<= 500',
      },
      { name: 'calls per 1,000 messages at 1,000 msg/s', values: [calls / seconds], unit: '' },
    ];
  } finally {
    await stage.stop();
  }
}

/** From the start of the process until it listens, and until the hub is read. */
async function start(program: string): Promise<Figure[]> {
  const stage = new Stage();
  await stage.start(program);
  const ready: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const startedAt = performance.now();
      const sidecar = await stage.startSidecar();
      while ((await fetch(`${sidecar.url}/health/ready`)).status !== 200)
        await new Promise((resolve) => setTimeout(resolve, 20));
      ready.push((performance.now() - startedAt) / 1000);
      await stage.stopSidecars();
    }
  } finally {
    await stage.stop();
  }
  return [{ name: 'start to ready, hub connected', values: ready, unit: 's', budget: '<= 2' }];
}

const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-bench-build-'));
try {
  const zip = await buildPackage({ outputDirectory: directory });
  await extractFolder(zip, 'ui/AzureIotHubConnector/sidecar/', directory);
  const program = path.join(directory, 'sidecar.mjs');
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries({ drain, slow, latency, start })) {
    if (wanted.has(name)) figures.push(...(await measure(program)));
  }
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; ${messages} messages, ${rounds} rounds; medians`,
  );
  const width = Math.max(...figures.map(({ name }) => name.length));
  const show = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
  for (const { name, values, unit, budget } of figures) {
    const spread =
      values.length > 1 ? `  (${show(Math.min(...values))} to ${show(Math.max(...values))})` : '';
    console.log(
      `${name.padEnd(width)}  ${show(median(values))} ${unit}${spread}${budget ? `  budget ${budget}` : ''}`,
    );
  }
  console.log(JSON.stringify({ node: process.version, messages, rounds, figures }));
} finally {
  await rm(directory, { recursive: true, force: true });
}
