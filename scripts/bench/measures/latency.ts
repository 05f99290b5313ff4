import { BenchSystem } from '../bench-system.ts';
import { type Figure, quantile } from '../figures.ts';

const SECONDS = 15;
const TICKS_PER_SECOND = 50;
const MESSAGES_PER_TICK = 20;

/** 1,000 messages a second: from the time the message was made to its arrival at ThingWorx. */
export async function latency(program: string): Promise<Figure[]> {
  const system = new BenchSystem(program);
  try {
    await system.start();
    await system.startSidecar();
    await system.preload(100);
    await system.untilRows(100);
    system.sink.reset();
    system.sink.measureLatency = true;
    for (let tick = 0; tick < SECONDS * TICKS_PER_SECOND; tick += 1) {
      const next = performance.now() + 1_000 / TICKS_PER_SECOND;
      await system.preload(MESSAGES_PER_TICK, true);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    }
    await system.untilRows(SECONDS * TICKS_PER_SECOND * MESSAGES_PER_TICK);
    const { latenciesMs, calls } = system.sink.facts();
    const made = (name: string, fraction: number, budget: string): Figure => ({
      name: `made to delivered at 1,000 msg/s, ${name}`,
      values: [quantile(latenciesMs, fraction)],
      unit: 'ms',
      budget,
    });
    return [
      made('p50', 0.5, '<= 100'),
      made('p99', 0.99, '<= 500'),
      { name: 'calls per 1,000 messages at 1,000 msg/s', values: [calls / SECONDS], unit: '' },
    ];
  } finally {
    await system.stop();
  }
}
