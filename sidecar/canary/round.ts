import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceClient } from '../azure/iot-hub/device-client.ts';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { CanaryPathName } from '../contract/canary.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { untilAborted, withDeadline } from '../lib/concurrency.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { Outcome } from './path-record.ts';
import { ofThingworx } from './thingworx-call.ts';

interface RoundOptions {
  readonly device: DeviceClient;
  readonly deviceId: string;
  readonly thing: string;
  readonly client: ThingworxClient;
  readonly clients: HubClients;
  readonly paths: readonly CanaryPathName[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Resolves when the device has heard of this desired value. */
  readonly desired: (value: number) => Promise<void>;
}

/** The method that the canary answers. */
export const CANARY_METHOD = 'canary';
/** The property of the Thing, and the member of the message. */
const VALUE = 'canaryValue';
/** The member of the twin, desired and reported. */
export const CANARY_MEMBER = 'canary';

/** A method may take a device this long, in seconds; ThingWorx ends the script after 30. */
const METHOD_SECONDS = { least: 5, most: 15 };
/** The Thing is read again after a tenth of the time that has passed: a measured time is at most that much too long. */
const LOOK_SHARE = 0.1;
const LOOK_MS = { least: 10, most: 1_000 };
const READ_TIMEOUT_MS = 5_000;

/** One round of the canary: it sends a value on each path at the same time, and measures how long it takes. */
export class Round {
  readonly #options: RoundOptions;
  readonly #value: number;

  /** `value`: greater than that of every round before. */
  constructor(value: number, options: RoundOptions) {
    this.#value = value;
    this.#options = options;
  }

  /** Rejects with CANARY_SUSPENDED when ThingWorx does not answer, and with STOPPING. */
  async run(): Promise<Map<CanaryPathName, Outcome>> {
    const work = {
      telemetry: () => this.#telemetry(),
      method: () => this.#method(),
      twin: () => this.#twin(),
    };
    const outcomes = await Promise.all(
      this.#options.paths.map(async (path): Promise<[CanaryPathName, Outcome]> => {
        const beganMs = performance.now();
        try {
          await work[path]();
          return [path, { ms: Math.round(performance.now() - beganMs) }];
        } catch (thrown) {
          return [path, { error: toConnectorError(thrown) }];
        }
      }),
    );
    if (this.#options.signal.aborted) throw new ConnectorError('STOPPING', 'The canary was stopped.');
    for (const [, outcome] of outcomes)
      if ('error' in outcome && outcome.error.code === 'CANARY_SUSPENDED') throw outcome.error;
    return new Map(outcomes);
  }

  async #telemetry(): Promise<void> {
    const { device, deviceId, thing, timeoutMs, signal } = this.#options;
    const deadlineMs = performance.now() + timeoutMs;
    await device.send({ [VALUE]: this.#value }, { timeoutMs, signal });
    await this.#arrives(
      deadlineMs,
      (values) => values[VALUE],
      `IoT Hub has the message of the device ${deviceId}, but its value is not in ${VALUE} of the Thing ${thing}`,
    );
  }

  async #method(): Promise<void> {
    const { client, thing, deviceId, timeoutMs, signal } = this.#options;
    const beganMs = performance.now();
    const payload = { value: this.#value };
    const seconds = Math.min(METHOD_SECONDS.most, Math.max(METHOD_SECONDS.least, timeoutMs / 1000));
    const call = { methodName: CANARY_METHOD, payload, responseTimeoutSeconds: Math.round(seconds) };
    // ThingWorx always answers before the default timeout of the client: a shorter one would blame it for a slow device.
    const answer = await ofThingworx(client.invoke(thing, 'InvokeMethod', call, { signal }));
    if (performance.now() - beganMs > timeoutMs)
      throw this.#late(`the answer of the device ${deviceId} to the direct method came too late`);
    const [row] =
      (answer as { rows?: { status?: unknown; payloadText?: unknown }[] } | undefined)?.rows ?? [];
    if (row?.status === 200 && row.payloadText === JSON.stringify(payload)) return;
    throw new ConnectorError(
      'CANARY_ANSWER_WRONG',
      `InvokeMethod of the Thing ${thing} gave another answer than the device ${deviceId} has given.`,
    );
  }

  async #twin(): Promise<void> {
    const { device, deviceId, thing, clients, timeoutMs, signal, desired } = this.#options;
    const deadlineMs = performance.now() + timeoutMs;
    const heard = desired(this.#value);
    await clients.twins.patch(
      { deviceId },
      { desired: { [CANARY_MEMBER]: this.#value } },
      { timeoutMs, signal },
    );
    const late = () =>
      this.#late(`IoT Hub has the desired property, but the device ${deviceId} has not heard of it`);
    await untilAborted(withDeadline(heard, leftMs(deadlineMs), late), signal);
    await device.report({ [CANARY_MEMBER]: this.#value }, { timeoutMs: leftMs(deadlineMs), signal });
    await this.#arrives(
      deadlineMs,
      ({ twinReported }) => (twinReported as Record<string, unknown> | undefined)?.[CANARY_MEMBER],
      `IoT Hub has the reported property of the device ${deviceId}, but it is not in twinReported of the Thing ${thing}; ` +
        'does the IoT Hub route twin change events to the built-in endpoint?',
    );
  }

  /** Waits until the Thing shows the value of this round, or of a later one. `missing`: what is said when it does not. */
  async #arrives(
    deadlineMs: number,
    shown: (values: Readonly<Record<string, unknown>>) => unknown,
    missing: string,
  ): Promise<void> {
    const { client, thing, signal } = this.#options;
    const beganMs = performance.now();
    for (;;) {
      let failure: unknown;
      try {
        // The last read may end after the deadline: cut short, it would blame ThingWorx for a value that has not arrived.
        const values = await client.properties(thing, { timeoutMs: READ_TIMEOUT_MS, signal });
        if (Number(shown(values)) >= this.#value) return;
      } catch (thrown) {
        failure = thrown;
      }
      const nowMs = performance.now();
      if (nowMs >= deadlineMs || signal.aborted) {
        if (failure) await ofThingworx(Promise.reject(failure));
        throw this.#late(missing);
      }
      const pauseMs = Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, (nowMs - beganMs) * LOOK_SHARE));
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #late(what: string): ConnectorError {
    return new ConnectorError('CANARY_TIMEOUT', `After ${this.#options.timeoutMs / 1000} seconds: ${what}.`);
  }
}

function leftMs(deadlineMs: number): number {
  return Math.max(1, deadlineMs - performance.now());
}
