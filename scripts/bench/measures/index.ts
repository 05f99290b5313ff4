import type { Figure } from '../figures.ts';
import type { MeasureName } from '../measure-names.ts';
import { partitions, things } from './backlogs.ts';
import { drain, receivers } from './drain.ts';
import { emulator } from './emulator.ts';
import { files } from './files.ts';
import { group } from './group.ts';
import { idle } from './idle.ts';
import { importing } from './import.ts';
import { latency } from './latency.ts';
import { containers, letters } from './letters.ts';
import { backlog, slow } from './memory.ts';
import { shapes } from './shapes.ts';
import { start } from './start.ts';
import { takeover } from './takeover.ts';
import { tasks } from './tasks.ts';

export interface MeasureOptions {
  /** Path of the bundled sidecar. */
  readonly program: string;
  /** In the backlog of a measure. */
  readonly messages: number;
  readonly rounds: number;
  /** Size of the file that `files` measures. */
  readonly mebibytes: number;
  /** Sizes of the registries that `import` measures. */
  readonly devices: readonly number[];
  /** Tier of the IoT Hub whose rates `import` keeps. */
  readonly tier: string;
}

/** All measures by name. Each runs when it is called. */
export function measuresOf(options: MeasureOptions): Readonly<Record<MeasureName, () => Promise<Figure[]>>> {
  const { program, messages, rounds, mebibytes, devices, tier } = options;
  return {
    drain: () => drain(program, messages, rounds),
    backlog: () => backlog(program),
    slow: () => slow(program),
    shapes: () => shapes(program),
    things: () => things(program),
    partitions: () => partitions(program),
    letters,
    tasks,
    latency: () => latency(program),
    start: () => start(program, rounds),
    takeover: () => takeover(program, rounds),
    idle: () => idle(program),
    receivers: () => receivers(program, messages, rounds),
    group: () => group(program, messages),
    emulator: () => emulator(messages, rounds),
    import: () => importing(devices, tier),
    files: () => files(mebibytes, rounds),
    containers,
  };
}
