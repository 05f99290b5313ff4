import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeviceClient } from '../azure/iot-hub/device-client.ts';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import { CANARY_PATHS, type CanaryPathName, type CanaryStatus } from '../contract/canary.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Announcer } from '../ingest/notifications/announcer.ts';
import { untilAborted } from '../lib/concurrency.ts';
import { replaceFile } from '../lib/files.ts';
import { hash53 } from '../lib/hash.ts';
import type { Log } from '../observe/log.ts';
import type { CanaryFacts } from '../observe/side-metrics.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { DeviceThings } from '../thingworx/device-things.ts';
import { CanaryDevice } from './canary-device.ts';
import { type KeptPath, type Outcome, PathRecord } from './path-record.ts';
import { CANARY_MEMBER, CANARY_METHOD, Round } from './round.ts';

interface CanaryOptions {
  readonly hubThing: string;
  /** Where the outcomes of the last hour are kept. */
  readonly directory: string;
  readonly client: ThingworxClient;
  readonly deviceThings: DeviceThings;
  readonly clients: () => Promise<HubClients>;
  readonly announce: Announcer['announce'];
  readonly log: Log;
  /** Called when the status has changed. */
  readonly onChange: () => void;
}

type CanarySettings = Pick<
  HubSettings,
  | 'canaryEnabled'
  | 'canaryDevice'
  | 'canaryIntervalSeconds'
  | 'canaryTimeoutSeconds'
  | 'canaryMethod'
  | 'canaryTwin'
>;

interface Kept {
  readonly deviceId: string;
  readonly paths: Partial<Record<CanaryPathName, KeptPath>>;
}

/**
 * A device of its own by which the sidecar tests the way of messages, direct methods and twins all the time. Of the sidecars of a group the one
 * that reads the first partition runs it.
 */
export class Canary {
  readonly #options: CanaryOptions;
  readonly #device: CanaryDevice;
  readonly #file: string;
  #settings: CanarySettings | undefined;
  /** Whether this sidecar reads the first partition. */
  #leads = false;
  /** Whether no other sidecar can read partitions of the hub: they have no place to share them. */
  #isAlone = false;
  /** What the canary runs with, and what it is to run with. A change begins it anew. */
  #key = '';
  #wantedKey = '';
  #running: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  #changing: Promise<void> = Promise.resolve();
  #records: readonly PathRecord[] = [];
  #lastValue = 0;
  #lastRoundMs: number | undefined;
  #suspended: ConnectorError | undefined;
  /** Events are fired one after the other, in the order in which they happened, while the rounds continue. */
  #firing: Promise<unknown> = Promise.resolve();
  #connected: { readonly client: DeviceClient; readonly thing: string } | undefined;
  #desired: { readonly value: number; readonly heard: () => void } | undefined;

  constructor(options: CanaryOptions) {
    this.#options = options;
    this.#device = new CanaryDevice(options);
    this.#file = join(options.directory, 'canary.json');
  }

