import { setTimeout as sleep } from 'node:timers/promises';
import { deadLetters as listDeadLetters } from '../../test/e2e/instruments.ts';
import { accounts } from '../../test/e2e/observe.ts';
import { HUB_THING } from '../local/system.ts';
import { ChaosSystem } from './chaos-system.ts';
import { type Arrival, Load } from './load.ts';
import { LogLines } from './log-lines.ts';
import { BUDGET_SECONDS, Operations } from './operations.ts';
import { Random } from './random.ts';
import { RECOVERY_SECONDS, type Row, type RowContext, type RowResult } from './row.ts';

export interface CoordinatorOptions {
  readonly seed: number;
  /** How long each fault lasts. */
  readonly faultMs: number;
  readonly devices: number;
  readonly kills: number;
  /** Told what the sidecar logs. */
  readonly onSidecarLine: (line: string) => void;
  /** Told of each result. */
  readonly onResult: (result: RowResult) => void;
  /** Stops between two rows. */
  readonly signal: AbortSignal;
}

/** Load before a fault begins. */
const WARM_MS = 500;
/** What has not arrived is missing when nothing has arrived for so long, after the time in which it must. */
const GIVE_UP_MS = 60_000;
const LOOK_AGAIN_MS = 2_000;
const COMPARE_EVERY_MS = 5_000;
const LONGEST_RECOVERY_MS = 15 * 60_000;
/** What the emulator of ThingWorx takes at least, with a subscriber to each value: messages that waited need time in proportion. */
const TAKEN_PER_SECOND = 500;
/** The memory of the sidecar, whatever happens. */
const MAX_MEGABYTES = 400;
/** A warning is logged when its state begins, and once more when it begins again while a fault comes and goes. */
const SAME_LINES = 2;
const LOOK_EVERY_MS = 100;
const NEWEST_LETTERS = 20;

/** Runs rows one after the other against one system for each kind of checkpoints, and knows what was sent and what arrived. */
export async function runRows(rows: readonly Row[], options: CoordinatorOptions): Promise<RowResult[]> {
  const results: RowResult[] = [];
  for (const checkpoints of ['blob', 'local'] as const) {
    const some = rows.filter((row) => (row.checkpoints ?? 'blob') === checkpoints);
    if (some.length === 0 || options.signal.aborted) continue;
    const run = new Run(checkpoints === 'local', options);
    try {
      await run.start();
      for (const row of some) {
        if (options.signal.aborted) break;
        const result = await run.row(row);
        options.onResult(result);
        results.push(result);
      }
    } finally {
      await run.stop();
    }
  }
  return results;
}

const NOTHING: Omit<RowResult, 'name'> = {
  sent: 0,
  missing: 0,
  outOfOrder: 0,
  repeats: 0,
  deadLetters: 0,
  recoverySeconds: 0,
  peakMegabytes: 0,
  logLines: 0,
  mostLogged: { text: '', times: 0 },
  slowestCallSeconds: 0,
  accountsAddUp: true,
  broken: [],
};

class Run {
  readonly #options: CoordinatorOptions;
  readonly #system: ChaosSystem;
  readonly #random: Random;
  readonly #logLines = new LogLines();
  #load: Load | undefined;
  #operations: Operations | undefined;

