import { handWritten } from '../../../extension/generate/scripts.ts';
import { runInRhino } from '../../rhino-check.ts';
import { BenchSystem } from '../bench-system.ts';
import type { Figure } from '../figures.ts';
import { SHAPES, type Shape, TEN_PROPERTIES } from '../shapes.ts';

/** Values in the backlog of one shape, and the most messages of it. */
const VALUES = 1_000_000;
const MAX_MESSAGES = 100_000;
const PARTITIONS = [4, 32];
/** Each message is of another Thing. */
const THINGS = 100_000;
const SAMPLE_EVERY_MS = 200;
/** Bodies of calls that are kept for Rhino. */
const KEPT_BODIES = 30;

interface Run {
  readonly callsPerThousand: number;
  readonly describesPerThousand: number;
  readonly bytesPerValue: number;
  readonly microsPerValue: number;
  readonly megabytes: number;
  readonly bodies: readonly string[];
}

/** A backlog of each shape of message: calls, bytes on the wire, memory, and the processor time of ThingWorx's scripts in a real Rhino. */
export async function shapes(program: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const shape of SHAPES) {
    for (const partitions of PARTITIONS) {
      const run = await drainShape(program, shape, { partitions });
      const of = `${shape.name}, ${partitions} partitions`;
      const memory = partitions === 4 ? '<= 300' : '<= 400';
      figures.push({ name: `${of}: memory, highest`, values: [run.megabytes], unit: 'MB', budget: memory });
      if (partitions !== 4) continue;
      const isBatch = shape.rowsPerMessage > 1;
      figures.push(
        {
          name: `${of}: calls per 1,000 messages`,
          values: [run.callsPerThousand],
          unit: '',
          budget: isBatch ? '<= 200' : '<= 5',
        },
        {
          name: `${of}: bytes per value`,
          values: [run.bytesPerValue],
          unit: '',
          ...(isBatch ? { budget: '<= 45' } : {}),
        },
        { name: `${of}: sidecar, CPU per value`, values: [run.microsPerValue], unit: 'µs' },
        ...(await rhinoFigures(of, run.bodies, isBatch)),
      );
    }
  }
  const many = await drainShape(program, TEN_PROPERTIES, { devices: THINGS });
  const of = `${TEN_PROPERTIES.name}, ${THINGS} Things`;
  figures.push(
    { name: `${of}: memory, highest`, values: [many.megabytes], unit: 'MB', budget: '<= 300' },
    {
      name: `${of}: calls of DescribeThings per 1,000 messages`,
      values: [many.describesPerThousand],
      unit: '',
    },
  );
  return figures;
}

async function drainShape(
  program: string,
  shape: Shape,
  { partitions = 4, devices = 100 } = {},
): Promise<Run> {
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
      megabytes: Math.max(megabytes, rssBytes / 1e6),
      bodies,
    };
  } finally {
    await system.stop();
  }
}

interface RhinoAnswer {
  readonly version: string;
  readonly microsPerValue: number;
}

/** ReceiveUpdates with bodies that the sidecar has sent, in Rhino with a platform that does nothing. */
async function rhinoFigures(of: string, bodies: readonly string[], isBatch: boolean): Promise<Figure[]> {
  const input = { script: handWritten('ReceiveUpdates'), bodies };
  const result = await runInRhino<RhinoAnswer>('bench/rhino-receive.js', input);
  if (!result.available) {
    console.error(`Rhino is left out: ${result.reason}.`);
    return [];
  }
  return [
    {
      name: `${of}: Rhino, CPU per value`,
      values: [result.output.microsPerValue],
      unit: 'µs',
      ...(isBatch ? { budget: '<= 4' } : {}),
    },
  ];
}
