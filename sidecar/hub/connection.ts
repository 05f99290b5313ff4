import path from 'node:path';
import { parseEventHub, parseIotHub } from '../azure/connection-string.ts';
import type { EventHubEndpoint } from '../azure/event-hubs/event-hub-client.ts';
import { openEventSource } from '../azure/event-hubs/event-source.ts';
import type { EventSource, StartPosition } from '../azure/event-hubs/event-types.ts';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { FeedbackRecord } from '../azure/iot-hub/hub-listener.ts';
import type { ServiceClock } from '../azure/service-clock.ts';
import { type Canary, canaryDeviceOf } from '../canary/canary.ts';
import { type HubSettings, historyWarning, reopensConsumer } from '../contract/hub-settings.ts';
import type { HubState, HubStatus } from '../contract/status.ts';
import type { ConfiguredDeadLetterStore } from '../dead-letters/configured-store.ts';
import type { DeferredRequests } from '../deferred/deferred-requests.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import { openCheckpoints } from '../ingest/checkpoints.ts';
import { eventEndpoint } from '../ingest/event-endpoint.ts';
import type { FlightBudget } from '../ingest/lanes/flight-budget.ts';
import { Interpreter } from '../ingest/lanes/interpreter.ts';
import { RowProbe } from '../ingest/lanes/row-probe.ts';
import { Sender } from '../ingest/lanes/sender.ts';
import type { MessageWatch } from '../ingest/message-watch.ts';
import { OutageWatch } from '../ingest/outage-watch.ts';
import { AcceptedSettings, type OfferedSettings } from '../lib/accepted-settings.ts';
import { Backoff } from '../lib/backoff.ts';
import type { ClockWatch } from '../lib/clock-watch.ts';
import type { ProcessUsage } from '../lib/process-usage.ts';
import type { StateDirectoryWatch } from '../lib/state-directory-watch.ts';
import { HubCounters, RateMeter } from '../observe/counters.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics, PartitionTimes } from '../observe/metrics.ts';
import { Notices } from '../observe/notices.ts';
import type { SideFacts } from '../observe/side-metrics.ts';
import type { CampaignBoard } from '../packages/campaigns/campaign-board.ts';
import type { DeploymentBoard } from '../packages/deployment-board.ts';
import { QuotaMeter } from '../quota/quota-meter.ts';
import { resolveSecret } from '../secrets/one-time-secret-tokens.ts';
import type { EventReceiver } from '../settings.ts';
import type { TaskBoard } from '../tasks/task-board.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import { ThingDefinitions } from '../thingworx/definitions.ts';
import type { DeviceThings } from '../thingworx/device-things.ts';
import { compileTranslator } from '../translate/translator.ts';
import type { Translator } from '../translate/types.ts';
import { BackgroundWork } from './background-work.ts';
import { HubCondition } from './condition.ts';
import { HubDevices } from './devices.ts';
import { Group } from './group.ts';
import type { Owner } from './owner.ts';
import { Partitions, type Waiting } from './partitions.ts';
import { checkHubSettings, originsOf } from './settings-check.ts';
import { StallWatch, standstillOf } from './stall-watch.ts';
import { StatusReporter } from './status-reporter.ts';
import { translationSettings } from './translation-settings.ts';

