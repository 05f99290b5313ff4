import { BenchSystem } from '../bench-system.ts';
import { type Figure, quantile } from '../figures.ts';

const SECONDS = 15;
const TICKS_PER_SECOND = 50;
/** Messages per second. The budgets of the design are those of the second. */
const RATES = [100, 1_000, 5_000];
const BUDGETED_RATE = 1_000;

/** Messages at steady rates: from the time the message was made to its arrival at ThingWorx. */
export async function latency(program: string): Promise<Figure[]> {
  const system = new BenchSystem(program);
  try {
    await system.start();
    await system.startSidecar();
    await system.preload(100);
    await system.untilRows(100);
    system.sink.measureLatency = true;
    const figures: Figure[] = [];
    for (const rate of RATES) figures.push(...(await atRate(system, rate)));
    return figures;
  } finally {
    await system.stop();
  }
}

async function atRate(system: BenchSystem, rate: number): Promise<Figure[]> {
  system.sink.reset();
  for (let tick = 0; tick < SECONDS * TICKS_PER_SECOND; tick += 1) {
    const next = performance.now() + 1_000 / TICKS_PER_SECOND;
    await system.preload(rate / TICKS_PER_SECOND, true);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  const messages = SECONDS * rate;
  await system.untilRows(messages);
  const { latenciesMs, calls } = system.sink.facts();
  const of = `at ${rate.toLocaleString('en')} msg/s`;
  const made = (name: string, fraction: number, budget: string): Figure => ({
    name: `made to delivered ${of}, ${name}`,
    values: [quantile(latenciesMs, fraction)],
    unit: 'ms',
    ...(rate === BUDGETED_RATE ? { budget } : {}),
  });
  return [
    made('p50', 0.5, '<= 100'),
    made('p99', 0.99, '<= 500'),
    {
      name: `calls per 1,000 messages ${of}`,
      values: [(calls / messages) * 1_000],
      unit: '',
      ...(rate === BUDGETED_RATE ? { budget: '<= 40' } : {}),
    },
  ];
}
