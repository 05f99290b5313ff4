import path from 'node:path';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { FeedbackRecord } from '../azure/iot-hub/hub-listener.ts';
import type { ServiceClock } from '../azure/service-clock.ts';
import { type Canary, canaryDeviceOf } from '../canary/canary.ts';
import { type HubSettings, historyWarning, reopensConsumer } from '../contract/hub-settings.ts';
import type { HubState, HubStatus } from '../contract/status.ts';
import type { ConfiguredDeadLetterStore } from '../dead-letters/configured-store.ts';
import type { DeferredRequests } from '../deferred/deferred-requests.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import type { FlightBudget } from '../ingest/lanes/flight-budget.ts';
import { Interpreter } from '../ingest/lanes/interpreter.ts';
import { RowProbe } from '../ingest/lanes/row-probe.ts';
import { Sender } from '../ingest/lanes/sender.ts';
import type { MessageWatch } from '../ingest/message-watch.ts';
import { OutageWatch } from '../ingest/outage-watch.ts';
import { AcceptedSettings, type OfferedSettings } from '../lib/accepted-settings.ts';
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
import { Consumer } from './consumer.ts';
import { HubDevices } from './devices.ts';
import { Group } from './group.ts';
import type { Owner } from './owner.ts';
import type { Waiting } from './partitions.ts';
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

const SETTINGS = 'settings';

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
  readonly #consumer: Consumer;
  #settings: HubSettings | undefined;
  #translator: Translator | undefined;
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
      look: () => standstillOf(this.#condition.trouble, this.#consumer.partitions?.stuck()),
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
    const owner = parts.owner.idOf(thing);
    this.#consumer = new Consumer({
      ...common,
      owner,
      clocks: parts.clocks,
      stateWatch: parts.stateWatch,
      eventReceiver: parts.eventReceiver,
      condition: this.#condition,
      counters: this.#counters,
      announcer: this.#devices.announcer,
      origins: () => this.origins,
      laneOptions: (waiting) => this.#laneOptions(waiting),
      onReceived: (...received) => this.#quota.received(...received),
      onLeading: (leads) => this.#devices.canary.lead(leads),
      onTick: () => this.#rate.sample(this.#counters.counts.delivered),
    });
    this.#group = new Group({
      hubThing: thing,
      stateDirectory: parts.stateDirectory,
      owner,
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
    return this.#consumer.partitions?.timesByPartition() ?? new Map();
  }

  lagByPartition(): ReadonlyMap<string, number> {
    return this.#consumer.partitions?.lagByPartition() ?? new Map();
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
      await this.#consumer.stop();
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
    const partitions = this.#consumer.partitions?.status() ?? [];
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
    await this.#consumer.stop();
    if (!settings.enabled) {
      this.#condition.become('stopped');
      return;
    }
    this.#consumer.start(settings);
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
}
