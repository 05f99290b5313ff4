import { parseEventHub, parseIotHub } from '../azure/connection-string.ts';
import type { EventHubEndpoint } from '../azure/event-hubs/event-hub-client.ts';
import { openEventSource } from '../azure/event-hubs/event-source.ts';
import type { EventSource, StartPosition } from '../azure/event-hubs/event-types.ts';
import type { ServiceClock } from '../azure/service-clock.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { openCheckpoints } from '../ingest/checkpoints.ts';
import { eventEndpoint } from '../ingest/event-endpoint.ts';
import type { Announcer } from '../ingest/notifications/announcer.ts';
import { Backoff } from '../lib/backoff.ts';
import type { ClockWatch } from '../lib/clock-watch.ts';
import type { StateDirectoryWatch } from '../lib/state-directory-watch.ts';
import type { HubCounters } from '../observe/counters.ts';
import type { Log } from '../observe/log.ts';
import type { EventReceiver } from '../settings.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { HubCondition } from './condition.ts';
import { Partitions, type PartitionsOptions } from './partitions.ts';
import { SteadyRecovery } from './steady-recovery.ts';

interface ConsumerOptions
  extends Pick<PartitionsOptions, 'laneOptions' | 'owner' | 'onReceived' | 'onLeading'> {
  readonly hubThing: string;
  readonly client: ThingworxClient;
  readonly stateDirectory: string;
  readonly clock: ServiceClock;
  readonly clocks: Pick<ClockWatch, 'check' | 'problemWith'>;
  readonly stateWatch: Pick<StateDirectoryWatch, 'check' | 'problem'>;
  readonly eventReceiver: EventReceiver;
  readonly condition: HubCondition;
  readonly counters: HubCounters;
  readonly announcer: Announcer;
  /** The hosts of Azure that the settings name, as origins. */
  readonly origins: () => readonly string[];
  /** Called every few seconds while the event stream is read. */
  readonly onTick: () => void;
  readonly log: Log;
}

/** How long a hub that cannot work as it is set waits until it looks whether Azure's side has changed. */
const FAILED_RETRY_MS = 60_000;
const TICK_MS = 5_000;
/** How often a hub that receives nothing asks where its event stream is now. */
const LOCATE_MS = 10_000;
/** The source tries again after at most 10 seconds: a refusal that is not repeated for this long is over. */
const REFUSED_MS = 20_000;
const RECEIVING = 'receiving';
const SILENT = 'event stream';
const CHECKPOINTS = 'checkpoints';
/** Said once when a partition is opened; reading goes on all the same. */
const MISMATCHES: ReadonlySet<ErrorCode> = new Set([
  'CHECKPOINT_AHEAD',
  'MESSAGES_EXPIRED',
  'MESSAGES_SKIPPED',
]);

/** Reads the event stream of one hub: opens it, trying as long as it takes, follows it after a failover, and says what keeps it from reading. */
export class Consumer {
  readonly #options: ConsumerOptions;
  #session: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  #partitions: Partitions | undefined;
  #closeCheckpoints: () => Promise<void> = async () => undefined;
  readonly #checkpointRecovery = new SteadyRecovery();
  #refusedAtMs = 0;
  #isSilent = false;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  /** Those that are read; undefined while the event stream is not open. */
  get partitions(): Partitions | undefined {
    return this.#partitions;
  }

  /** Must not be called before the last session has stopped. */
  start(settings: HubSettings): void {
    this.#options.condition.become('connecting');
    const abort = new AbortController();
    this.#session = { abort, done: this.#run(settings, abort.signal) };
  }

  /** Lets lanes finish what they hold, writes the last checkpoints, gives the partitions back. Idempotent. */
  async stop(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    session?.abort.abort();
    await session?.done;
    this.#clearCheckpoints();
  }