  constructor(localCheckpoints: boolean, options: CoordinatorOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#system = new ChaosSystem({
      random: this.#random,
      devices: options.devices,
      localCheckpoints,
      onSidecarLine: (line) => {
        this.#logLines.add(line);
        options.onSidecarLine(line);
      },
    });
  }

  async start(): Promise<void> {
    await this.#system.start();
    this.#load = new Load(this.#system.local);
    await this.#load.open();
    this.#operations = new Operations(this.#system.local);
  }

  async stop(): Promise<void> {
    this.#load?.close();
    await this.#system.stop();
  }

  async row(row: Row): Promise<RowResult> {
    const load = this.#load as Load;
    const operations = this.#operations as Operations;
    const context: RowContext = {
      system: this.#system,
      load,
      random: this.#random,
      faultMs: this.#options.faultMs,
      kills: this.#options.kills,
      sleep: (ms: number) => sleep(ms),
    };
    const skipped = row.skip?.(context);
    if (skipped !== undefined) return { ...NOTHING, name: row.name, skipped };
    const before = { sent: load.sent, malformed: load.malformed, letters: await this.#deadLetters() };
    this.#logLines.clear();
    const memory = this.#watchMemory();
    load.begin();
    await sleep(WARM_MS);
    const repeats = await this.#repeats();
    operations.begin();
    const comparedSoFar = this.#compareMeanwhile(row);
    let failure: string | undefined;
    const measured = await Promise.resolve(row.run(context)).catch((thrown: Error) => {
      failure = thrown.message;
    });
    await this.#system.heal();
    const healedAtMs = performance.now();
    await load.end();
    const waiting = load.sent - (await load.newestValues().catch(() => load.sent));
    const limit = Math.max(row.recoverySeconds ?? RECOVERY_SECONDS, Math.round(waiting / TAKEN_PER_SECOND));
    const arrived = await this.#untilArrived(limit * 1000 + GIVE_UP_MS);
    const recoverySeconds = (performance.now() - healedAtMs) / 1000;
    const expected = async () =>
      before.letters + load.malformed - before.malformed + ((await row.refusals?.(context)) ?? 0);
    await this.#until(async () => (await this.#deadLetters()) >= (await expected()));
    const slowestCallSeconds = await operations.end();
    const earlier = await comparedSoFar();
    const found = await load.compare();
    const deadLetters = (await this.#deadLetters()) - (await expected());
    const { missingNotifications } = found;
    const missingValues = earlier.missingValues + found.missingValues;
    const notificationsOutOfOrder = earlier.notificationsOutOfOrder + found.notificationsOutOfOrder;
    const valuesOutOfOrder = earlier.outOfOrder + found.outOfOrder;
    const outOfOrder = valuesOutOfOrder + (row.replays ? 0 : notificationsOutOfOrder);
    const missingLetters = Math.max(0, -deadLetters);
    const missing = missingValues + missingNotifications + missingLetters;
    const accountsAddUp = await this.#accountsAddUp().catch(() => false);
    const peakMegabytes = await memory();
    const { count: logLines, most: mostLogged } = this.#logLines;
    const broken = [
      ...(failure === undefined ? [] : [failure]),
      ...(missingValues > 0 ? [`${missingValues} values are missing`] : []),
      ...(missingNotifications > 0 ? [`${missingNotifications} notifications are missing`] : []),
      ...(missingLetters > 0 ? [`${missingLetters} dead letters are missing`] : []),
      ...(outOfOrder > 0
        ? [`order (${valuesOutOfOrder} values, ${notificationsOutOfOrder} notifications)`]
        : []),
      ...(deadLetters > 0 ? [`good messages are dead letters (${await this.#letterReasons()})`] : []),
      ...(arrived ? [] : [`not recovered, and nothing has arrived for ${GIVE_UP_MS / 1000} s`]),
      ...(arrived && recoverySeconds > limit ? [`recovery took more than ${limit} s`] : []),
      ...(accountsAddUp ? [] : ['accounts do not add up']),
      ...(mostLogged.times > (row.sameLines ?? SAME_LINES)
        ? [`logged ${mostLogged.times} times: ${mostLogged.text}`]
        : []),
      ...(peakMegabytes > MAX_MEGABYTES ? [`more than ${MAX_MEGABYTES} MB`] : []),
      ...(slowestCallSeconds > BUDGET_SECONDS ? [`a service took ${slowestCallSeconds.toFixed(0)} s`] : []),
    ];
    return {
      name: row.name,
      sent: load.sent - before.sent,
      missing,
      outOfOrder,
      repeats: Math.max(0, (await this.#repeats()) - repeats),
      deadLetters: Math.max(0, deadLetters),
      recoverySeconds,
      peakMegabytes,
      logLines,
      mostLogged,
      slowestCallSeconds,
      ...(measured ? { measured } : {}),
      accountsAddUp,
      broken,
    };
  }

  /** Whether everything has arrived. Gives up when nothing has arrived for a while, so that what is missing then is not just late. */
  async #untilArrived(leastMs: number): Promise<boolean> {
    const load = this.#load as Load;
    const beganMs = performance.now();
    let newest = -1;
    let changedAtMs = beganMs;
    for (;;) {
      if (await this.#until(() => load.hasArrived(), LOOK_AGAIN_MS)) return true;
      const values = await load.newestValues().catch(() => newest);
      const nowMs = performance.now();
      if (values !== newest) changedAtMs = nowMs;
      newest = values;
      if (nowMs - beganMs > leastMs && nowMs - changedAtMs > GIVE_UP_MS) return false;
      if (nowMs - beganMs > LONGEST_RECOVERY_MS) return false;
    }
  }

  /** Whether it became true in time. What cannot be asked is not true yet. */
  async #until(condition: () => Promise<boolean>, timeoutMs = GIVE_UP_MS): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    while (performance.now() < endMs) {
      if (await condition().catch(() => false)) return true;
      await sleep(LOOK_EVERY_MS);
    }
    return false;
  }

  /** Resolves to the number of all dead letters; -1 while the sidecar does not answer. */
  async #deadLetters(): Promise<number> {
    const { platform } = this.#system.local;
    const answer = await platform.invoke(HUB_THING, 'CountDeadLetters').catch(() => undefined);
    return (answer as { rows?: { count?: number }[] } | undefined)?.rows?.[0]?.count ?? -1;
  }

  /** How many of the newest dead letters have each reason, and one of them: those that were expected are among them. */
  async #letterReasons(): Promise<string> {
    const letters = await listDeadLetters(this.#system.local, { limit: NEWEST_LETTERS }).catch(() => []);
    return [...Map.groupBy(letters, ({ code }) => code)]
      .map(([code, ofCode]) => `${ofCode.length} ${code}: ${ofCode[0]?.deviceId} ${ofCode[0]?.reason}`)
      .join('; ');
  }

  /** A sidecar that was started again counts from the beginning. */
  async #repeats(): Promise<number> {
    return (await accounts(this.#system.local).catch(() => ({ repeated: 0 }))).repeated;
  }

  async #accountsAddUp(): Promise<boolean> {
    const { received, delivered, ignored, deadLettered, released, inFlight } = await accounts(
      this.#system.local,
    );
    return received === delivered + ignored + deadLettered + released + inFlight;
  }

  /**
   * Compares what has arrived, again and again, until the function that it returns is called: the platform keeps the last 10,000 values of a property.
   * A platform that is restored from a backup has fewer than before, until they are replayed.
   */
  #compareMeanwhile({ replays = false }: Row): () => Promise<Arrival> {
    const load = this.#load as Load;
    const sum = { missingValues: 0, missingNotifications: 0, outOfOrder: 0, notificationsOutOfOrder: 0 };
    const over = new AbortController();
    const comparing = (async () => {
      for (;;) {
        await sleep(COMPARE_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
        if (over.signal.aborted) return;
        if (replays) continue;
        // A platform that is away is asked later.
        const part = await load.compare({ arrived: true }).catch(() => undefined);
        sum.missingValues += part?.missingValues ?? 0;
        sum.outOfOrder += part?.outOfOrder ?? 0;
        sum.notificationsOutOfOrder += part?.notificationsOutOfOrder ?? 0;
      }
    })();
    return async () => {
      over.abort();
      await comparing;
      return sum;
    };
  }

  /** Samples the memory of the sidecar until the function that it returns is called. */
  #watchMemory(): () => Promise<number> {
    let peak = 0;
    const over = new AbortController();
    const sampling = (async () => {
      while (!over.signal.aborted) {
        const text = await fetch(`${this.#system.local.sidecar.url}/metrics`).then(
          (answer) => answer.text(),
          () => '',
        );
        peak = Math.max(peak, Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1] ?? 0));
        await sleep(250);
      }
    })();
    return async () => {
      over.abort();
      await sampling;
      return Math.round(peak / 1_000_000);
    };
  }
}
