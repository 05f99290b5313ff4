import { ThingworxClient } from '../../../sidecar/thingworx/client.ts';
import { ThingDefinitions } from '../../../sidecar/thingworx/definitions.ts';
import { LastTimes } from '../../../sidecar/translate/distinct-times.ts';
import { createSink } from '../bench-system.ts';
import { drainShape } from '../drained-shape.ts';
import type { Figure } from '../figures.ts';
import { addedFigure, type Cost, powerFigure, usedBytes } from '../growth.ts';
import { TEN_PROPERTIES } from '../shapes.ts';

/** With the largest, each message of the backlog is of another Thing. */
const THINGS = [1_000, 10_000, 100_000];
const PARTITIONS = [4, 8, 32];
const { name: SHAPE } = TEN_PROPERTIES;

/** The same backlog of more and more Things: what the sidecar keeps of each of them, and what it needs to know about them. */
export async function things(program: string): Promise<Figure[]> {
  const runs = [];
  for (const devices of THINGS)
    runs.push({ size: devices, ...(await drainShape(program, TEN_PROPERTIES, { devices })) });
  const memory = runs.map(({ size, megabytes }) => ({ size, cost: megabytes }));
  const processor = runs.map(({ size, cpuSeconds }) => ({ size, cost: cpuSeconds }));
  const describes = runs.at(-1)?.describesPerThousand ?? Number.NaN;
  return [
    ...memory.map(({ size, cost }) => ({
      name: `${SHAPE}, ${size} Things: memory, highest`,
      values: [cost],
      unit: 'MB',
      budget: '<= 300',
    })),
    {
      name: `${SHAPE}, ${THINGS.at(-1)} Things: calls of DescribeThings per 1,000 messages`,
      values: [describes],
      unit: '',
    },
    powerFigure('Things', 'memory', memory),
    addedFigure('Things', 'what is kept of each', await keptBytes(), 'bytes'),
    powerFigure('Things', 'CPU time', processor),
  ];
}

/** What the definitions and the last times of so many Things take in memory. */
async function keptBytes(): Promise<Cost[]> {
  const sink = createSink(TEN_PROPERTIES);
  const client = new ThingworxClient({ url: await sink.start(), appKey: 'bench' });
  const definitions = new ThingDefinitions({ client, hubThing: 'bench' });
  const lastTimes = new LastTimes();
  const properties = Object.keys(TEN_PROPERTIES.properties);
  const row = { quality: 'GOOD', properties, baseTypes: [], values: properties.map(() => 0) } as const;
  const costs: Cost[] = [];
  try {
    let known = 0;
    for (const size of THINGS) {
      const names = Array.from({ length: size - known }, (_, index) => `device-${known + index}`);
      known = size;
      await definitions.load(names);
      const timeMs = Date.now();
      for (const thing of names) lastTimes.arrange([{ ...row, thing, timeMs }]);
      names.length = 0;
      costs.push({ size, cost: await usedBytes() });
    }
    if (!definitions.get(`device-${known - 1}`) || lastTimes.size !== known)
      throw new Error(`The sidecar remembers ${lastTimes.size} of ${known} Things.`);
    return costs;
  } finally {
    await client.close();
    await sink.stop();
  }
}

/** The same backlog in more and more partitions. */
export async function partitions(program: string): Promise<Figure[]> {
  const runs = [];
  for (const size of PARTITIONS)
    runs.push({ size, ...(await drainShape(program, TEN_PROPERTIES, { partitions: size })) });
  const memory = runs.map(({ size, megabytes }) => ({ size, cost: megabytes }));
  const processor = runs.map(({ size, cpuSeconds }) => ({ size, cost: cpuSeconds }));
  return [
    powerFigure('partitions', 'memory', memory),
    addedFigure('partitions', 'memory of each', memory, 'MB'),
    powerFigure('partitions', 'CPU time', processor),
  ];
}
