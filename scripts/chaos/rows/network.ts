import type { Side } from '../chaos-system.ts';
import type { Row, RowContext } from '../row.ts';

const SIDES: readonly Side[] = ['ThingWorx', 'IoT Hub REST', 'event stream', 'storage'];

/** How connections fail, by the words of the row. */
const FAULTS: Readonly<Record<string, (context: RowContext, side: Side) => Promise<void>>> = {
  refused: async ({ system, sleep, faultMs }, side) => {
    await system.tcp(side).set('refuse');
    await sleep(faultMs);
  },
  'refused again and again': async ({ system, sleep, faultMs }, side) => {
    for (let round = 0; round < 3; round += 1) {
      await system.tcp(side).set('refuse');
      await sleep(faultMs / 4);
      await system.tcp(side).set('pass');
      await sleep(faultMs / 4);
    }
  },
  'reset in the middle': async ({ system, sleep, faultMs, random }, side) => {
    await system.tcp(side).set('cut');
    for (let spentMs = 0; spentMs < faultMs; ) {
      const pauseMs = random.between(50, 500);
      await sleep(pauseMs);
      system.tcp(side).reset();
      spentMs += pauseMs;
    }
  },
  slow: async ({ system, sleep, faultMs }, side) => {
    const tcp = system.tcp(side);
    tcp.delayMs = faultMs / 4;
    await tcp.set('slow');
    await sleep(faultMs);
  },
  'half-open': async ({ system, sleep, faultMs }, side) => {
    await system.tcp(side).set('silent');
    await sleep(faultMs);
  },
  'TLS broken': async ({ system, sleep, faultMs }, side) => {
    await system.tcp(side).set('garbage');
    await sleep(faultMs);
  },
};

/** After a silence the sidecar must first notice that its connections are dead. */
const SLOW_RECOVERY_SECONDS: Readonly<Record<string, number>> = {
  'half-open': 40,
  'TLS broken': 20,
  'refused again and again': 20,
};
const QUICK: ReadonlySet<string> = new Set(['ThingWorx: refused', 'event stream: reset in the middle']);

async function unresolved({ system, sleep, faultMs }: RowContext): Promise<void> {
  const { eventHubConnectionString } = system;
  const elsewhere = eventHubConnectionString.replace('//127.0.0.1:', '//no-such-host.invalid:');
  await system.configure({ eventHubConnectionString: elsewhere });
  await sleep(faultMs);
  await system.configure({ eventHubConnectionString });
}

/** What happens to the connections of the sidecar. */
export const NETWORK_ROWS: readonly Row[] = [
  ...SIDES.flatMap((side) =>
    Object.entries(FAULTS).map(([words, run]): Row => {
      const name = `${side}: ${words}`;
      const recoverySeconds = SLOW_RECOVERY_SECONDS[words];
      return {
        name,
        quick: QUICK.has(name),
        ...(recoverySeconds === undefined ? {} : { recoverySeconds }),
        run: (context) => run(context, side),
      };
    }),
  ),
  { name: 'event stream: DNS fails', run: unresolved },
];