  /** Opens the source, trying as long as it takes, and keeps it until the signal. Never rejects. */
  async #run(settings: HubSettings, signal: AbortSignal): Promise<void> {
    const { clock, condition, log } = this.#options;
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        const endpoint = await eventEndpoint(settings, signal, clock);
        const source = await this.#open(settings, endpoint, signal);
        await this.#attend(source, () => this.#hasMoved(settings, endpoint, signal), signal);
        if (signal.aborted) return;
        this.#clearCheckpoints();
        condition.become('connecting');
        log.warn(
          'The event stream of the IoT Hub has another name now, as after a failover. Reading begins there.',
        );
      } catch (thrown) {
        if (signal.aborted) return;
        const found = toConnectorError(thrown);
        // Azure refuses a token that has expired by its own clock as it refuses a wrong key.
        if (found.code === 'AZURE_UNAUTHORIZED' && (await this.#clockWasWrong(settings, signal))) continue;
        const error = await this.#causeOf(found);
        if (signal.aborted) return;
        condition.become(error.retryable ? 'waiting' : 'failed', error);
        await backoff
          .pause(signal, error.retryable ? error.retryAfterMs : FAILED_RETRY_MS)
          .catch(() => undefined);
      }
    }
  }

  async #open(settings: HubSettings, endpoint: EventHubEndpoint, signal: AbortSignal): Promise<EventSource> {
    const { condition, eventReceiver, log, owner } = this.#options;
    const checkpoints = await openCheckpoints({ ...this.#options, settings });
    const partitions = new Partitions({
      ...this.#options,
      onBlocked: (who, error) => condition.setBlocked(who, error),
      onUnwritten: (error) => this.#noteUnwritten(error),
      onError: (partitionId, error) => void this.#sourceFailed(partitionId, error),
    });
    try {
      const source = await openEventSource({
        endpoint,
        consumerGroup: settings.consumerGroup,
        receiver: eventReceiver,
        log,
        handlers: partitions,
        checkpoints: checkpoints.store,
        startPosition: startPositionOf(settings.startPosition),
        recoveredPosition: checkpoints.recoveredPosition,
        ownerId: owner,
        signal,
      });
      partitions.attach(source);
      this.#partitions = partitions;
      this.#closeCheckpoints = checkpoints.close;
      return source;
    } catch (error) {
      await checkpoints.close();
      throw error;
    }
  }

  /** Runs beside an open source until the signal, or until the event stream has moved, then closes it gracefully. */
  async #attend(source: EventSource, hasMoved: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const { condition, log, onTick } = this.#options;
    condition.opened();
    const moved = Promise.withResolvers<void>();
    let locatedAtMs = performance.now();
    const timer = setInterval(() => {
      const trouble = source.trouble();
      const isRefused = Date.now() - this.#refusedAtMs <= REFUSED_MS;
      if ((trouble || isRefused) && performance.now() - locatedAtMs > LOCATE_MS) {
        locatedAtMs = performance.now();
        void hasMoved().then((yes) => yes && moved.resolve());
      }
      if (trouble || this.#isSilent) condition.setBlocked(SILENT, trouble);
      this.#isSilent = trouble !== undefined;
      if (!isRefused) condition.setBlocked(RECEIVING, undefined);
      onTick();
      this.#partitions
        ?.reviveStalled()
        .catch((error) => log.warn({ err: error }, 'A stalled partition could not be opened again.'));
    }, TICK_MS);
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([aborted, moved.promise]);
    clearInterval(timer);
    await source.stop();
    await this.#closeCheckpoints();
    this.#partitions = undefined;
  }

  /** Checkpoints of a partition cannot be written or, without an error, those of all can be written again. */
  #noteUnwritten(error: ConnectorError | undefined): void {
    const { condition } = this.#options;
    if (!error) this.#checkpointRecovery.ended(() => condition.setStanding(CHECKPOINTS, undefined));
    else if (this.#checkpointRecovery.failed()) condition.setStanding(CHECKPOINTS, unwritten(error));
  }

  #clearCheckpoints(): void {
    this.#checkpointRecovery.cancel();
    this.#options.condition.clear(CHECKPOINTS);
  }

  /** Whether the IoT Hub names another event stream. What cannot be asked has not moved. */
  async #hasMoved(settings: HubSettings, before: EventHubEndpoint, signal: AbortSignal): Promise<boolean> {
    if (settings.eventHubConnectionString) return false;
    const now = await eventEndpoint(settings, signal, this.#options.clock).catch(() => before);
    return addressOf(now) !== addressOf(before);
  }

  async #sourceFailed(partitionId: string | undefined, reported: ConnectorError): Promise<void> {
    const { condition, counters, log } = this.#options;
    const error = await this.#causeOf(reported);
    const isNew = condition.note(error);
    if (MISMATCHES.has(error.code)) {
      if (error.code === 'MESSAGES_EXPIRED') counters.expire(Number(error.details?.['messages'] ?? 0));
      if (error.code === 'MESSAGES_SKIPPED') this.#announceSkipped(partitionId ?? '', error);
      log.warn({ code: error.code, partitionId }, error.message);
      return;
    }
    // The source tries again within seconds and in each partition: the same error is logged once until it is over.
    if (isNew) log.warn({ err: error, partitionId }, 'Receiving failed; going on by itself.');
    if (error.retryable) return;
    // A consumer group or a right that is missing: somebody must do something first, although the source keeps trying.
    this.#refusedAtMs = Date.now();
    condition.setBlocked(RECEIVING, error);
  }

  #announceSkipped(partition: string, { message, details = {} }: ConnectorError): void {
    const { announcer, counters } = this.#options;
    counters.skip(Number(details['messages'] ?? 0));
    const { signal } = this.#session?.abort ?? new AbortController();
    const data = { ...details, partition, message, until: Date.parse(String(details['until'])) };
    announcer.announce([{ deviceId: '', event: 'MessagesSkipped', data }], signal).catch(() => undefined);
  }

  /**
   * The cause behind an error: Azure refuses tokens that a clock which is off has signed, in the same words as a wrong key, and a lock that
   * cannot be written looks like that of another process.
   */
  async #causeOf(error: ConnectorError): Promise<ConnectorError> {
    const { clocks, origins, stateWatch } = this.#options;
    if (error.code === 'CHECKPOINTS_IN_USE') {
      await stateWatch.check();
      return stateWatch.problem ?? error;
    }
    if (error.code !== 'AZURE_UNAUTHORIZED') return error;
    await clocks.check();
    return clocks.problemWith(origins()) ?? error;
  }

  async #clockWasWrong(settings: HubSettings, signal: AbortSignal): Promise<boolean> {
    const { iotHubConnectionString, eventHubConnectionString = '' } = settings;
    const { hostName } = iotHubConnectionString
      ? parseIotHub(iotHubConnectionString)
      : { hostName: parseEventHub(eventHubConnectionString).host };
    return await this.#options.clock.measure(hostName, signal);
  }
}

/** Without its key, which may change: an event stream that is elsewhere has another address. */
function addressOf(endpoint: EventHubEndpoint): string {
  if (endpoint.kind === 'entra') return `${endpoint.namespace}/${endpoint.eventHubName}`;
  const { host, port, entityPath } = parseEventHub(endpoint.connectionString);
  return `${host}:${port}/${entityPath}`;
}

function unwritten({ code, message }: ConnectorError): ConnectorError {
  return new ConnectorError(
    code,
    `Checkpoints cannot be written: ${message} The sidecar keeps trying. Messages are delivered; after a crash more of them are received again.`,
  );
}

function startPositionOf(text: string): StartPosition {
  if (text === 'latest' || text === 'earliest') return { from: text };
  return { from: 'time', timeMs: Date.parse(text) };
}
