import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { DeviceView } from '../translate/sources/twin-view.ts';
import { PacedCalls } from './paced-calls.ts';

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

/** What a listing with details says of a Thing. */
export interface DescribedThing extends DeviceThing {
  readonly template?: string;
  readonly modelId?: string;
  /** The twin tags that it mirrors, as canonical text or its digest. */
  readonly tags?: string;
}

/** A Thing and the twin that it shall show. */
export interface TwinOfThing {
  readonly thing: string;
  readonly deviceId: string;
  readonly twin: DeviceView;
}

/** What became of the twin: written, the same already, or why it could not be written. */
interface RefreshedTwin {
  readonly of: TwinOfThing;
  readonly outcome: 'refreshed' | 'unchanged' | 'failed';
  readonly message?: string;
}

interface HubThingsOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  /** A device has a Thing now. */
  readonly onThing: (deviceId: string) => void;
  readonly waitingMessages: () => number;
  readonly log: Log;
}

const DEVICES_PER_CALL = 100;

/** The Things of one hub as background work lists and changes them, a part at a time. */
export class HubThings {
  readonly #options: HubThingsOptions;
  readonly #calls: PacedCalls;

  constructor(options: HubThingsOptions) {
    this.#options = options;
    this.#calls = new PacedCalls(options);
  }

  /**
   * Makes the Things and tells what became of each, as the answers come; in a dry run, what would. Those that exist are left as they
   * are, but for a hub where they have none. Throws THINGWORX_FORBIDDEN when the right to make Things is missing, and STOPPING.
   */
  async make<T extends WantedThing>(
    wanted: readonly T[],
    signal: AbortSignal,
    onMade: (made: readonly MadeThing<T>[]) => Promise<void> | void,
    { dryRun = false } = {},
  ): Promise<void> {
    const work = {
      service: 'CreateThings',
      parameters: (things: readonly T[]) => ({ request: { things, dryRun } }),
      refused: ({ name }: T, message: string) => ({ failed: [{ thing: name, message }] }),
      settle: async (some: readonly T[], answer: Partial<Made> | undefined) => {
        const made = { created: [], linked: [], failed: [], ...answer };
        requireRight(some, made);
        if (!dryRun) for (const { deviceId } of some) this.#options.onThing(deviceId);
        await onMade(some.map((one) => outcomeOf(one, made)));
      },
    };
    await this.#calls.run(wanted, work, signal);
  }

  /** Shows the twins on their Things; what a Thing has mirrored later stays. */
  async refresh(
    twins: readonly TwinOfThing[],
    signal: AbortSignal,
    onRefreshed: (refreshed: readonly RefreshedTwin[]) => Promise<void> | void,
  ): Promise<void> {
    const work = {
      service: 'ReceiveTwins',
      parameters: (some: readonly TwinOfThing[]) => ({
        request: { twins: some.map(({ thing, twin }) => ({ thing, twin })) },
      }),
      refused: ({ thing }: TwinOfThing, message: string) => ({ failed: [{ thing, message }] }),
      settle: async (
        some: readonly TwinOfThing[],
        { refreshed = [], failed = [] }: Partial<Pick<Made, 'failed'> & { refreshed: string[] }>,
      ) => {
        const outcomes = some.map((of): RefreshedTwin => {
          const refusal = failed.find(({ thing }) => thing === of.thing);
          if (refusal) return { of, outcome: 'failed', message: refusal.message };
          return { of, outcome: refreshed.includes(of.thing) ? 'refreshed' : 'unchanged' };
        });
        await onRefreshed(outcomes);
      },
    };
    await this.#calls.run(twins, work, signal);
  }

  /** One page of the Things of devices of this hub, by name; with a template also those of it that have no hub yet. */
  async page(
    request: { readonly template?: string; readonly after?: string; readonly details?: boolean },
    signal: AbortSignal,
  ): Promise<{ readonly things: readonly DescribedThing[]; readonly after: string | undefined }> {
    const answer = (await this.#calls.read('ListDeviceThings', { request }, signal)) as {
      things?: DescribedThing[];
      after?: string;
    };
    return { things: answer.things ?? [], after: answer.after || undefined };
  }

  /** The names of the Things of some devices by device id; devices without one are left out. */
  async find(deviceIds: readonly string[], signal: AbortSignal): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (let start = 0; start < deviceIds.length; start += DEVICES_PER_CALL) {
      const request = { deviceIds: deviceIds.slice(start, start + DEVICES_PER_CALL) };
      const { things = [] } = (await this.#calls.read('FindDeviceThings', { request }, signal)) as {
        things?: DeviceThing[];
      };
      for (const { deviceId, thing } of things) found.set(deviceId, thing);
    }
    return found;
  }

  /** Which of the Thing Templates there are. */
  async presentTemplates(names: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const request = { templates: names };
    const answer = (await this.#calls.read('ListDeviceThings', { request }, signal)) as {
      templates?: string[];
    };
    return new Set(answer.templates ?? []);
  }
}

/** A right that is missing fails for all; the report of each device would say the same. */
function requireRight(some: readonly WantedThing[], { failed }: Made): void {
  if (failed.length < some.length || !failed.every(({ message }) => /not authorized/i.test(message))) return;
  throw new ConnectorError(
    'THINGWORX_FORBIDDEN',
    `Things cannot be made: ${failed[0]?.message} Call GrantPermissions on the hub Thing.`,
  );
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
