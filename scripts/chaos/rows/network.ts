import type { Side } from '../chaos-system.ts';
import type { Row, RowContext } from '../row.ts';

const SIDES: readonly Side[] = ['ThingWorx', 'IoT Hub REST', 'event stream', 'storage'];

interface NetworkFault {
  readonly run: (context: RowContext, side: Side) => Promise<void>;
  readonly recoverySeconds?: number;
  readonly sameLines?: number;
}

/** Refused and served in turn, in seconds of a row whose fault lasts 20 seconds: how long each, and how often. */
const PATTERNS: readonly (readonly [refusedSeconds: number, servedSeconds: number, rounds: number])[] = [
  [5, 5, 5],
  [10, 10, 3],
  [30, 30, 2],
  [5, 20, 3],
];
const PATTERN_FAULT_MS = 20_000;

function pattern([refusedSeconds, servedSeconds, rounds]: (typeof PATTERNS)[number]): NetworkFault {
  return {
    // The delays between attempts have grown by the last one.
    recoverySeconds: 20,
    sameLines: rounds + 1,
    run: async ({ system, sleep, faultMs }, side) => {
      const secondMs = (faultMs / PATTERN_FAULT_MS) * 1000;
      for (let round = 0; round < rounds; round += 1) {
        await system.tcp(side).set('refuse');
        await sleep(refusedSeconds * secondMs);
        await system.tcp(side).set('pass');
        await sleep(servedSeconds * secondMs);
      }
    },
  };
}

/** How connections fail, by the words of the row. */
const FAULTS: Readonly<Record<string, NetworkFault>> = {
  refused: {
    run: async ({ system, sleep, faultMs }, side) => {
      await system.tcp(side).set('refuse');
      await sleep(faultMs);
    },
  },
  ...Object.fromEntries(
    PATTERNS.map((one) => [
      `refused ${one[0]} s and served ${one[1]} s in turn, ${one[2]} times`,
      pattern(one),
    ]),
  ),
  'reset in the middle': {
    run: async ({ system, sleep, faultMs, random }, side) => {
      await system.tcp(side).set('cut');
      for (let spentMs = 0; spentMs < faultMs; ) {
        const pauseMs = random.between(50, 500);
        await sleep(pauseMs);
        system.tcp(side).reset();
        spentMs += pauseMs;
      }
    },
  },
  // With a fault of 20 seconds, 30 seconds late.
  slow: {
    recoverySeconds: 40,
    run: async ({ system, sleep, faultMs }, side) => {
      const tcp = system.tcp(side);
      tcp.delayMs = faultMs * 1.5;
      await tcp.set('slow');
      await sleep(faultMs);
    },
  },
  // After a silence the sidecar must first notice that its connections are dead.
  'half-open': {
    recoverySeconds: 40,
    run: async ({ system, sleep, faultMs }, side) => {
      await system.tcp(side).set('silent');
      await sleep(faultMs);
    },
  },
  'TLS broken': {
    recoverySeconds: 20,
    run: async ({ system, sleep, faultMs }, side) => {
      await system.tcp(side).set('garbage');
      await sleep(faultMs);
    },
  },
  'DNS fails': {
    run: async ({ system, sleep, faultMs }, side) => {
      await system.unresolve(side);
      system.tcp(side).reset();
      await sleep(faultMs);
    },
  },
};

const QUICK: ReadonlySet<string> = new Set(['ThingWorx: refused', 'event stream: reset in the middle']);

/** What happens to the connections of the sidecar. */
export const NETWORK_ROWS: readonly Row[] = SIDES.flatMap((side) =>
  Object.entries(FAULTS).map(([words, { run, ...limits }]): Row => {
    const name = `${side}: ${words}`;
    return { name, quick: QUICK.has(name), ...limits, run: (context) => run(context, side) };
  }),
);
