import { openEventSource } from '../azure/event-hubs/event-source.ts';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { ServiceClock } from '../azure/service-clock.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConfiguredDeadLetterStore } from '../dead-letters/configured-store.ts';
import type { WorkRequest } from '../group/lead.ts';
import { CompareTask } from '../import/compare-task.ts';
import { ExportTask } from '../import/export-task.ts';
import { ImportTask } from '../import/import-task.ts';
import { RefreshTask } from '../import/refresh-task.ts';
import { eventEndpoint } from '../ingest/event-endpoint.ts';
import { DeadLetterReplay } from '../ingest/replay/dead-letters.ts';
import { EventReplay } from '../ingest/replay/events.ts';
import { type DeliveryPipeline, Forwarder } from '../ingest/replay/forwarder.ts';
import { BlobTask } from '../ingest/storage/blob-task.ts';
import { Archive } from '../ingest/storage/container-watch.ts';
import { SplitJobTask } from '../jobs/split-job-task.ts';
import { SPLIT_JOBS } from '../jobs/split-jobs.ts';
import { ComparisonTask } from '../migration/comparison-task.ts';
import { MigrationTask } from '../migration/migration-task.ts';
import { ReferencesTask } from '../migration/references-task.ts';
import { UndoTask } from '../migration/undo-task.ts';
import { HubCounters } from '../observe/counters.ts';
import type { Log } from '../observe/log.ts';
import type { SideFacts } from '../observe/side-metrics.ts';
import type { EventReceiver } from '../settings.ts';
import { TaskBoard } from '../tasks/task-board.ts';
import { isTask, TaskStore } from '../tasks/task-store.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { ThingDefinitions } from '../thingworx/definitions.ts';
import type { Duty } from './group.ts';
import type { WorkPlace } from './work-place.ts';

/** The delivery pipelines beside the lanes. Each has counters of its own. */
const PIPELINES = ['deadLetters', 'storage', 'events'] as const;
type PipelineName = (typeof PIPELINES)[number];

interface BackgroundWorkOptions {
  readonly hubThing: string;
  readonly stateDirectory: string;
  readonly log: Log;
  readonly definitions: ThingDefinitions;
  readonly client: ThingworxClient;
  readonly clock: ServiceClock;
  readonly eventReceiver: EventReceiver;
  /** The clients of the IoT Hub, for imports. */
  readonly azure: () => Promise<HubClients>;
  /** Called when an import has given a device its Thing. */
  readonly onThing: (deviceId: string) => void;
  /** Messages that wait for ThingWorx. */
  readonly waitingMessages: () => number;
  /** The current settings. Throws while the hub has none. */
  readonly settings: () => HubSettings;
  /** A delivery pipeline as lanes have it, with the counters given. */
  readonly pipeline: (
    counters: HubCounters,
  ) => Pick<DeliveryPipeline, 'interpreter' | 'sender' | 'notifications' | 'watch'>;
  /** Whether this sidecar leads its group. */
  readonly leads: () => boolean;
  /** Called when the warning changes. */
  readonly onWarning: () => void;
}

/** What a hub does beside its lanes: dead letters, tasks, ingestion from storage, replays, imports. */
export class BackgroundWork implements Duty {
  readonly deadLetters: ConfiguredDeadLetterStore;
  readonly tasks: TaskBoard;
  readonly counters: ReadonlyMap<PipelineName, HubCounters> = new Map(
    PIPELINES.map((name) => [name, new HubCounters()]),
  );
  readonly #options: BackgroundWorkOptions;
  readonly #archive: Archive;

  constructor(options: BackgroundWorkOptions) {
    const { hubThing, stateDirectory, log, onWarning } = options;
    this.#options = options;
    this.deadLetters = new ConfiguredDeadLetterStore({ hubThing, stateDirectory, log, onWarning });
    this.tasks = new TaskBoard(log);
    this.#archive = new Archive({
      hubThing,
      stateDirectory,
      log,
      settings: options.settings,
      forwarder: () => this.#forwarder('storage'),
      leads: options.leads,
      onTrouble: onWarning,
    });
    this.#defineKinds();
  }

  /** A problem that needs the administrator although the hub runs. */
  get warning(): string | undefined {
    return this.deadLetters.warning ?? this.#archive.warning;
  }

  /** What metrics show. */
  get facts(): Omit<SideFacts, 'uploads' | 'packages' | 'campaigns' | 'canary' | 'quota'> {
    return { counters: this.counters, tasks: this.tasks.pending, ...this.deadLetters.facts };
  }

  /** Takes the current settings. */
  async use(settings: HubSettings): Promise<void> {
    await this.deadLetters.use(settings);
    await this.#archive.use(settings);
  }

  settle(place: WorkPlace): void {
    this.tasks.use({
      store: new TaskStore(place.records('tasks', isTask), place.lines('tasks'), place.directory('tasks')),
      post: (action, subject) => place.post({ work: 'tasks', action, subject }),
    });
  }

  async begin(): Promise<void> {
    await this.tasks.begin();
  }

  async end(): Promise<void> {
    await this.tasks.end();
  }

  async take({ work, action, subject }: WorkRequest): Promise<void> {
    if (work === 'tasks') await this.tasks.take(action, subject);
  }

  /** Interrupts tasks; they resume at the next start. Idempotent. */
  async close(): Promise<void> {
    await this.tasks.close();
    await this.#archive.close();
    await this.deadLetters.close();
  }

  #defineKinds(): void {
    const { deadLetters } = this;
    const { log, settings, definitions, clock, eventReceiver } = this.#options;
    const replay = this.#forwarder('deadLetters');
    const events = this.#forwarder('events');
    this.tasks.define(
      new DeadLetterReplay({
        store: () => deadLetters.store,
        forwarder: () => replay,
        forget: (thing) => definitions.invalidate(thing),
      }),
    );
    this.tasks.define(new ImportTask(this.#options));
    this.tasks.define(new ExportTask(this.#options));
    this.tasks.define(new CompareTask(this.#options));
    this.tasks.define(new MigrationTask(this.#options));
    this.tasks.define(new ComparisonTask(this.#options));
    this.tasks.define(new ReferencesTask(this.#options));
    this.tasks.define(new UndoTask(this.#options));
    this.tasks.define(new RefreshTask(this.#options));
    for (const kind of Object.values(SPLIT_JOBS)) this.tasks.define(new SplitJobTask(kind, this.#options));
    this.tasks.define(new BlobTask(this.#archive.open));
    this.tasks.define(
      new EventReplay({
        openSource: async (source) => {
          const { consumerGroup: identityGroup } = settings();
          const endpoint = await eventEndpoint(
            settings(),
            source.signal ?? new AbortController().signal,
            clock,
          );
          return await openEventSource({
            ...source,
            endpoint,
            identityGroup,
            receiver: eventReceiver,
            log,
            maxBatchSize: 200,
          });
        },
        forwarder: () => events,
        log,
      }),
    );
  }

  #forwarder(name: PipelineName): Forwarder {
    const { pipeline, settings, log } = this.#options;
    const counters = this.counters.get(name) as HubCounters;
    return new Forwarder(
      {
        ...pipeline(counters),
        counters,
        limits: settings,
        onWaiting: (error) => {
          if (error) log.warn({ err: error, pipeline: name }, 'Dead-letter store unavailable; retrying.');
        },
      },
      this.deadLetters,
    );
  }
}
