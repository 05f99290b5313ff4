import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { MeteredUse } from '../azure/iot-hub/metering.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { QUOTA_SOURCES, type QuotaSourceName, type QuotaUse } from '../contract/quota.ts';
import { toConnectorError } from '../errors/connector-error.ts';
import { replaceFile } from '../lib/files.ts';
import type { Log } from '../observe/log.ts';
import type { ReceivedMessage } from '../translate/types.ts';
import { HeavyDevices, type KeptDevice } from './heavy-devices.ts';

interface QuotaMeterOptions {
  /** Where the counts of the day are kept. */
  readonly directory: string;
  /** The current settings. Throws while the hub has none. */
  readonly settings: () => HubSettings;
  /** The device of the canary; undefined while it is off. */
  readonly canaryDevice: () => string | undefined;
  readonly log: Log;
}

interface Kept {
  readonly dayMs: number;
  readonly sinceMs: number;
  readonly sources: Partial<Record<QuotaSourceName, number>>;
  readonly devices: readonly KeptDevice[];
  readonly places: readonly (readonly [string, number])[];
  readonly jobs: readonly (readonly [string, number])[];
  readonly slots: readonly (readonly [number, number])[];
}

type Tier = HubSettings['tier'];

/** Messages a day and unit (article "IoT Hub quotas and throttling"). The free tier has one unit. */
const DAILY_MESSAGES: Readonly<Record<Exclude<Tier, 'unknown'>, number>> = {
  F1: 8_000,
  B1: 400_000,
  S1: 400_000,
  B2: 6_000_000,
  S2: 6_000_000,
  B3: 300_000_000,
  S3: 300_000_000,
};
/** A message is counted once for each of these bytes that it begins. */
const CHUNK_BYTES = 4_096;
const FREE_CHUNK_BYTES = 512;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** The last hour is counted in slots, for the forecast. */
const SLOT_MS = 300_000;
const SLOTS = HOUR_MS / SLOT_MS;
const KEEP_MS = 15_000;
const TOP_DEVICES = 10;
const MAX_JOBS = 1_000;
/** The begin and the end of an upload are each a message. */
const MESSAGES_PER_UPLOAD = 2;

/**
 * Counts what the IoT Hub counts against its daily quota, as far as this sidecar sees it: the telemetry that it reads, and the operations that it
 * makes. The day is that of UTC. Counts are kept over a restart.
 */
export class QuotaMeter {
  readonly #options: QuotaMeterOptions;
  readonly #file: string;
  readonly #sources = new Map<QuotaSourceName, number>();
  readonly #devices = new HeavyDevices();
  /** The sequence number of the last message that was counted, by stream and partition. */
  readonly #places = new Map<string, number>();
  /** Devices of each job that are counted. */
  readonly #jobs = new Map<string, number>();
  readonly #slots = new Map<number, number>();
  /** Midnight in UTC, at which the day has begun. */
  #dayMs = dayOf(Date.now());
  #sinceMs = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #keeping: Promise<void> = Promise.resolve();
  #isKept = false;

  constructor(options: QuotaMeterOptions) {
    this.#options = options;
    this.#file = path.join(options.directory, 'quota.json');
  }

  /** Goes on with what the last process has counted. Idempotent. Never rejects. */
  start(): Promise<void> {
    this.#starting ??= this.#restore();
    this.#timer ??= setInterval(() => void this.#keep(), KEEP_MS);
    return this.#starting;
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#starting) await this.#keep();
  }

