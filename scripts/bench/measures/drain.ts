import { BenchSystem, createSink } from '../bench-system.ts';
import type { Figure } from '../figures.ts';
import type { Sink } from '../sink.ts';

/** How a sidecar drains: what it receives with, and what it speaks with ThingWorx. */
interface Variant {
  readonly receiver: 'own' | 'sdk';
  readonly isSecure: boolean;
  /** The end of the names of its figures. */
  readonly note: string;
}

const PLAIN: Variant = { receiver: 'own', isSecure: false, note: '' };
const OVER_TLS: Variant = { receiver: 'own', isSecure: true, note: ', over TLS' };
const SDK_RECEIVER: Variant = { receiver: 'sdk', isSecure: false, note: ", with the SDK's receiver" };

interface Samples {
  readonly micros: number[];
  readonly rate: number[];
  readonly calls: number[];
  readonly megabytes: number[];
}

const noSamples = (): Samples => ({ micros: [], rate: [], calls: [], megabytes: [] });

/** Drains with ThingWorx at a plain address and over TLS. */
export async function drain(program: string, messages: number, rounds: number): Promise<Figure[]> {
  const { bare, samples } = await drainInTurns(program, messages, rounds, [PLAIN, OVER_TLS]);
  const plain = samples.get(PLAIN) ?? noSamples();
  const secure = samples.get(OVER_TLS) ?? noSamples();
  return [
    ...bareFigures(bare),
    ...figures(PLAIN, plain, bare),
    { name: `sidecar: CPU per message${OVER_TLS.note}`, values: secure.micros, unit: 'µs' },
    {
      name: 'CPU per message, over TLS / plain',
      values: ratios(secure.micros, plain.micros),
      unit: 'x',
    },
    { name: 'throughput, over TLS / plain', values: ratios(secure.rate, plain.rate), unit: 'x' },
  ];
}

/** Drains with the own receiver and with that of the SDK. */
export async function receivers(program: string, messages: number, rounds: number): Promise<Figure[]> {
  const { bare, samples } = await drainInTurns(program, messages, rounds, [PLAIN, SDK_RECEIVER]);
  return [...bareFigures(bare), ...[...samples].flatMap(([variant, found]) => figures(variant, found, bare))];
}

/**
 * Drains preloaded messages, the SDK's bare loop and a sidecar in each variant in turns; all are measured from their first message on.
 */
async function drainInTurns(
  program: string,
  messages: number,
  rounds: number,
  variants: readonly Variant[],
): Promise<{ bare: Samples; samples: ReadonlyMap<Variant, Samples> }> {
  const system = new BenchSystem(program);
  const secureSink = createSink();
  const bare = noSamples();
  const samples = new Map(variants.map((variant) => [variant, noSamples()]));
  try {
    await system.start();
    await system.preload(messages);
    for (let round = 0; round < rounds; round += 1) {
      const loop = await system.bareLoop(messages);
      bare.micros.push((loop.cpuSeconds / loop.events) * 1e6);
      bare.rate.push(loop.events / loop.seconds);
      bare.megabytes.push(loop.rssBytes / 1e6);
      for (const [variant, found] of samples)
        await drainOnce(system, variant.isSecure ? secureSink : system.sink, messages, variant, found);
    }
  } finally {
    await system.stop();
  }
  return { bare, samples };
}

async function drainOnce(
  system: BenchSystem,
  sink: Sink,
  messages: number,
  { receiver, isSecure }: Variant,
  samples: Samples,
): Promise<void> {
  sink.reset();
  const environment = { SIDECAR_EVENT_RECEIVER: receiver };
  const sidecar = await system.startSidecar({}, { sink, isSecure, environment });
  await system.untilRows(1, sink);
  const startedAt = performance.now();
  const before = await system.facts(sidecar);
  const rest = messages - sink.facts().rows;
  await system.untilRows(messages, sink);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await system.facts(sidecar);
  samples.micros.push(((after.cpuSeconds - before.cpuSeconds) / rest) * 1e6);
  samples.rate.push(rest / seconds);
  samples.calls.push((sink.facts().calls / messages) * 1000);
  samples.megabytes.push(after.rssBytes / 1e6);
  await system.stopSidecars();
}

function bareFigures(bare: Samples): Figure[] {
  return [
    { name: 'bare SDK loop: CPU per message', values: bare.micros, unit: 'µs' },
    { name: 'bare SDK loop: throughput', values: bare.rate, unit: 'msg/s' },
    { name: 'bare SDK loop: memory after the drain', values: bare.megabytes, unit: 'MB' },
  ];
}

function figures({ note }: Variant, { micros, rate, calls, megabytes }: Samples, bare: Samples): Figure[] {
  return [
    { name: `sidecar: CPU per message${note}`, values: micros, unit: 'µs' },
    {
      name: `CPU per message, sidecar / bare loop${note}`,
      values: ratios(micros, bare.micros),
      unit: 'x',
      budget: '<= 0.75',
    },
    { name: `sidecar: throughput${note}`, values: rate, unit: 'msg/s' },
    {
      name: `throughput, sidecar / bare loop${note}`,
      values: ratios(rate, bare.rate),
      unit: 'x',
      budget: '>= 1',
    },
    { name: `calls to ThingWorx per 1,000 messages${note}`, values: calls, unit: '', budget: '<= 5' },
    { name: `sidecar: memory after the drain${note}`, values: megabytes, unit: 'MB', budget: '<= 300' },
  ];
}

/** Of each round. */
function ratios(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, index) => value / (b[index] ?? Number.NaN));
}
