import { setTimeout as sleep } from 'node:timers/promises';
import { accounts } from '../../test/e2e/observe.ts';
import { HUB_THING, REPOSITORY_THING } from '../local/system.ts';
import { ChaosSystem } from './chaos-system.ts';
import { Load } from './load.ts';
import { Random } from './random.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly faultMs: number;
  readonly onMinute: (line: string) => void;
  readonly signal: AbortSignal;
}

/** One measurement of the sidecar. */
interface Sample {
  readonly minute: number;
  readonly megabytes: number;
  readonly handles: number;
  readonly eventLoopDelayMs: number;
}

/** How much each value grows in an hour, and where it ended. */
interface Growth {
  readonly perHour: number;
  readonly last: number;
}

export interface SoakReport {
  readonly seed: number;
  readonly minutes: number;
  readonly sent: number;
  readonly missing: number;
  readonly waitingAtEnd: number;
  /** From the end of the load until everything had arrived. */
  readonly caughtUpSeconds: number;
  readonly accounts: Readonly<Record<string, number>>;
  readonly accountsAddUp: boolean;
  readonly unexpectedDeadLetters: number;
  /** Calls of services beside the load, by outcome. */
  readonly services: Readonly<Record<string, number>>;
  readonly megabytes: Growth;
  readonly handles: Growth;
  readonly eventLoopDelayMs: Growth;
}

/** 500 messages a second: each device sends one in each round of 50 ms. */
const DEVICES = 25;
const PER_ROUND = 1;
const SAMPLE_EVERY_MS = 5_000;
/** Start-up and warm code are no growth. */
const WARM_MINUTES = 1;
const GIVE_UP_MS = 600_000;

type Fault = (system: ChaosSystem, faultMs: number) => Promise<void>;

/** One of them in each minute, in turn. */
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['ThingWorx refuses connections', (system) => system.tcp('ThingWorx').set('refuse')],
  ['event stream half-open', (system) => system.tcp('event stream').set('silent')],
  ['storage half-open', (system) => system.tcp('storage').set('silent')],
  [
    'ThingWorx fails 30 % of the calls',
    async (system) => {
      system.http('ThingWorx').fault = { kind: 'status', status: 500, share: 0.3 };
    },
  ],
  ['ThingWorx half-open', (system) => system.tcp('ThingWorx').set('silent')],
  [
    'IoT Hub answers 503',
    async (system) => {
      system.http('IoT Hub REST').fault = { kind: 'status', status: 503, retryAfterSeconds: 2 };
    },
  ],
  ['event stream refused', (system) => system.tcp('event stream').set('refuse')],
  [
    'ThingWorx answers late',
    async (system, faultMs) => {
      system.http('ThingWorx').fault = { kind: 'delay', delayMs: faultMs / 4 };
    },
  ],
  [
    'storage answers 500',
    async (system) => {
      system.http('storage').fault = { kind: 'status', status: 500 };
    },
  ],
];

/** Runs everything at once for a long time, with a fault in each minute. */
export async function soak({ minutes, seed, faultMs, onMinute, signal }: SoakOptions): Promise<SoakReport> {
  const system = new ChaosSystem({
    random: new Random(seed),
    devices: DEVICES,
    localCheckpoints: false,
    fileRepository: true,
    onSidecarLine: () => undefined,
  });
  try {
    await system.start();
    const load = new Load(system.local, { perRound: PER_ROUND, subscribes: false });
    await load.open();
    const over = new AbortController();
    const samples: Sample[] = [];
    const services: Record<string, number> = {};
    const beside = [watch(system, samples, over.signal), callServices(system, services, over.signal)];
    let missing = 0;
    load.begin();
    for (let minute = 0; minute < minutes && !signal.aborted; minute += 1) {
      const [name, begin] = FAULTS[minute % FAULTS.length] ?? ['', async () => undefined];
      const startedAtMs = performance.now();
      await sleep(10_000);
      await begin(system, faultMs);
      await sleep(faultMs);
      await system.heal();
      await sleep(Math.max(0, 60_000 - (performance.now() - startedAtMs)));
      const waiting = await lag(system);
      // Value streams keep a limited number of entries, so they are looked at in time.
      missing += (await load.compare({ arrived: true })).missingValues;
      onMinute(
        `minute ${minute + 1}: ${name}; sent ${load.sent}, waiting ${waiting}, ${samples.at(-1)?.megabytes} MB`,
      );
    }
    await load.end();
    const endedAtMs = performance.now();
    const waitingAtEnd = await lag(system);
    while (!(await load.hasArrived()) && performance.now() - endedAtMs < GIVE_UP_MS) await sleep(250);
    const caughtUpSeconds = (performance.now() - endedAtMs) / 1000;
    over.abort();
    await Promise.all(beside);
    load.close();
    const { missingValues, missingNotifications } = await load.compare();
    missing += missingValues + missingNotifications;
    const counters = await accounts(system.local);
    const { received, delivered, ignored, deadLettered, released, inFlight } = counters;
    const warm = samples.filter(({ minute }) => minute >= WARM_MINUTES);
    return {
      seed,
      minutes,
      sent: load.sent,
      missing,
      waitingAtEnd,
      caughtUpSeconds,
      accounts: { ...counters },
      accountsAddUp: received === delivered + ignored + deadLettered + released + inFlight,
      unexpectedDeadLetters: deadLettered - load.malformed,
      services,
      megabytes: growthOf(warm, ({ megabytes }) => megabytes),
      handles: growthOf(warm, ({ handles }) => handles),
      eventLoopDelayMs: growthOf(warm, ({ eventLoopDelayMs }) => eventLoopDelayMs),
    };
  } finally {
    await system.stop();
  }
}

