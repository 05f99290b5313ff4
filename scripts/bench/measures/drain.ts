import { BenchSystem } from '../bench-system.ts';
import type { Figure } from '../figures.ts';

/** Drains preloaded messages, the SDK's bare loop and the sidecar in turns; both are measured from their first message on. */
export async function drain(program: string, messages: number, rounds: number): Promise<Figure[]> {
  const system = new BenchSystem(program);
  const bareMicros: number[] = [];
  const bareRate: number[] = [];
  const bareMegabytes: number[] = [];
  const micros: number[] = [];
  const rate: number[] = [];
  const calls: number[] = [];
  const megabytes: number[] = [];
  try {
    await system.start();
    await system.preload(messages);
    for (let round = 0; round < rounds; round += 1) {
      const bare = await system.bareLoop(messages);
      bareMicros.push((bare.cpuSeconds / bare.events) * 1e6);
      bareRate.push(bare.events / bare.seconds);
      bareMegabytes.push(bare.rssBytes / 1e6);
      system.sink.reset();
      const sidecar = await system.startSidecar();
      await system.untilRows(1);
      const startedAt = performance.now();
      const before = await system.facts(sidecar);
      const rest = messages - system.sink.facts().rows;
      await system.untilRows(messages);
      const seconds = (performance.now() - startedAt) / 1000;
      const after = await system.facts(sidecar);
      micros.push(((after.cpuSeconds - before.cpuSeconds) / rest) * 1e6);
      rate.push(rest / seconds);
      calls.push((system.sink.facts().calls / messages) * 1000);
      megabytes.push(after.rssBytes / 1e6);
      await system.stopSidecars();
    }
  } finally {
    await system.stop();
  }
  const ratios = (a: readonly number[], b: readonly number[]) =>
    a.map((value, index) => value / (b[index] ?? Number.NaN));
  return [
    { name: 'bare SDK loop: CPU per message', values: bareMicros, unit: 'µs' },
    { name: 'sidecar: CPU per message', values: micros, unit: 'µs' },
    {
      name: 'CPU per message, sidecar / bare loop',
      values: ratios(micros, bareMicros),
      unit: 'x',
      budget: '<= 1.25, then <= 1.0',
    },
    { name: 'bare SDK loop: throughput', values: bareRate, unit: 'msg/s' },
    { name: 'sidecar: throughput', values: rate, unit: 'msg/s' },
    { name: 'throughput, sidecar / bare loop', values: ratios(rate, bareRate), unit: 'x', budget: '>= 1' },
    { name: 'calls to ThingWorx per 1,000 messages', values: calls, unit: '', budget: '<= 5' },
    { name: 'bare SDK loop: memory after the drain', values: bareMegabytes, unit: 'MB' },
    { name: 'sidecar: memory after the drain', values: megabytes, unit: 'MB', budget: '<= 300' },
  ];
}
