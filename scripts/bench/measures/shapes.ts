import { handWritten } from '../../../extension/generate/scripts.ts';
import { runInRhino } from '../../rhino-check.ts';
import { drainShape } from '../drained-shape.ts';
import type { Figure } from '../figures.ts';
import { SHAPES } from '../shapes.ts';

const PARTITIONS = [4, 32];

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
  return figures;
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
