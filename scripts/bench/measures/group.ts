import type { Sidecar } from '../../local/sidecar.ts';
import { BenchSystem, createSink } from '../bench-system.ts';
import type { Figure } from '../figures.ts';
import type { Sink } from '../sink.ts';

const PARTITIONS = 32;
const SIZES = [1, 2, 4, 8];
const DEVICES = 1_000;
const TIMEOUT_MS = 600_000;

/** Sidecars that share 32 partitions: how fast they drain a backlog, and how soon they share anew when one is killed or joins. */
export async function group(program: string, messages: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of SIZES) figures.push(...(await oneGroup(program, messages, size)));
  return figures;
}

interface Member {
  readonly sidecar: Sidecar;
  readonly sink: Sink;
}

async function oneGroup(program: string, messages: number, size: number): Promise<Figure[]> {
  const system = new BenchSystem(program, { partitions: PARTITIONS, devices: DEVICES });
  const name = size === 1 ? '1 sidecar' : `${size} sidecars`;
  try {
    await system.start();
    const secrets = { storageConnectionString: await system.storage() };
    const join = async (): Promise<Member> => {
      const sink = createSink();
      return { sidecar: await system.startSidecar({}, { secrets, sink }), sink };
    };
    const members = await Promise.all(Array.from({ length: size }, join));
    await until(() => isShared(members));
    const cpuBefore = await cpuSeconds(system, members);
    const startedAt = performance.now();
    await system.preload(messages);
    await until(async () => members.reduce((rows, { sink }) => rows + sink.facts().rows, 0) >= messages);
    const seconds = (performance.now() - startedAt) / 1000;
    const cpu = (await cpuSeconds(system, members)) - cpuBefore;
    const figures: Figure[] = [
      { name: `${name}, throughput`, values: [messages / seconds], unit: '1/s' },
      { name: `${name}, throughput per core`, values: [messages / cpu], unit: '1/s' },
    ];
    const [first, ...others] = members;
    if (!first || others.length === 0) return figures;
    const killed = await timed(async () => {
      await first.sidecar.kill();
      await until(() => isShared(others));
    });
    const joined = await timed(async () => {
      const all = [...others, await join()];
      await until(() => isShared(all));
    });
    return [
      ...figures,
      { name: `${name}, takeover after a kill`, values: [killed], unit: 's' },
      { name: `${name}, rebalancing when one joins`, values: [joined], unit: 's' },
    ];
  } finally {
    await system.stop();
  }
}

/** Whether the members read all partitions, each as many as the others or one less. */
async function isShared(members: readonly Member[]): Promise<boolean> {
  const shares = await Promise.all(members.map(({ sidecar }) => partitionsOf(sidecar)));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return total === PARTITIONS && Math.max(...shares) - Math.min(...shares) <= 1;
}

async function partitionsOf({ url, token }: Sidecar): Promise<number> {
  const answer = await fetch(`${url}/v1/hubs`, { headers: { authorization: `Bearer ${token}` } });
  const { hubs } = (await answer.json()) as {
    hubs: { sidecar: string; partitions: { owner: string }[] }[];
  };
  return hubs[0]?.partitions.filter(({ owner }) => owner === hubs[0]?.sidecar).length ?? 0;
}

async function cpuSeconds(system: BenchSystem, members: readonly Member[]): Promise<number> {
  const facts = await Promise.all(members.map(({ sidecar }) => system.facts(sidecar)));
  return facts.reduce((sum, fact) => sum + fact.cpuSeconds, 0);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('The sidecars did not get there in time.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
