import type { AmqpTransport } from '../azure/amqp-connection.ts';
import { hubCredentials } from '../azure/credentials.ts';
import { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { OnMetered } from '../azure/iot-hub/metering.ts';
import type { HubTier, QuotaOptions } from '../azure/iot-hub/rate-limiter.ts';
import type { ServiceClock } from '../azure/service-clock.ts';

/** The settings of a hub Thing that name its IoT Hub and the credentials. */
interface HubAccess {
  readonly iotHubConnectionString?: string | undefined;
  readonly hostName?: string | undefined;
  readonly amqpTransport?: AmqpTransport;
  /** `unknown`: calls are held back only once the hub says 429. */
  readonly tier?: HubTier | 'unknown';
  readonly units?: number;
}

/** The clients of one IoT Hub: made on first use, and made again when the settings name another hub or other credentials. */
export class IotHubClients {
  readonly #clock: ServiceClock;
  readonly #onMetered: OnMetered;
  #access: HubAccess = {};
  #clients: Promise<HubClients> | undefined;

  /** `onMetered` receives what operations use of the daily quota. */
  constructor(clock: ServiceClock, onMetered: OnMetered) {
    this.#clock = clock;
    this.#onMetered = onMetered;
  }

  /** Takes the current settings. Equal ones change nothing. */
  async use({ iotHubConnectionString, hostName, amqpTransport, tier, units }: HubAccess): Promise<void> {
    const before = this.#access;
    this.#access = {
      iotHubConnectionString,
      hostName,
      ...(amqpTransport ? { amqpTransport } : {}),
      ...(tier ? { tier } : {}),
      ...(units ? { units } : {}),
    };
    const isOther =
      before.iotHubConnectionString !== iotHubConnectionString ||
      before.hostName !== hostName ||
      before.amqpTransport !== amqpTransport;
    if (isOther) await this.#drop();
    else if (before.tier !== tier || before.units !== units)
      (await this.#clients?.catch(() => undefined))?.quota.configure(quotaOf(this.#access));
  }

  /** Rejects with CONNECTION_STRING_INVALID or SETTING_MISSING; the next call tries again. */
  get(): Promise<HubClients> {
    if (!this.#clients) {
      const opening = open(this.#access, this.#clock, this.#onMetered);
      this.#clients = opening;
      opening.catch(() => {
        if (this.#clients === opening) this.#clients = undefined;
      });
    }
    return this.#clients;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#access = {};
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const clients = this.#clients;
    this.#clients = undefined;
    await clients?.then(
      (open) => open.close(),
      () => undefined,
    );
  }
}

async function open(access: HubAccess, clock: ServiceClock, onMetered: OnMetered): Promise<HubClients> {
  const { iotHubConnectionString: connectionString, hostName, amqpTransport: transport } = access;
  const quota = quotaOf(access);
  return new HubClients({
    credentials: await hubCredentials({ connectionString, hostName, transport, clock }),
    ...(quota ? { quota } : {}),
    onMetered,
  });
}

function quotaOf({ tier = 'unknown', units = 1 }: HubAccess): QuotaOptions | undefined {
  return tier === 'unknown' ? undefined : { tier, units };
}
