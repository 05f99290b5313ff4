import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import iotCommon from 'azure-iot-common';
import type { Registry } from 'azure-iothub';
import { Listener, OrderListener, store, Volume } from '../../test/e2e/instruments.ts';
import { DialAgent, sdkClients } from '../../test/emulators/iothub-tests/state-harness.ts';
import type { LocalSystem } from '../local/system.ts';

/** What arrived of a load, compared with what was sent. */
export interface Arrival {
  readonly missingValues: number;
  readonly missingNotifications: number;
  readonly outOfOrder: number;
  /** Beside the values. */
  readonly notificationsOutOfOrder: number;
}

const ROUND_MS = 50;
const BESIDE_EVERY = 10;
const SETTLE_MS = 60_000;

interface LoadOptions {
  /** Messages of each device in each round of 50 ms; fewer on a machine that is too slow. */
  readonly perRound?: number;
  /** Whether a subscriber on the platform looks at the order, which costs the platform a script for each value. */
  readonly subscribes?: boolean;
}

/**
 * Numbered messages of all devices of a system, with a malformed body now and then and a change of a twin beside: it knows what was sent, and
 * compares it with the value streams and with what a subscriber on the platform has seen.
 */
export class Load {
  readonly #system: LocalSystem;
  readonly #options: Required<LoadOptions>;
  readonly #volume: Volume;
  #values: OrderListener | undefined;
  #notifications: Listener | undefined;
  #agent: DialAgent | undefined;
  #registry: Registry | undefined;
  /** The version that the twin of each device came to. */
  readonly #versions = new Map<string, number[]>();
  /** Up to which message of each device the comparison has come. */
  readonly #compared = new Map<string, number>();
  /** As the subscribers have seen it since the beginning. */
  #outOfOrder = { values: 0, notifications: 0 };
  #extra = 0;
  #malformed = 0;
  #running: { readonly over: AbortController; readonly done: Promise<void> } | undefined;

