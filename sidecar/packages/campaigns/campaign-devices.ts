import type { RecordStore } from '../../lib/records.ts';
import type { CampaignDevice } from './campaign.ts';
import type { DeviceCounts, DeviceState } from './types.ts';

/** A part of the devices of a campaign, as stored. */
export interface CampaignPart {
  /** `<id of the campaign>-<number>`. */
  readonly id: string;
  readonly devices: readonly CampaignDevice[];
}

/** A change of one device rewrites its part, so that a part must be a small file. */
const PART_SIZE = 500;

export function isCampaignPart(part: CampaignPart | null): boolean {
  return typeof part?.id === 'string' && Array.isArray(part.devices);
}

/** The devices of one campaign, in the order of their waves. They are stored in parts, and only changed parts are written. */
export class CampaignDevices {
  readonly #campaign: string;
  readonly #records: RecordStore<CampaignPart>;
  #devices: CampaignDevice[] = [];
  #indexes = new Map<string, number>();
  readonly #changed = new Set<number>();

  constructor(campaign: string, records: RecordStore<CampaignPart>) {
    this.#campaign = campaign;
    this.#records = records;
  }

  get length(): number {
    return this.#devices.length;
  }

  /** Reads the devices from the store. */
  async load(): Promise<void> {
    const devices: CampaignDevice[] = [];
    for (let part = 0; ; part += 1) {
      const found = await this.#records.read(this.#name(part));
      if (!found) break;
      devices.push(...found.devices);
      if (found.devices.length < PART_SIZE) break;
    }
    this.#devices = devices;
    this.#indexes = new Map(devices.map(({ deviceId }, index) => [deviceId, index]));
    this.#changed.clear();
  }

  /** Adds devices; those that the campaign already has are ignored. */
  add(deviceIds: readonly string[]): void {
    for (const deviceId of deviceIds) {
      if (this.#indexes.has(deviceId)) continue;
      this.#indexes.set(deviceId, this.#devices.length);
      this.#changed.add(this.#partOf(this.#devices.length));
      this.#devices.push({ deviceId, state: 'pending' });
    }
  }

  /** The index of a device; undefined if it is not a device of the campaign. */
  indexOf(deviceId: string): number | undefined {
    return this.#indexes.get(deviceId);
  }

  at(index: number): CampaignDevice {
    return this.#devices[index] as CampaignDevice;
  }

  /** Replaces a device. */
  set(index: number, device: CampaignDevice): void {
    this.#devices[index] = device;
    this.#changed.add(this.#partOf(index));
  }

  /** The indexes of devices in these states, up to but not including `end`. */
  *in(states: readonly DeviceState[], end = this.#devices.length): Generator<number, void> {
    for (let index = 0; index < end; index += 1) if (states.includes(this.at(index).state)) yield index;
  }

  counts(from: number, to: number): DeviceCounts {
    const counts: Partial<Record<DeviceState, number>> = {};
    for (let index = from; index < to; index += 1) {
      const { state } = this.at(index);
      counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  /** Stores the devices of a new campaign. */
  async create(): Promise<void> {
    for (const part of [...this.#changed]) await this.#records.create(this.#part(part));
    this.#changed.clear();
  }

  /** Stores the parts that have changed. */
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

  /** Removes the devices from the store, the last part first: after a crash, the remaining parts can still be found. */
  async remove(): Promise<void> {
    let parts = 0;
    while (await this.#records.read(this.#name(parts))) parts += 1;
    for (let part = parts - 1; part >= 0; part -= 1) await this.#records.remove(this.#name(part));
    this.#devices = [];
    this.#indexes.clear();
    this.#changed.clear();
  }

  #part(part: number): CampaignPart {
    const devices = this.#devices.slice(part * PART_SIZE, (part + 1) * PART_SIZE);
    return { id: this.#name(part), devices };
  }

  #partOf(index: number): number {
    return Math.floor(index / PART_SIZE);
  }

  #name(part: number): string {
    return `${this.#campaign}-${String(part).padStart(4, '0')}`;
  }
}
