import path from 'node:path';
import { openEventSource } from '../azure/event-hubs/event-source.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConfiguredDeadLetterStore } from '../dead-letters/configured-store.ts';
import { toConnectorError } from '../errors/connector-error.ts';
import { eventEndpoint } from '../ingest/event-endpoint.ts';
import { DeadLetterReplay } from '../ingest/replay/dead-letters.ts';
import { EventReplay } from '../ingest/replay/events.ts';
import { type DeliveryPipeline, Forwarder } from '../ingest/replay/forwarder.ts';
import { BlobTask } from '../ingest/storage/blob-task.ts';
import { Archive } from '../ingest/storage/container-watch.ts';
import { HubCounters } from '../observe/counters.ts';
import type { Log } from '../observe/log.ts';
import type { SideFacts } from '../observe/side-metrics.ts';
import type { Hub } from '../operations/context.ts';
import { HubDeadLetters } from '../operations/dead-letters/service.ts';
import { HubIngestion } from '../operations/ingestion/service.ts';
import { HubMappings } from '../operations/mappings/service.ts';
import { HubTasks } from '../operations/tasks/service.ts';
import { Tasks } from '../tasks/tasks.ts';
import type { ThingDefinitions } from '../thingworx/definitions.ts';

/** The roads beside the lanes; each has accounts of its own. */
export const ROADS = ['deadLetters', 'storage', 'events'] as const;
export type RoadName = (typeof ROADS)[number];

export interface SideWorkOptions {
  readonly hubThing: string;
  readonly stateDirectory: string;
  readonly log: Log;
  readonly definitions: ThingDefinitions;
  /** Today's settings; throws while the hub has none. */
  readonly settings: () => HubSettings;
  /** An interpreter and a sender as lanes have them, for the accounts given. */
  readonly pipeline: (
    counters: HubCounters,
  ) => Pick<DeliveryPipeline, 'interpreter' | 'sender' | 'notifications'>;
  /** The warning of the dead letters has changed. */
  readonly onWarning: () => void;
}

/** What a hub does beside its lanes: dead letters, tasks, ingestion from storage, replays. */
export class SideWork {
  readonly letters: ConfiguredDeadLetterStore;
  readonly tasks: Tasks;
  readonly counters: ReadonlyMap<RoadName, HubCounters> = new Map(
    ROADS.map((name) => [name, new HubCounters()]),
  );
  readonly #options: SideWorkOptions;
  readonly #archive: Archive;
  #using = false;

  constructor(options: SideWorkOptions) {
    const { hubThing, stateDirectory, log, onWarning } = options;
    this.#options = options;
    this.letters = new ConfiguredDeadLetterStore({ hubThing, stateDirectory, log, onWarning });
    const directory = path.join(stateDirectory, 'tasks', encodeURIComponent(hubThing));
    this.tasks = new Tasks({ directory, log });
    this.#archive = new Archive({
      hubThing,
      stateDirectory,
      log,
      settings: options.settings,
      forwarder: () => this.#forwarder('storage'),
      onTrouble: onWarning,
    });
    this.#defineKinds();
  }

  /** What someone should do something about, when nothing else is wrong. */
  get warning(): string | undefined {
    return this.letters.warning ?? this.#archive.warning;
  }

  /** What metrics show. */
  get facts(): Omit<SideFacts, 'uploads' | 'packages'> {
    const tasks: Record<string, number> = { queued: 0, running: 0 };
    for (const { state } of this.tasks.list()) if (state in tasks) tasks[state] = (tasks[state] ?? 0) + 1;
    return { counters: this.counters, tasks, ...this.letters.facts };
  }

  /** The parts of a hub that operations use. */
  desks(): Pick<Hub, 'deadLetters' | 'tasks' | 'ingestion' | 'mappings'> {
    const { definitions, settings } = this.#options;
    return {
      deadLetters: new HubDeadLetters(this.letters, this.tasks),
      tasks: new HubTasks(this.tasks),
      ingestion: new HubIngestion(settings, this.tasks),
      mappings: new HubMappings(settings, definitions),
    };
  }

  /** Takes today's settings. The first time it goes on with the tasks of the last process. */
  async use(settings: HubSettings): Promise<void> {
    await this.letters.use(settings);
    await this.#archive.use(settings);
    if (this.#using) return;
    this.#using = true;
    this.tasks
      .start()
      .catch((thrown) =>
        this.#options.log.error({ err: toConnectorError(thrown) }, 'The tasks of the hub cannot be read.'),
      );
  }

  /** Interrupts tasks, which go on at the next start. Idempotent. */
  async close(): Promise<void> {
    await this.tasks.stop();
    await this.#archive.close();
    await this.letters.close();
  }

  #defineKinds(): void {
    const { letters } = this;
    const { log, settings, definitions } = this.#options;
    const replay = this.#forwarder('deadLetters');
    const events = this.#forwarder('events');
    this.tasks.define(
      new DeadLetterReplay({
        store: () => letters.store,
        forwarder: () => replay,
        forget: (thing) => definitions.invalidate(thing),
      }),
    );
    this.tasks.define(new BlobTask(this.#archive.open));
    this.tasks.define(
      new EventReplay({
        openSource: async (source) => {
          const endpoint = await eventEndpoint(settings(), source.signal ?? new AbortController().signal);
          return await openEventSource({ ...source, endpoint, maxBatchSize: 200 });
        },
        forwarder: () => events,
        log,
      }),
    );
  }

  #forwarder(name: RoadName): Forwarder {
    const { pipeline, settings, log } = this.#options;
    const counters = this.counters.get(name) as HubCounters;
    return new Forwarder(
      {
        ...pipeline(counters),
        counters,
        limits: settings,
        onWaiting: (error) => {
          if (error) log.warn({ err: error, road: name }, 'Dead-letter store unavailable; retrying.');
        },
      },
      this.letters,
    );
  }
}
