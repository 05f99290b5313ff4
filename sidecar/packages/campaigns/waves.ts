import { ConnectorError } from '../../errors/connector-error.ts';
import type { DeviceCounts, WaveState } from './types.ts';

/** How many devices of a campaign belong to a wave and the waves before it: a number, or a percentage of all. */
export type WaveSize = { readonly devices: number } | { readonly percent: number };

/** A wave: a range of the list of devices. */
export interface Wave {
  /** The index of the first device. */
  readonly from: number;
  /** The index after the last device. */
  readonly to: number;
  readonly state: WaveState;
  readonly counts: DeviceCounts;
  readonly beganAtMs?: number;
  readonly endedAtMs?: number;
  /** Whether enough devices have finished for the next wave to begin. */
  readonly isDone: boolean;
  /** Whether ResumeCampaign was called to begin the next wave. */
  readonly isReleased: boolean;
}

const MAX_WAVES = 50;
const EXPECTED =
  'expected numbers of devices or percentages, separated by commas, each of which says how many devices the campaign has reached at the end of the wave, such as 1, 10 %, 100 %';

/** Reads sizes such as `1, 10 %, 100 %`. @throws ConnectorError REQUEST_INVALID */
export function waveSizes(text: string): WaveSize[] {
  const refuse = (reason: string) => new ConnectorError('REQUEST_INVALID', `waves: ${reason}; ${EXPECTED}.`);
  const sizes = text.split(/[,;]/).map((part): WaveSize => {
    const [, number = '', percent] = /^\s*(\d{1,9}(?:\.\d{1,3})?)\s*(%?)\s*$/.exec(part) ?? [];
    const value = Number(number);
    if (percent === '%' && value > 0 && value <= 100) return { percent: value };
    if (percent === '' && Number.isInteger(value) && value > 0) return { devices: value };
    throw refuse(`"${part.trim().slice(0, 40)}" is not a size`);
  });
  if (sizes.length > MAX_WAVES) throw refuse(`${sizes.length} waves are too many, at most ${MAX_WAVES}`);
  const last = sizes.at(-1);
  if (!last || !('percent' in last) || last.percent !== 100)
    throw refuse('the last wave must be 100 %, so that each device belongs to a wave');
  for (const unit of ['percent', 'devices'] as const) {
    const values = sizes.flatMap((size) =>
      unit in size ? [(size as Record<string, number>)[unit] ?? 0] : [],
    );
    if (values.some((value, index) => index > 0 && value <= (values[index - 1] ?? 0)))
      throw refuse('each size must be larger than the one before');
  }
  return sizes;
}

/** The waves for a number of devices. A size that adds no device makes no wave. */
export function plannedWaves(sizes: readonly WaveSize[], devices: number): Wave[] {
  const waves: Wave[] = [];
  let from = 0;
  for (const size of sizes) {
    const wanted = 'devices' in size ? size.devices : Math.ceil((size.percent * devices) / 100 - 1e-9);
    const to = Math.min(wanted, devices);
    if (to <= from) continue;
    waves.push({ from, to, state: 'waiting', counts: {}, isDone: false, isReleased: false });
    from = to;
  }
  return waves;
}

/** Whether so many devices have failed that the threshold cannot be reached any more. */
export function isMissed(counts: DeviceCounts, successPercent: number): boolean {
  const { failed = 0 } = counts;
  const all = countable(counts);
  return failed > 0 && (all - failed) * 100 < successPercent * all;
}

/**
 * Whether the threshold is reached: each device has finished or waits, and enough of the finished ones have installed the package. A waiting
 * device does not count until its time limit ends. A wave in which no device has finished is not passed while a device waits.
 */
export function isPassed(counts: DeviceCounts, successPercent: number): boolean {
  const { installed = 0, failed = 0, waiting = 0 } = counts;
  if (!isQuiet(counts)) return false;
  if (installed + failed === 0) return waiting === 0;
  return installed * 100 >= successPercent * (installed + failed);
}

/** Whether each device has finished or waits. */
export function isQuiet({ pending = 0, deploying = 0 }: DeviceCounts): boolean {
  return pending + deploying === 0;
}

/** The devices that count for the threshold. */
function countable({
  pending = 0,
  waiting = 0,
  deploying = 0,
  installed = 0,
  failed = 0,
}: DeviceCounts): number {
  return pending + waiting + deploying + installed + failed;
}
