import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { persist, withGrace } from '../tasks/task.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { DeviceView } from '../translate/sources/twin-view.ts';

/** A Thing to be made by the hub Thing's CreateThings. */
export interface WantedThing {
  readonly name: string;
  readonly deviceId: string;
  readonly template: string;
  /** The template of the model of the device, which goes before `template` where ThingWorx has it. */
  readonly modelTemplate?: string;
  /** Model tags, as `Vocabulary:Term;...`. */
  readonly tags?: string;
  readonly identifier?: string;
  readonly project?: string;
  /** What the registry says of the device, when it is known: the Thing then need not read it. */
  readonly twin?: DeviceView;
  /** Whether a Thing that exists already and has no hub yet is given to this one. */
  readonly link?: true;
}

/** A Thing that belongs to a device. */
export interface DeviceThing {
  readonly thing: string;
  readonly deviceId: string;
  /** False when its hubThing is empty. */
  readonly linked: boolean;
}

/** What became of a Thing. */
export interface MadeThing<T extends WantedThing = WantedThing> {
  readonly wanted: T;
  readonly outcome: 'created' | 'linked' | 'existed' | 'failed';
  /** What ThingWorx said, when it failed. */
  readonly message?: string;
}

interface ThingBatchCreatorOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  /** A device has a Thing now. */
  readonly onThing: (deviceId: string) => void;
  readonly log: Log;
}

/** A script has 30 s; this leaves room for a platform that suddenly is slower. */
const AIM_MS = 4_000;
const FIRST_BATCH = 20;
const MOST_BATCH = 100;
const MOST_BYTES = 1_000_000;
/** Calls at the same time. ThingWorx makes Things side by side, and has other work to do. */
const LANES = 2;

/** The Things of one hub as background work makes and lists them: in batches whose size follows the answer time. */
export class ThingBatchCreator {
  readonly #options: ThingBatchCreatorOptions;
  #batch = FIRST_BATCH;

  constructor(options: ThingBatchCreatorOptions) {
    this.#options = options;
  }

  /**
   * Makes the Things and tells what became of each, as the answers come; in a dry run, what would. Those that exist are left as they
   * are, but for a hub where they have none. Throws THINGWORX_FORBIDDEN when the right to make Things is missing, and waits out what passes by itself. After a cancellation the calls
   * that are under way are heard, and no other is made: it then throws STOPPING.
   */
  async make<T extends WantedThing>(
    wanted: readonly T[],
    signal: AbortSignal,
    onMade: (made: readonly MadeThing<T>[]) => Promise<void> | void,
    { dryRun = false } = {},
  ): Promise<void> {
    let next = 0;
    let failed = false;
    const lane = async () => {
      while (next < wanted.length && !failed) {
        if (signal.aborted)
          throw new ConnectorError('STOPPING', 'The task was cancelled or the sidecar is stopping.');
        const some = wanted.slice(next, next + fittingCount(wanted, next, this.#batch));
        next += some.length;
        const made = await withGrace(signal, (calling) => this.#make(some, dryRun, calling));
        if (!dryRun) for (const { deviceId } of some) this.#options.onThing(deviceId);
        await onMade(some.map((one) => outcomeOf(one, made)));
      }
    };
    const lanes = Array.from({ length: LANES }, () =>
      lane().catch((thrown) => {
        failed = true;
        throw thrown;
      }),
    );
    // Nothing is made any more once this has ended, whichever way.
    await Promise.allSettled(lanes);
    await Promise.all(lanes);
  }

  /** The Things of devices of this hub, page by page; with a template also those that have no hub yet. */
  async *list(
    filter: { readonly template?: string; readonly after?: string },
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly things: readonly DeviceThing[]; readonly after: string | undefined }, void> {
    const { template } = filter;
    let { after } = filter;
    do {
      const request = {
        ...(template === undefined ? {} : { template }),
        ...(after === undefined ? {} : { after }),
      };
      const answer = (await this.#invoke('ListDeviceThings', { request }, signal)) as {
        things?: DeviceThing[];
        after?: string;
      };
      after = answer.after || undefined;
      yield { things: answer.things ?? [], after };
    } while (after !== undefined);
  }

  /** A platform that could not make them all in time is asked for one half after the other. */
  async #make(things: readonly WantedThing[], dryRun: boolean, signal: AbortSignal): Promise<Made> {
    const started = performance.now();
    let given: Partial<Made> | undefined;
    try {
      given = (await this.#invoke('CreateThings', { request: { things, dryRun } }, signal)) as
        | Partial<Made>
        | undefined;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code !== 'THINGWORX_REJECTED') throw error;
      if (things.length === 1)
        return {
          created: [],
          linked: [],
          failed: things.map(({ name }) => ({ thing: name, message: error.message })),
        };
      const half = Math.ceil(things.length / 2);
      this.#batch = half;
      return joined(
        await this.#make(things.slice(0, half), dryRun, signal),
        await this.#make(things.slice(half), dryRun, signal),
      );
    }
    const answer = joined({ created: [], linked: [], failed: [] }, given ?? {});
    this.#adapt(things.length, performance.now() - started);
    const refused = answer.failed;
    if (refused.length === things.length && refused.every(({ message }) => /not authorized/i.test(message))) {
      throw new ConnectorError(
        'THINGWORX_FORBIDDEN',
        `Things cannot be made: ${refused[0]?.message} Call GrantPermissions on the hub Thing.`,
      );
    }
    return answer;
  }

  #adapt(count: number, tookMs: number): void {
    if (count < this.#batch && tookMs < AIM_MS) return;
    const fitting = Math.floor((count * AIM_MS) / Math.max(tookMs, 1));
    this.#batch = Math.min(MOST_BATCH, Math.max(1, Math.min(fitting, this.#batch * 2)));
  }

  #invoke(service: string, parameters: unknown, signal: AbortSignal): Promise<unknown> {
    const { client, hubThing, log } = this.#options;
    return persist(() => client.invoke(hubThing, service, parameters, { signal }), signal, log);
  }
}

/** How many of the Things one call can carry: a twin may have 70 KB. */
function fittingCount(wanted: readonly WantedThing[], from: number, most: number): number {
  let bytes = 0;
  let count = 0;
  for (; count < most && from + count < wanted.length; count += 1) {
    bytes += JSON.stringify(wanted[from + count]).length;
    if (count > 0 && bytes > MOST_BYTES) break;
  }
  return count;
}

function outcomeOf<T extends WantedThing>(wanted: T, { created, linked, failed }: Made): MadeThing<T> {
  const { name } = wanted;
  const refusal = failed.find(({ thing }) => thing === name);
  if (refusal) return { wanted, outcome: 'failed', message: refusal.message };
  if (created.includes(name)) return { wanted, outcome: 'created' };
  return { wanted, outcome: linked.includes(name) ? 'linked' : 'existed' };
}

interface Made {
  readonly created: readonly string[];
  readonly linked: readonly string[];
  readonly failed: readonly { readonly thing: string; readonly message: string }[];
}

function joined(one: Made, other: Partial<Made>): Made {
  return {
    created: [...one.created, ...(other.created ?? [])],
    linked: [...one.linked, ...(other.linked ?? [])],
    failed: [...one.failed, ...(other.failed ?? [])],
  };
}
