import type { Reading } from '../../scripts/local/device.ts';
import type { LocalSystem } from '../../scripts/local/system.ts';

/** Repeats an assertion until it holds; gives its last failure when it does not in time. */
export async function eventually<T>(check: () => Promise<T>, timeoutMs = 60_000): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export interface Accounts {
  received: number;
  delivered: number;
  ignored: number;
  deadLettered: number;
  released: number;
  inFlight: number;
  repeated: number;
}

export async function accounts(system: LocalSystem): Promise<Accounts> {
  return (await system.status())['counters'] as Accounts;
}

/** The readings in the value stream of a Thing, one per time stamp and count, oldest first. */
export async function readingsOf(
  system: LocalSystem,
  thing: string,
): Promise<{ timeMs: number; values: Reading }[]> {
  const rows = await system.platform.history(thing, 100_000);
  return rows.map((row) => ({
    timeMs: Number(row['timestamp']),
    values: {
      temperature: row['temperature'],
      humidity: row['humidity'],
      count: row['count'],
      running: row['running'],
      label: row['label'],
    } as Reading,
  }));
}
