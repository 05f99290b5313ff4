import { BenchSystem } from '../bench-system.ts';
import { type Figure, median } from '../figures.ts';

const BACKLOG = 1_000_000;
const WAITING = 200_000;
const SLOW_ANSWER_MS = 2_000;
const SLOW_SECONDS = 60;

/** A backlog of a million messages is drained: memory, every second, must stay flat. */
export async function backlog(program: string): Promise<Figure[]> {
  return await watched(
    program,
    'draining a million messages',
    BACKLOG,
    (system) => system.sink.facts().rows >= BACKLOG,
  );
}

/** 200,000 messages wait while ThingWorx takes two seconds for each call: memory must stay flat. */
export async function slow(program: string): Promise<Figure[]> {
  return await watched(program, 'ThingWorx answers slowly', WAITING, (system, seconds) => {
    system.sink.delayMs = SLOW_ANSWER_MS;
    return seconds >= SLOW_SECONDS;
  });
}

async function watched(
  program: string,
  what: string,
  messages: number,
  isOver: (system: BenchSystem, seconds: number) => boolean,
): Promise<Figure[]> {
  const system = new BenchSystem(program);
  const samples: number[] = [];
  try {
    await system.start();
    await system.preload(messages);
    isOver(system, 0);
    const sidecar = await system.startSidecar();
    await system.untilRows(1);
    for (let seconds = 1; !isOver(system, seconds) && seconds < 300; seconds += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      samples.push((await system.facts(sidecar)).rssBytes / 1e6);
    }
  } finally {
    await system.stop();
  }
  const third = Math.ceil(samples.length / 3);
  const flatness = median(samples.slice(-third)) / median(samples.slice(third, 2 * third));
  return [
    { name: `memory while ${what}, highest`, values: [Math.max(...samples)], unit: 'MB', budget: '<= 300' },
    { name: `memory while ${what}, last / middle third`, values: [flatness], unit: 'x', budget: 'flat' },
  ];
}