/** What every hub connection shares. */
export interface HubParts {
  readonly client: ThingworxClient;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
  readonly storages: StorageAccounts;
  readonly watch: MessageWatch;
  readonly budget: FlightBudget;
  readonly stateDirectory: string;
  readonly owner: Owner;
  readonly clock: ServiceClock;
  readonly clocks: Pick<ClockWatch, 'check' | 'problemWith'>;
  readonly stateWatch: Pick<StateDirectoryWatch, 'check' | 'problem'>;
  readonly usage: ProcessUsage;
  readonly eventReceiver: EventReceiver;
  /** Where services reach this sidecar. */
  readonly addresses: () => readonly string[];
  /** Whether they are those of a load balancer. */
  readonly isBalanced: boolean;
  /** Problems of the whole sidecar, which every hub shows. */
  readonly problems: () => readonly ConnectorError[];
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
const SETTINGS = 'settings';
const CHECKPOINTS = 'checkpoints';
/** Said once when a partition is opened; reading goes on all the same. */
const MISMATCHES: ReadonlySet<ErrorCode> = new Set([
  'CHECKPOINT_AHEAD',
  'MESSAGES_EXPIRED',
  'MESSAGES_SKIPPED',
]);

/** A connected hub as operations use it: its settings and its features. */
export type Hub = Pick<
  HubConnection,
  | 'thing'
  | 'settings'
  | 'azure'
  | 'clock'
  | 'tasks'
  | 'deadLetters'
  | 'definitions'
  | 'deviceThings'
  | 'deployments'
  | 'campaigns'
  | 'deferred'
  | 'feedbackOf'
  | 'canary'
  | 'quota'
>;

/** One hub Thing: owns its consumer, its lanes, its accounts and its status. */
export class HubConnection {
  readonly #thing: string;
  readonly #parts: HubParts;
  readonly #log: Log;
  readonly #counters = new HubCounters();
  readonly #notices: Notices;
  readonly #definitions: ThingDefinitions;
  readonly #probe: RowProbe;
  readonly #outages: OutageWatch;
  readonly #rate = new RateMeter();
  readonly #since = new Date();
  readonly #accepted: AcceptedSettings;
  readonly #condition: HubCondition;
  readonly #reporter: StatusReporter;
  readonly #stalls: StallWatch;
  readonly #background: BackgroundWork;
  readonly #devices: HubDevices;
  readonly #group: Group;
  readonly #quota: QuotaMeter;
  #settings: HubSettings | undefined;
  #translator: Translator | undefined;
  #refusedAtMs = 0;
  #isSilent = false;
  #partitions: Partitions | undefined;
  #session: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  #changing: Promise<void> = Promise.resolve();

