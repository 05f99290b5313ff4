import { BenchSystem } from './bench-system.ts';
import type { Shape } from './shapes.ts';

/** Values in the backlog of one shape, and the most messages of it. */
const VALUES = 1_000_000;
const MAX_MESSAGES = 100_000;
const SAMPLE_EVERY_MS = 200;
/** Bodies of calls that are kept for Rhino. */
const KEPT_BODIES = 30;

/** What a sidecar needed for a backlog of one shape of message. */
interface DrainedShape {
  readonly callsPerThousand: number;
  readonly describesPerThousand: number;
  readonly bytesPerValue: number;
  readonly microsPerValue: number;
  readonly cpuSeconds: number;
  readonly megabytes: number;
  readonly bodies: readonly string[];
}

export async function drainShape(
  program: string,
  shape: Shape,
  { partitions = 4, devices = 100 } = {},
): Promise<DrainedShape> {
  const system = new BenchSystem(program, { partitions, shape, devices });
  const messages = Math.min(MAX_MESSAGES, VALUES / shape.valuesPerMessage);
  const rows = messages * shape.rowsPerMessage;
  try {
    await system.start();
    await system.preload(messages);
    system.sink.keptBodies = KEPT_BODIES;
    const sidecar = await system.startSidecar();
    let megabytes = 0;
    const watched = system.untilRows(rows).then(() => true);
    for (let isOver = false; !isOver; ) {
      megabytes = Math.max(megabytes, (await system.facts(sidecar)).rssBytes / 1e6);
      const pause = new Promise<false>((resolve) => setTimeout(() => resolve(false), SAMPLE_EVERY_MS));
      isOver = await Promise.race([watched, pause]);
    }
    const { cpuSeconds, rssBytes } = await system.facts(sidecar);
    const { calls, describes, values, bodyBytes, bodies } = system.sink.facts();
    return {
      describesPerThousand: (describes / messages) * 1_000,
      callsPerThousand: (calls / messages) * 1_000,
      bytesPerValue: bodyBytes / values,
      microsPerValue: (cpuSeconds / values) * 1e6,
      cpuSeconds,
      megabytes: Math.max(megabytes, rssBytes / 1e6),
      bodies,
    };
  } finally {
    await system.stop();
  }
}
