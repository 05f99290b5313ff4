import { BenchSystem } from '../bench-system.ts';
import type { Figure } from '../figures.ts';

const HUBS = 10;
/** Longer than the half minute after which partitions without messages count as quiet. */
const SETTLE_SECONDS = 40;
const SECONDS = 30;

/** Ten hub Things whose devices send nothing: what their connections, leases, lag and status cost. */
export async function idle(program: string): Promise<Figure[]> {
  const system = new BenchSystem(program, { hubs: HUBS });
  try {
    await system.start();
    const sidecar = await system.startSidecar();
    await untilReady(sidecar.url);
    await seconds(SETTLE_SECONDS);
    system.sink.reset();
    const before = await system.facts(sidecar);
    const startedAt = performance.now();
    await seconds(SECONDS);
    const after = await system.facts(sidecar);
    const wallSeconds = (performance.now() - startedAt) / 1000;
    const share = ((after.cpuSeconds - before.cpuSeconds) / wallSeconds) * 100;
    return [
      { name: `${HUBS} idle hub Things, share of a core`, values: [share], unit: '%', budget: '<= 3' },
      {
        name: `${HUBS} idle hub Things, memory`,
        values: [after.rssBytes / 1e6],
        unit: 'MB',
        budget: '<= 300',
      },
    ];
  } finally {
    await system.stop();
  }
}

async function untilReady(url: string): Promise<void> {
  const end = Date.now() + 60_000;
  while ((await fetch(`${url}/health/ready`)).status !== 200) {
    if (Date.now() > end) throw new Error('The sidecar was not ready in time.');
    await seconds(0.1);
  }
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