  /** `onMissing` is called when ThingWorx does not know the hub Thing. */
  constructor(thing: string, parts: HubParts, onMissing: () => void) {
    this.#thing = thing;
    this.#parts = parts;
    this.#log = parts.log.child({ hub: thing });
    this.#notices = new Notices(this.#log);
    this.#condition = new HubCondition({
      log: this.#log,
      onChange: () => this.#reporter.report(),
      shared: parts.problems,
    });
    this.#accepted = new AcceptedSettings({
      thing,
      stateDirectory: parts.stateDirectory,
      log: this.#log,
      check: checkHubSettings,
      resolve: resolveSecret,
    });
    const { client } = parts;
    const probe = new RowProbe({ client, hubThing: thing, counters: this.#counters });
    const outages = new OutageWatch(
      (signal) => probe.run(signal),
      () => client.renewConnections(),
    );
    this.#probe = probe;
    this.#outages = outages;
    this.#definitions = new ThingDefinitions({
      client,
      hubThing: thing,
      timeoutMs: () => outages.deadlineMs,
    });
    const common = {
      hubThing: thing,
      client,
      definitions: this.#definitions,
      settings: () => this.#requireSettings(),
      stateDirectory: parts.stateDirectory,
      clock: parts.clock,
      log: this.#log,
      onWarning: () => this.#reporter.report(),
    };
    this.#quota = new QuotaMeter({
      directory: path.join(parts.stateDirectory, 'quota', encodeURIComponent(thing)),
      settings: () => this.#requireSettings(),
      canaryDevice: () => this.#canaryDevice,
      log: this.#log,
    });
    this.#devices = new HubDevices({ ...common, outages, storages: parts.storages, quota: this.#quota });
    this.#reporter = new StatusReporter({
      client: parts.client,
      thing,
      status: () => this.status(),
      reach: () => ({ addresses: parts.addresses(), ...(parts.isBalanced ? { isBalanced: true } : {}) }),
      log: this.#log,
      onMissing,
    });
    this.#stalls = new StallWatch({
      look: () => standstillOf(this.#condition.trouble, this.#partitions?.stuck()),
      onChange: () => this.#reporter.report(),
      log: this.#log,
    });
    this.#background = new BackgroundWork({
      ...common,
      eventReceiver: parts.eventReceiver,
      azure: () => this.azure(),
      onThing: this.#devices.onThing,
      waitingMessages: () => [...this.lagByPartition().values()].reduce((sum, lag) => sum + lag, 0),
      pipeline: (counters) => this.#pipeline(counters, () => () => undefined),
      leads: () => this.#group.leads,
    });
    this.#group = new Group({
      hubThing: thing,
      stateDirectory: parts.stateDirectory,
      owner: parts.owner.idOf(thing),
      log: this.#log,
      duties: [this.#background, this.#devices],
    });
    parts.metrics.add(this);
  }

  get thing(): string {
    return this.#thing;
  }

  get counters(): HubCounters {
    return this.#counters;
  }

  get state(): HubState {
    return this.#condition.state;
  }

  get side(): SideFacts {
    return { ...this.#background.facts, ...this.#devices.facts, quota: this.#quota.use };
  }

  timesByPartition(): ReadonlyMap<string, PartitionTimes> {
    return this.#partitions?.timesByPartition() ?? new Map();
  }

  lagByPartition(): ReadonlyMap<string, number> {
    return this.#partitions?.lagByPartition() ?? new Map();
  }

  /** What is refused of the settings, and what is used instead. */
  get refusal(): { readonly settings: readonly string[]; readonly message: string } | undefined {
    const { refused, refusal } = this.#accepted;
    return (
      refusal && {
        settings: refused.map(({ setting }) => setting),
        message: `${this.#thing}: ${refusal.message}`,
      }
    );
  }

  /** The hosts of Azure that the settings name, as origins. */
  get origins(): readonly string[] {
    return this.#settings ? originsOf(this.#settings) : [];
  }

  /** Whether the hub Thing has handed over its settings, be they accepted or not. */
  get hasOffer(): boolean {
    return this.#accepted.wasOffered;
  }

  get settings(): HubSettings {
    if (this.#settings) return this.#settings;
    throw new ConnectorError(
      'HUB_NOT_CONNECTED',
      `The hub Thing ${this.#thing} has not handed over its settings yet.`,
    );
  }

  get clock(): ServiceClock {
    return this.#parts.clock;
  }

  /** The clients of the IoT Hub. Rejects with CONNECTION_STRING_INVALID, SETTING_MISSING. */
  azure(): Promise<HubClients> {
    return this.#devices.azure();
  }

  get tasks(): TaskBoard {
    return this.#background.tasks;
  }

  get deadLetters(): ConfiguredDeadLetterStore {
    return this.#background.deadLetters;
  }

  get definitions(): ThingDefinitions {
    return this.#definitions;
  }

  get deviceThings(): DeviceThings {
    return this.#devices.deviceThings;
  }

  get campaigns(): CampaignBoard {
    return this.#devices.campaigns;
  }

  get deployments(): DeploymentBoard {
    return this.#devices.deployments;
  }

  get deferred(): DeferredRequests {
    return this.#devices.deferred;
  }

  get quota(): QuotaMeter {
    return this.#quota;
  }

  get canary(): Canary {
    return this.#devices.canary;
  }

  /** The last outcomes of the messages to a device, the newest first. Rejects with STATE_UNAVAILABLE. */
  feedbackOf(deviceId: string): Promise<FeedbackRecord[]> {
    return this.#devices.feedbackOf(deviceId);
  }

  /**
   * Takes complete settings. Equal ones change nothing; only what concerns the consumer reopens it. Refused ones keep their last accepted
   * values; then it rejects with the reason.
   */
  apply(offered: OfferedSettings): Promise<void> {
    const applied = this.#changing.then(() => this.#accept(offered));
    // What was refused must not refuse what comes after it.
    this.#changing = applied.catch(() => undefined);
    return applied;
  }

  /** Lets lanes finish what they hold, writes the last checkpoints, gives the partitions back. Idempotent. */
  stop(): Promise<void> {
    this.#changing = this.#changing.then(async () => {
      this.#stalls.stop();
      await this.#close();
      await this.#group.close();
      await this.#background.close();
      await this.#devices.close();
      await this.#quota.stop();
      this.#settings = undefined;
      this.#condition.become('stopped');
      await this.#reporter.stop();
      this.#parts.metrics.remove(this.#thing);
    });
    return this.#changing;
  }

  status(): HubStatus {
    const { received, delivered, ignored, deadLettered, released, inFlight, repeated } =
      this.#counters.counts;
    const partitions = this.#partitions?.status() ?? [];
    const { state, lastError, recentErrors } = this.#condition;
    const refusedSettings = this.#accepted.refused.map(({ setting, error: { code, message } }) => ({
      setting,
      code,
      message,
    }));
    const { stall } = this.#stalls;
    const canary = this.#devices.canary.status;
    const warnings = [
      this.#background.warning,
      this.#devices.warning,
      this.#parts.clock.warning,
      this.#settings && historyWarning(this.#settings),
    ].filter((warning) => warning !== undefined);
    const reason = this.#condition.reason ?? (warnings.length > 0 ? warnings.join(' ') : undefined);
    return {
      thing: this.#thing,
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(lastError === undefined ? {} : { lastError }),
      recentErrors: [...recentErrors],
      ...(refusedSettings.length === 0 ? {} : { refusedSettings }),
      ...(stall === undefined ? {} : { stall }),
      counters: { received, delivered, ignored, deadLettered, released, inFlight, repeated },
      ratePerSecond: this.#rate.perSecond(delivered),
      lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
      partitions,
      ignoredByReason: this.#counters.ignoredByReason,
      deadLetteredByReason: this.#counters.deadLetteredByReason,
      lastDeadLetters: this.#counters.lastDeadLetters,
      ...(canary === undefined ? {} : { canary }),
      quota: this.#quota.use,
      since: this.#since.toISOString(),
      version: this.#parts.version,
      sidecar: this.#parts.owner.idOf(this.#thing),
      cpuPercent: this.#parts.usage.cpuPercent,
      memoryBytes: this.#parts.usage.memoryBytes,
    };
  }

  async #accept(offered: OfferedSettings): Promise<void> {
    const { values, refusal } = await this.#accepted.accept(offered);
    this.#condition.setStanding(SETTINGS, values && refusal);
    if (values) await this.#apply(values as HubSettings);
    else this.#condition.become('failed', refusal);
    if (refusal) throw refusal;
  }

  async #apply(settings: HubSettings): Promise<void> {
    const before = this.#settings;
    const reopen =
      before === undefined || reopensConsumer(before, settings) || this.#condition.state === 'failed';
    this.#translator = compileTranslator(translationSettings(settings, this.#thing));
    this.#settings = settings;
    await this.#quota.start();
    // Tasks that go on need the clients.
    await this.#devices.use(settings);
    await this.#background.use(settings);
    await this.#group.use(settings);
    this.#reporter.start();
    this.#stalls.start();
    if (!reopen) return;
    await this.#close();
    if (!settings.enabled) {
      this.#condition.become('stopped');
      return;
    }
    this.#condition.become('connecting');
    const abort = new AbortController();
    this.#session = { abort, done: this.#run(settings, abort.signal) };
  }

  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    session?.abort.abort();
    await session?.done;
    this.#condition.clear(CHECKPOINTS);
  }

  /** Opens the source, trying as long as it takes, and keeps it until the signal. Never rejects. */
  async #run(settings: HubSettings, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        const endpoint = await eventEndpoint(settings, signal, this.#parts.clock);
        const source = await this.#open(settings, endpoint, signal);
        await this.#attend(source, () => this.#hasMoved(settings, endpoint, signal), signal);
        if (signal.aborted) return;
        this.#condition.clear(CHECKPOINTS);
        this.#condition.become('connecting');
        this.#log.warn(
          'The event stream of the IoT Hub has another name now, as after a failover. Reading begins there.',
        );
      } catch (thrown) {
        if (signal.aborted) return;
        const found = toConnectorError(thrown);
        // Azure refuses a token that has expired by its own clock as it refuses a wrong key.
        if (found.code === 'AZURE_UNAUTHORIZED' && (await this.#clockWasWrong(settings, signal))) continue;
        const error = await this.#causeOf(found);
        if (signal.aborted) return;
        this.#condition.become(error.retryable ? 'waiting' : 'failed', error);
        await backoff
          .pause(signal, error.retryable ? error.retryAfterMs : FAILED_RETRY_MS)
          .catch(() => undefined);
      }
    }
  }

  /**
   * The cause behind an error: Azure refuses tokens that a clock which is off has signed, in the same words as a wrong key, and a lock that
   * cannot be written looks like that of another process.
   */
  async #causeOf(error: ConnectorError): Promise<ConnectorError> {
    const { clocks, stateWatch } = this.#parts;
    if (error.code === 'CHECKPOINTS_IN_USE') {
      await stateWatch.check();
      return stateWatch.problem ?? error;
    }
    if (error.code !== 'AZURE_UNAUTHORIZED') return error;
    await clocks.check();
    return clocks.problemWith(this.origins) ?? error;
  }

  async #clockWasWrong(settings: HubSettings, signal: AbortSignal): Promise<boolean> {
    const { iotHubConnectionString, eventHubConnectionString = '' } = settings;
    const { hostName } = iotHubConnectionString
      ? parseIotHub(iotHubConnectionString)
      : { hostName: parseEventHub(eventHubConnectionString).host };
    return await this.#parts.clock.measure(hostName, signal);
  }

  async #open(settings: HubSettings, endpoint: EventHubEndpoint, signal: AbortSignal): Promise<EventSource> {
    const { stateDirectory, owner, clock } = this.#parts;
    const ownerId = owner.idOf(this.#thing);
    const checkpoints = await openCheckpoints({
      settings,
      stateDirectory,
      hubThing: this.#thing,
      client: this.#parts.client,
      clock,
      log: this.#log,
    });
    const partitions = new Partitions({
      laneOptions: (waiting) => this.#laneOptions(waiting),
      onBlocked: (who, error) => this.#condition.setBlocked(who, error),
      owner: ownerId,
      onUnwritten: (error) => this.#condition.setStanding(CHECKPOINTS, error && unwritten(error)),
      onError: (partitionId, error) => void this.#sourceFailed(partitionId, error),
      onReceived: (...received) => this.#quota.received(...received),
      onLeading: (leads) => this.#devices.canary.lead(leads),
      log: this.#log,
    });
    try {
      const source = await openEventSource({
        endpoint,
        consumerGroup: settings.consumerGroup,
        receiver: this.#parts.eventReceiver,
        log: this.#log,
        handlers: partitions,
        checkpoints: checkpoints.store,
        startPosition: startPositionOf(settings.startPosition),
        recoveredPosition: checkpoints.recoveredPosition,
        ownerId,
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

  #closeCheckpoints: () => Promise<void> = async () => undefined;

  /** Whether the IoT Hub names another event stream. What cannot be asked has not moved. */
  async #hasMoved(settings: HubSettings, before: EventHubEndpoint, signal: AbortSignal): Promise<boolean> {
    if (settings.eventHubConnectionString) return false;
    const now = await eventEndpoint(settings, signal, this.#parts.clock).catch(() => before);
    return addressOf(now) !== addressOf(before);
  }

  /** Runs beside an open source until the signal, or until the event stream has moved, then closes it gracefully. */
  async #attend(source: EventSource, hasMoved: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    this.#condition.opened();
    const moved = Promise.withResolvers<void>();
    let locatedAtMs = performance.now();
    const timer = setInterval(() => {
      const trouble = source.trouble();
      const isRefused = Date.now() - this.#refusedAtMs <= REFUSED_MS;
      if ((trouble || isRefused) && performance.now() - locatedAtMs > LOCATE_MS) {
        locatedAtMs = performance.now();
        void hasMoved().then((yes) => yes && moved.resolve());
      }
      if (trouble || this.#isSilent) this.#condition.setBlocked(SILENT, trouble);
      this.#isSilent = trouble !== undefined;
      if (!isRefused) this.#condition.setBlocked(RECEIVING, undefined);
      this.#rate.sample(this.#counters.counts.delivered);
      this.#partitions
        ?.reviveStalled()
        .catch((error) => this.#log.warn({ err: error }, 'A stalled partition could not be opened again.'));
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

  /** The delivery pipeline of a lane or of background work. `waiting` is called when an outage begins or ends. */
  #pipeline(counters: HubCounters, waiting: Waiting) {
    const { client, metrics, watch } = this.#parts;
    return {
      watch: watch.of(this.#thing),
      interpreter: new Interpreter({
        outages: this.#outages,
        translator: () => this.#requireTranslator(),
        definitions: this.#definitions,
        creator: this.#devices.creator,
        creationsFor: (notifications, signal) =>
          this.#devices.notifications.creationsFor(notifications, signal),
        counters,
        notices: this.#notices,
        onWaiting: waiting('definitions'),
      }),
      sender: new Sender({
        client,
        hubThing: this.#thing,
        counters,
        outages: this.#outages,
        probe: this.#probe,
        onWaiting: waiting('send'),
        onAnswer: (seconds) => metrics.sendSeconds.observe({ hub: this.#thing }, seconds),
      }),
      notifications: this.#devices.notifications.delivery(waiting('notifications'), (notifications) =>
        counters.repeat(notifications),
      ),
    };
  }

  #laneOptions(waiting: Waiting) {
    const counters = this.#counters;
    return {
      ...this.#pipeline(counters, waiting),
      deadLetters: this.#background.deadLetters,
      counters,
      budget: this.#parts.budget,
      limits: () => {
        const settings = this.#requireSettings();
        return {
          maxRowsPerCall: settings.maxRowsPerCall,
          maxBytesPerCall: settings.maxBytesPerCall,
          callIntervalMs: settings.callIntervalMilliseconds,
          messagesInFlight: settings.messagesInFlightPerPartition,
          bytesInFlight: settings.bytesInFlightPerPartition,
        };
      },
      onWaiting: waiting('dead letters'),
      log: this.#log,
    };
  }

  get #canaryDevice(): string | undefined {
    const settings = this.#settings;
    return settings?.canaryEnabled ? canaryDeviceOf(this.#thing, settings) : undefined;
  }

  #requireSettings(): HubSettings {
    if (!this.#settings) throw new ConnectorError('STOPPING', 'The hub was disconnected.');
    return this.#settings;
  }

  #requireTranslator(): Translator {
    if (!this.#translator) throw new ConnectorError('STOPPING', 'The hub was disconnected.');
    return this.#translator;
  }

  async #sourceFailed(partitionId: string | undefined, reported: ConnectorError): Promise<void> {
    const error = await this.#causeOf(reported);
    const isNew = this.#condition.note(error);
    if (MISMATCHES.has(error.code)) {
      if (error.code === 'MESSAGES_EXPIRED') this.#counters.expire(Number(error.details?.['messages'] ?? 0));
      if (error.code === 'MESSAGES_SKIPPED') this.#announceSkipped(partitionId ?? '', error);
      this.#log.warn({ code: error.code, partitionId }, error.message);
      return;
    }
    // The source tries again within seconds and in each partition: the same error is logged once until it is over.
    if (isNew) this.#log.warn({ err: error, partitionId }, 'Receiving failed; going on by itself.');
    if (error.retryable) return;
    // A consumer group or a right that is missing: somebody must do something first, although the source keeps trying.
    this.#refusedAtMs = Date.now();
    this.#condition.setBlocked(RECEIVING, error);
  }

  #announceSkipped(partition: string, { message, details = {} }: ConnectorError): void {
    this.#counters.skip(Number(details['messages'] ?? 0));
    const { signal } = this.#session?.abort ?? new AbortController();
    const data = { ...details, partition, message, until: Date.parse(String(details['until'])) };
    this.#devices.announcer
      .announce([{ deviceId: '', event: 'MessagesSkipped', data }], signal)
      .catch(() => undefined);
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
