import type { Log } from '../../observe/log.ts';
import type { EventDelivery } from './delivery.ts';
import type { EventInstruction } from './instruction.ts';

/** Something about a device that did not come out of the event stream. */
export interface Announcement {
  readonly deviceId: string;
  readonly event: string;
  /** The fields of the event; times are ms since 1970, `time` among them, which is now where it is no number. */
  readonly data: Readonly<Record<string, unknown>>;
  /** A table of the Thing in which the fields become a row, in place of the one of the same keys. */
  readonly table?: 'softwarePackages';
}

/** Fires events on the Things of devices, and on the hub Thing for a device without one. */
export class Announcer {
  readonly #delivery: EventDelivery;
  readonly #log: Log;

  constructor(delivery: EventDelivery, log: Log) {
    this.#delivery = delivery;
    this.#log = log;
  }

  /** Waits as long as ThingWorx is away. Resolves to how many it refused. Rejects only with STOPPING. */
  async announce(told: readonly Announcement[], signal: AbortSignal): Promise<number> {
    const things = await this.#delivery.find(
      told.map((event) => ({ event })),
      signal,
    );
    const instructions = told.map(({ deviceId, event, data, table }, sequenceNumber): EventInstruction => {
      const time = Number.isFinite(data['time']) ? data['time'] : Date.now();
      const thing = things.get(deviceId) ?? '';
      const kept = table && thing !== '' ? { table } : {};
      return { sequenceNumber, thing, event, data: { ...data, time }, ...kept };
    });
    const refused = await this.#delivery.send(instructions, undefined, signal);
    for (const { sequenceNumber, message } of refused) {
      const { event = '', deviceId = '' } = told[sequenceNumber] ?? {};
      this.#log.warn({ event, deviceId }, `ThingWorx refused a notification: ${message}`);
    }
    return refused.length;
  }
}
