import { BenchSystem } from '../bench-system.ts';
import type { Figure } from '../figures.ts';

/** From the start of the process until the hub is read. */
export async function start(program: string, rounds: number): Promise<Figure[]> {
  const system = new BenchSystem(program);
  const ready: number[] = [];
  try {
    await system.start();
    for (let round = 0; round < rounds; round += 1) {
      const startedAt = performance.now();
      const sidecar = await system.startSidecar();
      while ((await fetch(`${sidecar.url}/health/ready`)).status !== 200)
        await new Promise((resolve) => setTimeout(resolve, 20));
      ready.push((performance.now() - startedAt) / 1000);
      await system.stopSidecars();
    }
  } finally {
    await system.stop();
  }
  return [{ name: 'start to ready, hub connected', values: ready, unit: 's', budget: '<= 2' }];
}