/** Messages in all partitions that are not settled, as the hub Thing shows them. */
async function lag(system: ChaosSystem): Promise<number> {
  return Number((await system.local.status())['lag']);
}

async function watch(system: ChaosSystem, samples: Sample[], over: AbortSignal): Promise<void> {
  const startedAtMs = performance.now();
  while (!over.aborted) {
    const text = await fetch(`${system.local.sidecar.url}/metrics`).then((answer) => answer.text());
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
    samples.push({
      minute: (performance.now() - startedAtMs) / 60_000,
      megabytes: Math.round(value('process_resident_memory_bytes') / 1_000_000),
      handles: value('nodejs_active_handles_total'),
      eventLoopDelayMs: value('nodejs_eventloop_lag_mean_seconds') * 1000,
    });
    await sleep(SAMPLE_EVERY_MS, undefined, { signal: over }).catch(() => undefined);
  }
}

/** Commands, twins, files and imports, one after the other. In a fault they fail in their own time; none may hang. */
async function callServices(
  system: ChaosSystem,
  outcomes: Record<string, number>,
  over: AbortSignal,
): Promise<void> {
  const { platform, devices } = system.local;
  for (let round = 0; !over.aborted; round += 1) {
    const thing = devices[round % devices.length]?.deviceId ?? '';
    const calls: [string, string, Record<string, unknown>][] = [
      [thing, 'SendMessage', { body: `round ${round}`, expirySeconds: 60 }],
      [thing, 'UpdateTwin', { desired: { round } }],
      [REPOSITORY_THING, 'SaveText', { path: `/soak/${round % 100}.txt`, content: `round ${round}` }],
      ...(round % 30 === 0
        ? [[HUB_THING, 'StartImport', { dryRun: true }] as [string, string, Record<string, unknown>]]
        : []),
    ];
    for (const [name, service, parameters] of calls) {
      const outcome = await platform.invoke(name, service, parameters).then(
        () => 'succeeded',
        () => 'failed',
      );
      const key = `${service} ${outcome}`;
      outcomes[key] = (outcomes[key] ?? 0) + 1;
    }
    await sleep(1_000, undefined, { signal: over }).catch(() => undefined);
  }
}

/** The slope of the straight line through the samples. */
function growthOf(samples: readonly Sample[], value: (sample: Sample) => number): Growth {
  const mean = (numbers: readonly number[]) =>
    numbers.reduce((sum, one) => sum + one, 0) / Math.max(1, numbers.length);
  const meanMinute = mean(samples.map(({ minute }) => minute));
  const meanValue = mean(samples.map(value));
  const spread = samples.reduce((sum, { minute }) => sum + (minute - meanMinute) ** 2, 0);
  const common = samples.reduce((sum, one) => sum + (one.minute - meanMinute) * (value(one) - meanValue), 0);
  const last = samples.at(-1);
  return { perHour: spread === 0 ? 0 : (common / spread) * 60, last: last ? value(last) : 0 };
}
