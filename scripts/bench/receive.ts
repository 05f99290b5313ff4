import path from 'node:path';
import { parseArgs } from 'node:util';
import { jsonLine, LocalProcess } from '../local/process.ts';
import { preload, runLoop } from './loop.ts';

/**
 * What receiving alone costs: the sidecar's event source with each receiver against the SDK's bare receive loop, in turns, each in a process of its
 * own, over the same preloaded events of an emulated hub.
 *
 *     node scripts/bench/receive.ts [--messages 200000] [--rounds 3]
 */
const { values } = parseArgs({
  options: { messages: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '3' } },
});
const messages = Number(values.messages);

interface Result {
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** A script and what it is told beside the connection and the number of messages. */
const LOOPS = [['bare-loop.ts'], ['source-loop.ts', 'sdk'], ['source-loop.ts', 'own']] as const;

const hub = new LocalProcess({
  name: 'The IoT Hub emulator',
  args: [path.join(import.meta.dirname, '..', '..', 'test', 'emulators', 'iothub', 'main.ts')],
  ready: jsonLine,
});
try {
  const facts = (await hub.start()) as Record<string, string>;
  await preload(String(facts['controlUrl']), messages);
  const results: Result[][] = LOOPS.map(() => []);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [index, [script, ...more]] of LOOPS.entries()) {
      const args = [String(facts['eventHubConnectionString']), String(messages), ...more];
      results[index]?.push(await runLoop<Result>(script, args, facts));
    }
  }
  const [bare = 0, ...sources] = LOOPS.map((loop, index) => report(loop.join(' '), results[index] ?? []));
  const ratios = sources.map((own) => (own / bare).toFixed(2));
  console.log(
    `CPU per message, event source to bare loop: ${ratios.join(' (SDK receiver), ')} (own receiver)`,
  );
} finally {
  await hub.stop();
}

/** Prints the medians of one loop; returns the CPU time per message in microseconds. */
function report(loop: string, results: readonly Result[]): number {
  const median = (pick: (result: Result) => number): number =>
    results.map(pick).sort((a, b) => a - b)[Math.floor(results.length / 2)] ?? Number.NaN;
  const cpu = median(({ cpuSeconds, events }) => (cpuSeconds / events) * 1e6);
  const rate = median(({ events, seconds }) => events / seconds);
  const rss = median(({ rssBytes }) => rssBytes / 1e6);
  console.log(
    `${loop}: ${cpu.toFixed(1)} us CPU per message, ${Math.round(rate)} messages/s, ${Math.round(rss)} MB`,
  );
  return cpu;
}
