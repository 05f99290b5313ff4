import type { RecordStore } from '../../lib/records.ts';
import type { CampaignDevice } from './campaign.ts';
import type { DeviceCounts, DeviceState } from './types.ts';

/** A part of the devices of a campaign, as stored. */
export interface CampaignPart {
  /** `<id of the campaign>-<number>`. */
  readonly id: string;
  readonly devices: readonly CampaignDevice[];
}

/** A change of one device writes one part again: as many devices as make a small file. */
const PART_SIZE = 500;

export function isCampaignPart(part: CampaignPart | null): boolean {
  return typeof part?.id === 'string' && Array.isArray(part.devices);
}

/** The devices of one campaign, in the order of their waves. They are stored in parts; only those that have changed are written again. */
export class CampaignDevices {
  readonly #campaign: string;
  readonly #records: RecordStore<CampaignPart>;
  #devices: CampaignDevice[] = [];
  #places = new Map<string, number>();
  readonly #changed = new Set<number>();

  constructor(campaign: string, records: RecordStore<CampaignPart>) {
    this.#campaign = campaign;
    this.#records = records;
  }

  get length(): number {
    return this.#devices.length;
  }

  /** Reads what is stored. */
  async load(): Promise<void> {
    const devices: CampaignDevice[] = [];
    for (let part = 0; ; part += 1) {
      const found = await this.#records.read(this.#name(part));
      if (!found) break;
      devices.push(...found.devices);
      if (found.devices.length < PART_SIZE) break;
    }
    this.#devices = devices;
    this.#places = new Map(devices.map(({ deviceId }, index) => [deviceId, index]));
    this.#changed.clear();
  }

  /** Adds devices that are not there yet. */
  add(deviceIds: readonly string[]): void {
    for (const deviceId of deviceIds) {
      if (this.#places.has(deviceId)) continue;
      this.#places.set(deviceId, this.#devices.length);
      this.#changed.add(this.#partOf(this.#devices.length));
      this.#devices.push({ deviceId, state: 'pending' });
    }
  }

  /** The place of a device; undefined for another one. */
  placeOf(deviceId: string): number | undefined {
    return this.#places.get(deviceId);
  }

  at(place: number): CampaignDevice {
    return this.#devices[place] as CampaignDevice;
  }

  /** Replaces a device. */
  set(place: number, device: CampaignDevice): void {
    this.#devices[place] = device;
    this.#changed.add(this.#partOf(place));
  }

  /** The places of devices in these states, before `end`. */
  *in(states: readonly DeviceState[], end = this.#devices.length): Generator<number, void> {
    for (let place = 0; place < end; place += 1) if (states.includes(this.at(place).state)) yield place;
  }

  counts(from: number, to: number): DeviceCounts {
    const counts: Partial<Record<DeviceState, number>> = {};
    for (let place = from; place < to; place += 1) {
      const { state } = this.at(place);
      counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  /** Stores the first copy, before anybody leads the campaign. */
  async create(): Promise<void> {
    for (const part of [...this.#changed]) await this.#records.create(this.#part(part));
    this.#changed.clear();
  }

  /** Stores what has changed. */
  async save(): Promise<void> {
    for (const part of [...this.#changed]) {
      this.#changed.delete(part);
      try {
        await this.#records.write(this.#part(part));
      } catch (thrown) {
        this.#changed.add(part);
        throw thrown;
      }
    }
  }

  /** Removes them from the store, the last part first: what a crash leaves can still be found. */
  async remove(): Promise<void> {
    let parts = 0;
    while (await this.#records.read(this.#name(parts))) parts += 1;
    for (let part = parts - 1; part >= 0; part -= 1) await this.#records.remove(this.#name(part));
    this.#devices = [];
    this.#places.clear();
    this.#changed.clear();
  }

  #part(part: number): CampaignPart {
    const devices = this.#devices.slice(part * PART_SIZE, (part + 1) * PART_SIZE);
    return { id: this.#name(part), devices };
  }

  #partOf(place: number): number {
    return Math.floor(place / PART_SIZE);
  }

  #name(part: number): string {
    return `${this.#campaign}-${String(part).padStart(4, '0')}`;
  }
}