  /** Messages that were received. Those of other days, and those that were counted before, do not count. */
  received(stream: string, partitionId: string, messages: readonly ReceivedMessage[]): void {
    if (messages.length === 0) return;
    const now = Date.now();
    this.#roll(now);
    const canary = this.#options.canaryDevice();
    const chunk = this.#chunkBytes();
    const byDevice = new Map<string, number>();
    const place = `${stream}/${partitionId}`;
    let last = this.#places.get(place) ?? -1;
    for (const message of messages) {
      const { deviceId, source, enqueuedTimeMs: timeMs, sequenceNumber } = message;
      if (sequenceNumber <= last) continue;
      last = sequenceNumber;
      if (dayOf(timeMs) !== this.#dayMs) continue;
      const isReport = source === 'twinChangeEvents' && reportsProperties(message);
      if (source !== 'Telemetry' && source !== '' && !isReport) continue;
      const messagesOf = chunksOf(isReport ? message.body.length : sizeOf(message), chunk);
      this.#add(deviceId === canary ? 'canary' : isReport ? 'twin' : 'telemetry', messagesOf, now);
      byDevice.set(deviceId, (byDevice.get(deviceId) ?? 0) + messagesOf);
    }
    this.#places.set(place, last);
    for (const [device, count] of byDevice) this.#devices.add(device, count, now);
  }

  /** An operation of this sidecar. */
  used(use: MeteredUse): void {
    const now = Date.now();
    this.#roll(now);
    if (use.kind === 'job') {
      this.#usedByJob(use, now);
      return;
    }
    const { kind, deviceId, sizes, isOwn } = use;
    const chunk = this.#chunkBytes();
    const messages = sizes.reduce((sum, size) => sum + chunksOf(size, chunk), 0);
    const isCanary = deviceId !== undefined && deviceId === this.#options.canaryDevice();
    this.#add(isCanary ? 'canary' : isOwn ? 'sidecar' : kind, messages, now);
    if (deviceId !== undefined) this.#devices.add(deviceId, messages, now);
  }

  /** A device has uploaded a file. */
  uploaded(deviceId: string): void {
    const now = Date.now();
    this.#roll(now);
    this.#add('upload', MESSAGES_PER_UPLOAD, now);
    this.#devices.add(deviceId, MESSAGES_PER_UPLOAD, now);
  }

  get use(): QuotaUse {
    const now = Date.now();
    this.#roll(now);
    const used = this.#used();
    const limit = this.#limit();
    return {
      day: new Date(this.#dayMs).toISOString().slice(0, 10),
      since: new Date(this.#sinceMs).toISOString(),
      used,
      ...(limit === undefined ? {} : { limit, percent: percentOf(used, limit) }),
      forecast: this.#forecast(used, now),
      sources: QUOTA_SOURCES.flatMap((source) => {
        const messages = this.#sources.get(source) ?? 0;
        return messages === 0 ? [] : [{ source, messages, share: percentOf(messages, used) }];
      }),
      devices: this.#devices.top(TOP_DEVICES, used, now),
    };
  }

  #usedByJob(use: Extract<MeteredUse, { kind: 'job' }>, now: number): void {
    const { jobId, devices, messagesPerDevice, endTime } = use;
    if (endTime !== undefined && dayOf(Date.parse(endTime)) !== this.#dayMs) return;
    const counted = this.#jobs.get(jobId) ?? 0;
    if (devices <= counted) return;
    this.#jobs.set(jobId, devices);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > MAX_JOBS && oldest !== undefined) this.#jobs.delete(oldest);
    this.#add('job', (devices - counted) * messagesPerDevice, now);
  }

  #add(source: QuotaSourceName, messages: number, now: number): void {
    this.#isKept = false;
    this.#sources.set(source, (this.#sources.get(source) ?? 0) + messages);
    const slot = Math.floor(now / SLOT_MS);
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + messages);
    const [oldest] = this.#slots.keys();
    if (oldest !== undefined && oldest <= slot - SLOTS) this.#slots.delete(oldest);
  }

  #used(): number {
    return [...this.#sources.values()].reduce((sum, messages) => sum + messages, 0);
  }

  /** If it goes on as in the last hour, or since the counting began if that is less. */
  #forecast(used: number, now: number): number {
    const first = Math.floor(now / SLOT_MS) - SLOTS + 1;
    const fromMs = Math.max(first * SLOT_MS, this.#dayMs, Math.floor(this.#sinceMs / SLOT_MS) * SLOT_MS);
    let recent = 0;
    for (const [slot, messages] of this.#slots) if (slot >= first) recent += messages;
    const perMs = recent / Math.max(SLOT_MS, now - fromMs);
    return Math.round(used + perMs * (this.#dayMs + DAY_MS - now));
  }

  #limit(): number | undefined {
    const { tier = 'unknown', units = 1 } = this.#tier();
    if (tier === 'unknown') return undefined;
    return DAILY_MESSAGES[tier] * (tier === 'F1' ? 1 : units);
  }

  #chunkBytes(): number {
    return this.#tier().tier === 'F1' ? FREE_CHUNK_BYTES : CHUNK_BYTES;
  }

  /** Empty while the hub has no settings. */
  #tier(): Partial<Pick<HubSettings, 'tier' | 'units'>> {
    try {
      return this.#options.settings();
    } catch {
      return {};
    }
  }

  /** At midnight UTC everything begins at zero. */
  #roll(now: number): void {
    const dayMs = dayOf(now);
    if (dayMs === this.#dayMs) return;
    this.#dayMs = dayMs;
    this.#sinceMs = dayMs;
    this.#sources.clear();
    this.#devices.clear();
    this.#jobs.clear();
    this.#slots.clear();
  }

  async #restore(): Promise<void> {
    try {
      const kept = JSON.parse(await readFile(this.#file, 'utf8')) as Kept;
      for (const [place, last] of kept.places) this.#places.set(place, last);
      if (kept.dayMs !== this.#dayMs) return;
      this.#sinceMs = kept.sinceMs;
      for (const source of QUOTA_SOURCES) {
        const messages = kept.sources[source];
        if (messages !== undefined) this.#sources.set(source, messages);
      }
      this.#devices.restore(kept.devices);
      for (const [job, devices] of kept.jobs) this.#jobs.set(job, devices);
      for (const [slot, messages] of kept.slots) this.#slots.set(slot, messages);
    } catch {
      // There is none, or it is damaged: the day is counted from now on.
    }
  }

  /** One write after the other: each replaces the file. */
  #keep(): Promise<void> {
    this.#keeping = this.#keeping.then(async () => {
      if (this.#isKept) return;
      this.#isKept = true;
      const kept: Kept = {
        dayMs: this.#dayMs,
        sinceMs: this.#sinceMs,
        sources: Object.fromEntries(this.#sources),
        devices: this.#devices.kept(),
        places: [...this.#places],
        jobs: [...this.#jobs],
        slots: [...this.#slots],
      };
      try {
        await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
        await replaceFile(this.#file, `${JSON.stringify(kept)}\n`);
      } catch (thrown) {
        this.#isKept = false;
        this.#options.log.debug({ err: toConnectorError(thrown) }, 'The use of the quota cannot be kept.');
      }
    });
    return this.#keeping;
  }
}

/** The midnight in UTC before. */
function dayOf(timeMs: number): number {
  return timeMs - (timeMs % DAY_MS);
}

function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1000) / 10;
}

/** What is empty is a message, too. */
function chunksOf(bytes: number, chunk: number): number {
  return Math.max(1, Math.ceil(bytes / chunk));
}

const REPORTED = Buffer.from('"reported"');

/** IoT Hub says with one kind of event that a device has reported something, and that the cloud has desired something. */
function reportsProperties({ body }: ReceivedMessage): boolean {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes(REPORTED);
}

/** The body, the values of the properties that the device has set of those of the system, and the names and values of its own. */
function sizeOf(message: ReceivedMessage): number {
  const { body, contentType, contentEncoding, messageId, correlationId, applicationProperties } = message;
  let bytes = body.length;
  for (const value of [contentType, contentEncoding, messageId, correlationId]) bytes += value?.length ?? 0;
  for (const name of Object.keys(applicationProperties))
    bytes += name.length + String(applicationProperties[name]).length;
  return bytes;
}