  constructor(system: LocalSystem, { perRound = 2, subscribes = true }: LoadOptions = {}) {
    this.#system = system;
    this.#options = { perRound, subscribes };
    this.#volume = new Volume(
      system,
      system.devices.map(({ deviceId }) => deviceId),
    );
  }

  get deviceIds(): readonly string[] {
    return this.#volume.deviceIds;
  }

  /** Numbered messages so far, of all devices together. */
  get sent(): number {
    return this.#volume.count * this.deviceIds.length;
  }

  /** Bodies that are no JSON, which must become dead letters. */
  get malformed(): number {
    return this.#malformed;
  }

  async open(): Promise<void> {
    if (this.#options.subscribes) {
      this.#values = new OrderListener(this.#system, 'Counts');
      await this.#values.listen(this.deviceIds);
    }
    this.#notifications = new Listener(this.#system, 'Notifications');
    await this.#notifications.listen(
      this.deviceIds.map((thing) => ({ thing, event: 'TwinChanged', expression: 'eventData.version' })),
    );
    const { iotHubConnectionString, caFile } = this.#system.cloud;
    const { HostName = '' } = iotCommon.ConnectionString.parse(iotHubConnectionString);
    const [host = '', port] = HostName.split(':');
    this.#agent = new DialAgent(Number(port), await readFile(caFile, 'utf8'));
    ({ registry: this.#registry } = sdkClients(iotHubConnectionString.replace(HostName, host), this.#agent));
  }

  close(): void {
    this.#agent?.destroy();
  }

  /** Sends until `end`. */
  begin(): void {
    const over = new AbortController();
    this.#running ??= { over, done: this.#send(over.signal) };
  }

  async end(): Promise<void> {
    this.#running?.over.abort();
    await this.#running?.done;
    this.#running = undefined;
  }

  /** The next round has so many messages more of each device. Numbers stay in order. */
  burst(perDevice: number): void {
    this.#extra += perDevice;
  }

  /** The sum of the numbers on the Things, which is `sent` when all have arrived. */
  async newestValues(): Promise<number> {
    let sum = 0;
    for (const deviceId of this.deviceIds)
      sum += Number((await this.#system.platform.properties(deviceId))['count']) || 0;
    return sum;
  }

  /** Resolves when everything that was sent has arrived. Sends nothing more until `begin`. */
  async settle(): Promise<void> {
    await this.end();
    const endMs = performance.now() + SETTLE_MS;
    while (!(await this.hasArrived())) {
      if (performance.now() > endMs) throw new Error('What was sent before the fault did not arrive.');
      await sleep(ROUND_MS);
    }
  }

  /** Whether the last value of each device is on its Thing. A quick look before `compare`. */
  async hasArrived(): Promise<boolean> {
    for (const deviceId of this.deviceIds) {
      const { count } = await this.#system.platform.properties(deviceId);
      if (count !== this.#volume.count) return false;
      const last = this.#versions.get(deviceId)?.at(-1);
      const heard = await this.#heardVersions(deviceId);
      if (last !== undefined && !heard.includes(last)) return false;
    }
    return true;
  }

  /**
   * Compares what was sent with what arrived since the last comparison. Messages that are newer than the present value of their Thing are left to the
   * next one with `arrived`: they may be on their way.
   */
  async compare({ arrived = false } = {}): Promise<Arrival> {
    // Read before anything is noted: the platform may be away.
    const seen = [];
    for (const [index, deviceId] of this.deviceIds.entries())
      seen.push({
        deviceId,
        newest: Number((await this.#system.platform.properties(deviceId))['count']) || 0,
        rows: await this.#system.platform.history(deviceId, 1_000_000),
        stepsBack: (await this.#values?.stepsBack(index)) ?? 0,
        versions: await this.#heardVersions(deviceId),
      });
    let missingValues = 0;
    let missingNotifications = 0;
    const outOfOrder = { values: 0, notifications: 0 };
    for (const { deviceId, newest, rows, stepsBack, versions } of seen) {
      const before = this.#compared.get(deviceId) ?? 0;
      const through = arrived ? Math.max(before, newest) : this.#volume.count;
      const stored = new Set(rows.map((row) => Number(row['count'])));
      for (let count = before + 1; count <= through; count += 1) if (!stored.has(count)) missingValues += 1;
      this.#compared.set(deviceId, through);
      outOfOrder.values += stepsBack;
      outOfOrder.notifications += steppedBack(versions);
      if (!arrived) missingNotifications += this.#missingVersions(deviceId, versions);
    }
    const before = this.#outOfOrder;
    this.#outOfOrder = outOfOrder;
    return {
      missingValues,
      missingNotifications,
      outOfOrder: outOfOrder.values - before.values,
      notificationsOutOfOrder: outOfOrder.notifications - before.notifications,
    };
  }

  #missingVersions(deviceId: string, versions: readonly number[]): number {
    const heard = new Set(versions);
    const sent = this.#versions.get(deviceId) ?? [];
    const missing = sent.filter((version) => !heard.has(version)).length;
    // Counted once.
    this.#versions.set(deviceId, sent.slice(-1));
    return missing;
  }

  async #heardVersions(deviceId: string): Promise<number[]> {
    return ((await this.#notifications?.heard(this.deviceIds.indexOf(deviceId))) ?? []).map(Number);
  }

  async #send(over: AbortSignal): Promise<void> {
    const startedAtMs = performance.now();
    for (let round = 0; !over.aborted; round += 1) {
      const extra = this.#extra;
      this.#extra = 0;
      await this.#volume.send(this.#options.perRound + extra);
      if (round % BESIDE_EVERY === 0) await this.#sendBeside(round);
      const nextAtMs = startedAtMs + (round + 1) * ROUND_MS;
      await sleep(Math.max(ROUND_MS / 10, nextAtMs - performance.now()));
    }
  }

  async #sendBeside(round: number): Promise<void> {
    const deviceId = this.deviceIds[(round / BESIDE_EVERY) % this.deviceIds.length] ?? '';
    await store(this.#system, [{ deviceId, body: 'temperature=21.5' }]);
    this.#malformed += 1;
    const version = await this.#changeTwin(deviceId, { round });
    if (version === undefined) return;
    this.#versions.set(deviceId, [...(this.#versions.get(deviceId) ?? []), version]);
  }

  /** The version that the twin then has; undefined without a client. */
  async #changeTwin(deviceId: string, desired: Record<string, unknown>): Promise<number | undefined> {
    if (!this.#registry) return undefined;
    try {
      const { responseBody } = await this.#registry.updateTwin(deviceId, { properties: { desired } }, '*');
      return (responseBody as unknown as { version: number }).version;
    } catch (thrown) {
      // A row makes all tokens expire. The client makes one with another time of expiry in the next second.
      if (!/ExpiredToken/.test(String(thrown))) throw thrown;
      await sleep(1_000);
      return await this.#changeTwin(deviceId, desired);
    }
  }
}

/** How often a number is smaller than the one before. */
function steppedBack(numbers: readonly number[]): number {
  return numbers.filter((number, index) => number < (numbers[index - 1] ?? number)).length;
}
