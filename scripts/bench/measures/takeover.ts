import type { Sidecar } from '../../local/sidecar.ts';
import { BenchSystem, createSink } from '../bench-system.ts';
import type { Figure } from '../figures.ts';
import type { Sink } from '../sink.ts';

const PARTITIONS = 4;
const TRICKLE_MS = 50;
const TIMEOUT_MS = 60_000;

/** Two sidecars share a hub; one ends. The time until the other has delivered something of every partition that was lost. */
export async function takeover(program: string, rounds: number): Promise<Figure[]> {
  const killed: number[] = [];
  const stopped: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Balancing has a rhythm of a second, and the sharing that is waited for is one of its beats: the ends are spread over it.
    const phaseMs = ((round + 0.5) / rounds) * 1_000;
    killed.push(await oneTakeover(program, phaseMs, (sidecar) => sidecar.kill()));
    stopped.push(await oneTakeover(program, phaseMs, (sidecar) => sidecar.stop()));
  }
  return [
    { name: 'takeover after a kill', values: killed, unit: 's', budget: '<= 10' },
    { name: 'takeover after a graceful stop', values: stopped, unit: 's', budget: '<= 1' },
  ];
}

async function oneTakeover(
  program: string,
  phaseMs: number,
  end: (sidecar: Sidecar) => Promise<void>,
): Promise<number> {
  const system = new BenchSystem(program);
  const trickle = new AbortController();
  let trickling: Promise<void> | undefined;
  try {
    await system.start();
    const secrets = { storageConnectionString: await system.storage() };
    const other = createSink();
    const ending = await system.startSidecar({}, { secrets });
    await system.startSidecar({}, { secrets, sink: other });
    trickling = feed(system, trickle.signal);
    await until(() => half(system.sink) && half(other));
    await new Promise((resolve) => setTimeout(resolve, phaseMs));
    const endedAt = Date.now();
    const ended = end(ending);
    await until(
      () => [...other.facts().arrivalsMs.values()].filter((at) => at > endedAt).length === PARTITIONS,
    );
    const seconds = (Date.now() - endedAt) / 1000;
    await ended;
    return seconds;
  } finally {
    trickle.abort();
    await trickling;
    await system.stop();
  }
}

/** Whether a sink has got something of exactly half the partitions in the last second. */
function half(sink: Sink): boolean {
  const since = Date.now() - 1_000;
  return [...sink.facts().arrivalsMs.values()].filter((at) => at > since).length === PARTITIONS / 2;
}

/** Messages of a hundred devices, so of all partitions, until the signal. */
async function feed(system: BenchSystem, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await system.preload(100);
    await new Promise((resolve) => setTimeout(resolve, TRICKLE_MS));
  }
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + TIMEOUT_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error('The sidecars did not share the partitions in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
