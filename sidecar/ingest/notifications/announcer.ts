import { KeyedMutex } from '../../lib/keyed-mutex.ts';
import type { Log } from '../../observe/log.ts';
import type { NotificationDelivery } from './delivery.ts';
import type { NotificationInstruction } from './instruction.ts';

/** A ThingWorx event about a device that does not come from the event stream. */
export interface Announcement {
  readonly deviceId: string;
  readonly event: string;
  /** The fields of the event; times are ms since 1970. A `time` that is no number becomes the present time. */
  readonly data: Readonly<Record<string, unknown>>;
  /** A table of the Thing that gets the fields as a row. The row replaces the one with the same keys. */
  readonly table?: 'softwarePackages';
}

/** Fires events on the Things of devices, and on the hub Thing for a device without one. */
export class Announcer {
  readonly #delivery: NotificationDelivery;
  readonly #log: Log;
  /** By device: ThingWorx reads a table and writes it back, so two calls at the same time would lose a row. */
  readonly #tables = new KeyedMutex();

  constructor(delivery: NotificationDelivery, log: Log) {
    this.#delivery = delivery;
    this.#log = log;
  }

  /** Waits while ThingWorx is unavailable. Resolves to the number of refused events. Rejects only with STOPPING. */
  announce(announcements: readonly Announcement[], signal: AbortSignal): Promise<number> {
    const devices = new Set(announcements.flatMap(({ table, deviceId }) => (table ? [deviceId] : [])));
    let deliver = () => this.#deliver(announcements, signal);
    // In one order everywhere, so that no two calls wait for each other.
    for (const deviceId of [...devices].sort()) {
      const inner = deliver;
      deliver = () => this.#tables.run(deviceId, inner);
    }
    return deliver();
  }

  async #deliver(announcements: readonly Announcement[], signal: AbortSignal): Promise<number> {
    const things = await this.#delivery.find(announcements, signal);
    const instructions = announcements.map(
      ({ deviceId, event, data, table }, sequenceNumber): NotificationInstruction => {
        const time = Number.isFinite(data['time']) ? data['time'] : Date.now();
        const thing = things.get(deviceId) ?? '';
        const kept = table && thing !== '' ? { table } : {};
        return { sequenceNumber, thing, event, data: { ...data, time }, ...kept };
      },
    );
    const refused = await this.#delivery.send(instructions, undefined, signal);
    for (const { sequenceNumber, message } of refused) {
      const { event = '', deviceId = '' } = announcements[sequenceNumber] ?? {};
      this.#log.warn({ event, deviceId }, `ThingWorx refused a notification: ${message}`);
    }
    return refused.length;
  }
}