  /** Undefined while another sidecar of the group runs the canary. */
  get status(): CanaryStatus | undefined {
    const settings = this.#settings;
    if (!settings) return undefined;
    const device = this.#deviceId(settings);
    if (!settings.canaryEnabled) return { state: 'off', device, paths: [] };
    if (!this.#running) return undefined;
    const now = Date.now();
    const reason = this.#reason();
    return {
      state: this.#state(),
      device,
      ...(reason === undefined ? {} : { reason }),
      ...(this.#lastRoundMs === undefined ? {} : { time: new Date(this.#lastRoundMs).toISOString() }),
      paths: this.#records.map((record) => record.row(now)),
    };
  }

  /** What metrics show; undefined while this sidecar does not run the canary. */
  get facts(): CanaryFacts | undefined {
    if (!this.#running) return undefined;
    const now = Date.now();
    return {
      paths: this.#records.map((record) => ({ ...record.row(now), counts: { ...record.counts } })),
      isSuspended: this.#suspended !== undefined,
    };
  }

  /** Takes the current settings. Resolves when what they change has ended. */
  use(settings: HubSettings): Promise<void> {
    const { canaryEnabled, canaryDevice, canaryIntervalSeconds, canaryTimeoutSeconds } = settings;
    const { canaryMethod, canaryTwin, enabled, iotHubConnectionString, hostName, amqpTransport } = settings;
    this.#settings = {
      canaryEnabled: canaryEnabled && enabled,
      ...(canaryDevice ? { canaryDevice } : {}),
      canaryIntervalSeconds,
      canaryTimeoutSeconds,
      canaryMethod,
      canaryTwin,
    };
    this.#isAlone = settings.storageConnectionString === undefined;
    const reach = [iotHubConnectionString, hostName, amqpTransport];
    this.#wantedKey = JSON.stringify([this.#settings, reach]);
    return this.#change();
  }

  /** Says whether this sidecar reads the first partition: of the sidecars of a group, that one runs the canary. */
  lead(leads: boolean): void {
    this.#leads = leads;
    void this.#change();
  }

  /** Deletes the device and its Thing. Rejects with CANARY_DEVICE_TAKEN and what the calls reject with. */
  async remove(settings: HubSettings, signal: AbortSignal): Promise<{ device: boolean; thing: boolean }> {
    return await this.#device.remove(this.#deviceId(settings), { signal });
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#settings = undefined;
    this.#leads = false;
    await this.#change();
    await this.#firing;
  }

  /** One change after the other: a canary that runs is stopped before it begins anew. */
  #change(): Promise<void> {
    this.#changing = this.#changing.then(async () => {
      const settings = this.#settings;
      const key = this.#wantedKey;
      const runs = (this.#leads || this.#isAlone) && settings?.canaryEnabled === true;
      if (key === this.#key && runs === (this.#running !== undefined)) return;
      this.#key = key;
      const before = this.#running;
      before?.abort.abort();
      await before?.done;
      this.#running = undefined;
      if (!runs || !settings) return;
      const abort = new AbortController();
      await this.#restore(settings);
      this.#running = { abort, done: this.#run(settings, abort.signal) };
    });
    return this.#changing;
  }

  /** Rounds until the signal. Never rejects. */
  async #run(settings: CanarySettings, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const beganMs = performance.now();
      await this.#round(settings, signal).catch((thrown) => {
        const error = toConnectorError(thrown);
        if (error.code !== 'STOPPING')
          this.#options.log.error({ err: error }, 'A round of the canary failed.');
      });
      const leftMs = settings.canaryIntervalSeconds * 1000 - (performance.now() - beganMs);
      await sleep(Math.max(0, leftMs), undefined, { signal }).catch(() => undefined);
    }
    this.#disconnect();
  }

  async #round(settings: CanarySettings, signal: AbortSignal): Promise<void> {
    let outcomes: ReadonlyMap<CanaryPathName, Outcome>;
    try {
      outcomes = await untilAborted(this.#measure(settings, signal), signal);
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (signal.aborted) return;
      if (error.code === 'CANARY_SUSPENDED') {
        this.#suspend(error);
        return;
      }
      // Without a device there is no path.
      outcomes = new Map(this.#records.map(({ name }) => [name, { error }]));
    }
    const now = Date.now();
    this.#lastRoundMs = now;
    this.#suspend(undefined);
    const failedSince = new Map(this.#records.map((record) => [record.name, record.sinceMs]));
    const failed: PathRecord[] = [];
    const recovered: PathRecord[] = [];
    for (const record of this.#records) {
      const outcome = outcomes.get(record.name);
      const before = record.state;
      const state = outcome && record.note(outcome, now);
      if (state === 'failed') failed.push(record);
      if (state === 'ok' && before === 'failed') recovered.push(record);
    }
    const telemetry = outcomes.get('telemetry');
    // The device or its Thing may have been deleted: the next round makes it again.
    if (telemetry && 'error' in telemetry) this.#disconnect();
    if (failed.length > 0) this.#tell('CanaryFailed', failed, settings, now, now, signal);
    if (recovered.length > 0) {
      const sinceMs = Math.min(...recovered.map(({ name }) => failedSince.get(name) ?? now));
      this.#tell('CanaryRecovered', recovered, settings, sinceMs, now, signal);
    }
    this.#options.onChange();
    await this.#keep(settings);
  }

  async #measure(settings: CanarySettings, signal: AbortSignal): Promise<Map<CanaryPathName, Outcome>> {
    const timeoutMs = settings.canaryTimeoutSeconds * 1000;
    const deviceId = this.#deviceId(settings);
    const { client: device, thing } = await this.#connect(deviceId, timeoutMs, signal);
    this.#lastValue = Math.max(Date.now(), this.#lastValue + 1);
    return await new Round(this.#lastValue, {
      device,
      deviceId,
      thing,
      client: this.#options.client,
      clients: await this.#options.clients(),
      paths: this.#records.map(({ name }) => name),
      timeoutMs,
      signal,
      desired: (value) =>
        new Promise((heard) => {
          this.#desired = { value, heard };
        }),
    }).run();
  }

  /** The connected device: it stays connected from round to round. */
  async #connect(deviceId: string, timeoutMs: number, signal: AbortSignal) {
    if (this.#connected?.client.isOpen) return this.#connected;
    this.#disconnect();
    const call = { timeoutMs, signal };
    const { key, thing } = await this.#device.prepare(deviceId, call);
    const { credentials } = await this.#options.clients();
    const client = new DeviceClient({
      credentials,
      deviceId,
      key,
      answer: (name, payload) =>
        name === CANARY_METHOD ? { status: 200, payload } : { status: 404, payload: null },
      onDesired: (patch) => {
        if (Number(patch[CANARY_MEMBER]) === this.#desired?.value) this.#desired?.heard();
      },
    });
    try {
      await client.open(call);
    } catch (thrown) {
      client.close();
      throw thrown;
    }
    if (signal.aborted) client.close();
    else this.#connected = { client, thing };
    return { client, thing };
  }

  #disconnect(): void {
    this.#connected?.client.close();
    this.#connected = undefined;
  }

  /** Said once when ThingWorx does not answer, and once when it does again. */
  #suspend(error: ConnectorError | undefined): void {
    const wasSuspended = this.#suspended !== undefined;
    this.#suspended = error;
    if (wasSuspended === (error !== undefined)) return;
    if (error) this.#options.log.warn({ err: error }, 'The canary is suspended.');
    else this.#options.log.info('The canary is no longer suspended.');
    this.#options.onChange();
  }

  /** One event for all paths that changed in the same round. */
  #tell(
    event: 'CanaryFailed' | 'CanaryRecovered',
    records: readonly PathRecord[],
    settings: CanarySettings,
    sinceMs: number,
    nowMs: number,
    signal: AbortSignal,
  ): void {
    const paths = records.map(({ name }) => name).join(', ');
    const failures = records.flatMap(({ failure }) => (failure ? [failure] : []));
    const data = {
      paths,
      device: this.#deviceId(settings),
      code: failures[0]?.code ?? '',
      reason: reasonOf(records),
      since: sinceMs,
      time: nowMs,
    };
    const { log, announce } = this.#options;
    if (event === 'CanaryFailed') log.warn(data, 'The canary has failed.');
    else log.info(data, 'The canary has recovered.');
    this.#firing = this.#firing
      .then(() => announce([{ deviceId: '', event, data }], signal))
      .catch(() => undefined);
  }

  #state(): CanaryStatus['state'] {
    if (this.#suspended) return 'suspended';
    if (this.#records.some(({ state }) => state === 'failed')) return 'failed';
    return this.#records.some(({ state }) => state === 'unknown') ? 'starting' : 'ok';
  }

  #reason(): string | undefined {
    if (this.#suspended) return this.#suspended.message;
    const failed = this.#records.filter(({ state }) => state === 'failed');
    return failed.length === 0 ? undefined : reasonOf(failed);
  }

  #deviceId(settings: Pick<HubSettings, 'canaryDevice'>): string {
    return canaryDeviceOf(this.#options.hubThing, settings);
  }

  async #restore(settings: CanarySettings): Promise<void> {
    const names = CANARY_PATHS.filter(
      (name) => name === 'telemetry' || (name === 'method' ? settings.canaryMethod : settings.canaryTwin),
    );
    this.#records = names.map((name) => new PathRecord(name));
    this.#suspended = undefined;
    try {
      const kept = JSON.parse(await readFile(this.#file, 'utf8')) as Kept;
      if (kept.deviceId !== this.#deviceId(settings)) return;
      for (const record of this.#records) {
        const path = kept.paths[record.name];
        if (path) record.restore(path);
      }
    } catch {
      // There is none, or it is damaged: the hour begins anew.
    }
  }

  async #keep(settings: CanarySettings): Promise<void> {
    const paths = Object.fromEntries(this.#records.map((record) => [record.name, record.kept()]));
    try {
      await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
      await replaceFile(this.#file, `${JSON.stringify({ deviceId: this.#deviceId(settings), paths })}\n`);
    } catch (thrown) {
      this.#options.log.debug(
        { err: toConnectorError(thrown) },
        'The outcomes of the canary cannot be kept over a restart.',
      );
    }
  }
}

function reasonOf(records: readonly PathRecord[]): string {
  const reasons = new Map<string, string[]>();
  for (const { name, failure } of records) {
    const text = failure ? `${failure.code}: ${failure.reason}` : 'unknown';
    reasons.set(text, [...(reasons.get(text) ?? []), name]);
  }
  return [...reasons].map(([text, names]) => `${names.join(', ')}: ${text}`).join(' ');
}

const MAX_ID_CHARACTERS = 128;

/** The device of the canary of a hub Thing. Names of Things may have characters that ids of devices must not have. */
export function canaryDeviceOf(
  hubThing: string,
  { canaryDevice }: Pick<HubSettings, 'canaryDevice'>,
): string {
  if (canaryDevice) return canaryDevice;
  const name = `thingworx-canary-${hubThing}`;
  const safe = name.replaceAll(/[^A-Za-z0-9._-]/g, '-');
  if (safe === name && name.length <= MAX_ID_CHARACTERS) return name;
  const distinct = hash53(name).toString(36);
  return `${safe.slice(0, MAX_ID_CHARACTERS - 1 - distinct.length)}-${distinct}`;
}
