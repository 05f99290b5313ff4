import { toConnectorError } from '../errors/connector-error.ts';
import { forEachConcurrently } from '../lib/concurrency.ts';
import { templateName } from '../lib/dtmi.ts';
import type { Log } from '../observe/log.ts';
import type { DeviceView } from '../translate/sources/twin-view.ts';
import type { Creation } from '../translate/types.ts';
import type { ThingworxClient } from './client.ts';
import { requireMember } from './require-member.ts';

interface ThingCreatorOptions {
  readonly client: ThingworxClient;
  /** The Thing whose CreateThings is asked. */
  readonly hubThing: string;
  /** A Thing may have been made for a device. */
  readonly onThing: (deviceId: string) => void;
  /** The twin of a device. Rejects with DEVICE_NOT_FOUND, with other errors of the hub, and when the signal aborts. */
  readonly readTwin: (deviceId: string, signal: AbortSignal) => Promise<DeviceView>;
  readonly log: Log;
}

/** Twins that are read at the same time, and how long the reading may delay the Things of one call. */
const PARALLEL_READS = 8;
const READ_TIMEOUT_MS = 2_000;

interface Answer {
  created?: string[];
  added?: { thing: string; property: string }[];
  failed?: Failure[];
}

interface Failure {
  readonly thing: string;
  readonly message: string;
}

/**
 * Has Things and properties made by the hub Thing. What ThingWorx refuses to make stays unknown, and translation then refuses the
 * message; a call that does not get through rejects and is repeated by the caller.
 */
export class ThingCreator {
  readonly #options: ThingCreatorOptions;
  readonly #loggedReasons = new Set<string>();

  constructor(options: ThingCreatorOptions) {
    this.#options = options;
  }

  async create(creations: readonly Creation[], signal: AbortSignal): Promise<void> {
    const { client, hubThing, onThing, log } = this.#options;
    const newThings = creations.filter((creation) => creation.kind === 'thing');
    const twins = await this.#readTwins(
      newThings.map(({ deviceId }) => deviceId),
      signal,
    );
    const things = newThings.map(({ thing, template, deviceId, modelId }) => ({
      name: thing,
      template,
      deviceId,
      ...(modelId === undefined ? {} : { modelTemplate: templateName(modelId) }),
      ...(twins.has(deviceId) ? { twin: twins.get(deviceId) } : {}),
    }));
    const properties = creations.flatMap((creation) =>
      creation.kind === 'property'
        ? [{ thing: creation.thing, name: creation.property, baseType: creation.baseType }]
        : [],
    );
    const answer = requireMember<Answer>(
      await client.invoke(hubThing, 'CreateThings', { request: { things, properties } }, { signal }),
      'failed',
      'CreateThings',
      hubThing,
    );
    for (const { deviceId } of things) onThing(deviceId);
    for (const thing of answer.created ?? []) log.info({ thing }, 'Thing created for a device.');
    for (const { thing, property } of answer.added ?? []) log.info({ thing, property }, 'Property created.');
    this.#logFailures(answer.failed ?? []);
  }

  /**
   * The twins by device id. A Thing that is made without its twin asks for it in a subscription of its own: thousands of new Things at once would
   * occupy the threads of ThingWorx's event queue. A twin that cannot be read soon is left to that subscription.
   */
  async #readTwins(deviceIds: readonly string[], signal: AbortSignal): Promise<Map<string, DeviceView>> {
    const twins = new Map<string, DeviceView>();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    await forEachConcurrently(deviceIds, PARALLEL_READS, async (deviceId) => {
      try {
        twins.set(deviceId, await this.#options.readTwin(deviceId, limit));
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (error.code !== 'DEVICE_NOT_FOUND') throw error;
      }
    }).catch((thrown) =>
      this.#options.log.debug({ err: thrown }, 'Not all twins of new Things could be read.'),
    );
    return twins;
  }

  /** Each reason once, not for each Thing, until a call succeeds as a whole: a right that is missing concerns all of them. */
  #logFailures(failed: readonly Failure[]): void {
    if (failed.length === 0) this.#loggedReasons.clear();
    for (const [message, ofReason] of Map.groupBy(failed, (failure) => withoutName(failure))) {
      if (this.#loggedReasons.has(message)) continue;
      this.#loggedReasons.add(message);
      const [first] = ofReason;
      this.#options.log.warn(
        { thing: first?.thing, things: ofReason.length },
        `ThingWorx could not make Things or properties for devices: ${first?.message}`,
      );
    }
  }
}

function withoutName({ thing, message }: Failure): string {
  return message.replaceAll(thing, '');
}
