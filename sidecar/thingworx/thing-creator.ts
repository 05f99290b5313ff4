import { templateName } from '../lib/dtmi.ts';
import type { Log } from '../observe/log.ts';
import type { Creation } from '../translate/types.ts';
import type { ThingworxClient } from './client.ts';
import { requireMember } from './require-member.ts';

interface ThingCreatorOptions {
  readonly client: ThingworxClient;
  /** The Thing whose CreateThings is asked. */
  readonly hubThing: string;
  /** A Thing may have been made for a device. */
  readonly onThing: (deviceId: string) => void;
  readonly log: Log;
}

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
    const things = creations.flatMap((creation) =>
      creation.kind === 'thing'
        ? [
            {
              name: creation.thing,
              template: creation.template,
              deviceId: creation.deviceId,
              ...(creation.modelId === undefined ? {} : { modelTemplate: templateName(creation.modelId) }),
            },
          ]
        : [],
    );
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
