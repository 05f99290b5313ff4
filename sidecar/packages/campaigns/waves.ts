import { ConnectorError } from '../../errors/connector-error.ts';
import type { DeviceCounts, WaveState } from './types.ts';

/** How many devices of a campaign are reached when a wave ends: a number of them, or a share. */
export type WaveSize = { readonly devices: number } | { readonly percent: number };

/** A wave: the devices from one place in the list up to another. */
export interface Wave {
  readonly from: number;
  readonly to: number;
  readonly state: WaveState;
  readonly counts: DeviceCounts;
  readonly beganAtMs?: number;
  readonly endedAtMs?: number;
  /** Whether the next wave may begin. */
  readonly isDone: boolean;
  /** Whether ResumeCampaign has let the next one begin. */
  readonly isReleased: boolean;
}

const MAX_WAVES = 50;
const EXPECTED =
  'expected numbers of devices or percentages, separated by commas, each of which says how many devices are reached when the wave ends, such as 1, 10 %, 100 %';

/** Reads sizes such as `1, 10 %, 100 %`. @throws ConnectorError REQUEST_INVALID */
export function waveSizes(text: string): WaveSize[] {
  const refuse = (reason: string) => new ConnectorError('REQUEST_INVALID', `waves: ${reason}; ${EXPECTED}.`);
  const sizes = text.split(/[,;]/).map((part): WaveSize => {
    const [, number = '', percent] = /^\s*(\d{1,9}(?:\.\d{1,3})?)\s*(%?)\s*$/.exec(part) ?? [];
    const value = Number(number);
    if (percent === '%' && value > 0 && value <= 100) return { percent: value };
    if (percent === '' && Number.isInteger(value) && value > 0) return { devices: value };
    throw refuse(`"${part.trim().slice(0, 40)}" is no size`);
  });
  if (sizes.length > MAX_WAVES) throw refuse(`${sizes.length} waves are too many, at most ${MAX_WAVES}`);
  const last = sizes.at(-1);
  if (!last || !('percent' in last) || last.percent !== 100)
    throw refuse('the last wave must be 100 %, so that each device has its wave');
  for (const unit of ['percent', 'devices'] as const) {
    const values = sizes.flatMap((size) =>
      unit in size ? [(size as Record<string, number>)[unit] ?? 0] : [],
    );
    if (values.some((value, index) => index > 0 && value <= (values[index - 1] ?? 0)))
      throw refuse('the sizes must grow');
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
 * Whether the threshold is reached: no device is at work any more or has not begun, and enough of those that have ended have installed the
 * package. Devices that wait do not count until their time is over; a wave of which none has ended waits for one.
 */
export function isPassed(counts: DeviceCounts, successPercent: number): boolean {
  const { installed = 0, failed = 0, waiting = 0 } = counts;
  if (!isQuiet(counts)) return false;
  if (installed + failed === 0) return waiting === 0;
  return installed * 100 >= successPercent * (installed + failed);
}

/** Whether no device is at work or has still to begin. */
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
