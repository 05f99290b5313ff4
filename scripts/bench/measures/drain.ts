import { BenchSystem } from '../bench-system.ts';
import type { Figure } from '../figures.ts';

interface Samples {
  readonly micros: number[];
  readonly rate: number[];
  readonly calls: number[];
  readonly megabytes: number[];
}

const noSamples = (): Samples => ({ micros: [], rate: [], calls: [], megabytes: [] });

/**
 * Drains preloaded messages, the SDK's bare loop and a sidecar with each receiver in turns; all are measured from their first message on.
 */
export async function drain(
  program: string,
  messages: number,
  rounds: number,
  receivers: readonly string[] = ['own'],
): Promise<Figure[]> {
  const system = new BenchSystem(program);
  const bare = noSamples();
  const sidecars = new Map(receivers.map((receiver) => [receiver, noSamples()]));
  try {
    await system.start();
    await system.preload(messages);
    for (let round = 0; round < rounds; round += 1) {
      const loop = await system.bareLoop(messages);
      bare.micros.push((loop.cpuSeconds / loop.events) * 1e6);
      bare.rate.push(loop.events / loop.seconds);
      bare.megabytes.push(loop.rssBytes / 1e6);
      for (const [receiver, samples] of sidecars) await drainOnce(system, messages, receiver, samples);
    }
  } finally {
    await system.stop();
  }
  return [
    { name: 'bare SDK loop: CPU per message', values: bare.micros, unit: 'µs' },
    { name: 'bare SDK loop: throughput', values: bare.rate, unit: 'msg/s' },
    { name: 'bare SDK loop: memory after the drain', values: bare.megabytes, unit: 'MB' },
    ...[...sidecars].flatMap(([receiver, samples]) => figures(receiver, samples, bare)),
  ];
}

async function drainOnce(system: BenchSystem, messages: number, receiver: string, samples: Samples) {
  system.sink.reset();
  const sidecar = await system.startSidecar({}, { environment: { SIDECAR_EVENT_RECEIVER: receiver } });
  await system.untilRows(1);
  const startedAt = performance.now();
  const before = await system.facts(sidecar);
  const rest = messages - system.sink.facts().rows;
  await system.untilRows(messages);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await system.facts(sidecar);
  samples.micros.push(((after.cpuSeconds - before.cpuSeconds) / rest) * 1e6);
  samples.rate.push(rest / seconds);
  samples.calls.push((system.sink.facts().calls / messages) * 1000);
  samples.megabytes.push(after.rssBytes / 1e6);
  await system.stopSidecars();
}

function figures(receiver: string, { micros, rate, calls, megabytes }: Samples, bare: Samples): Figure[] {
  const note = receiver === 'own' ? '' : ", with the SDK's receiver";
  const ratios = (a: readonly number[], b: readonly number[]) =>
    a.map((value, index) => value / (b[index] ?? Number.NaN));
  return [
    { name: `sidecar: CPU per message${note}`, values: micros, unit: 'µs' },
    {
      name: `CPU per message, sidecar / bare loop${note}`,
      values: ratios(micros, bare.micros),
      unit: 'x',
      budget: '<= 1.0',
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
