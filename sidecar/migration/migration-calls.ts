import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { persist } from '../tasks/task.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { SourceThing } from './rules.ts';

/** What the tasks of a migration work with. */
export interface MigrationWork {
  readonly hubThing: string;
  readonly client: ThingworxClient;
  /** A device has another Thing now, or none. */
  readonly onThing: (deviceId: string) => void;
  readonly log: Log;
}

/** A device Thing that a migration has made. */
interface MigratedThing {
  readonly thing: string;
  readonly source: string;
}

/** An entry of the record on the hub Thing. */
interface RecordEntry {
  readonly collection: string;
  readonly entity: string;
  readonly source: string;
}

/** What migrations to a hub have made. */
export interface Migrated {
  readonly things: readonly MigratedThing[];
  readonly record: readonly RecordEntry[];
}

/** The services of the hub Thing that a migration calls. */
export class MigrationCalls {
  readonly #work: Pick<MigrationWork, 'hubThing' | 'client' | 'log'>;
  readonly #signal: AbortSignal;

  constructor(work: Pick<MigrationWork, 'hubThing' | 'client' | 'log'>, signal: AbortSignal) {
    this.#work = work;
    this.#signal = signal;
  }

  /** Waits out what passes by itself. A missing right ends the task: somebody must give it first. */
  async ask<T>(service: string, request: unknown): Promise<T> {
    const { client, hubThing, log } = this.#work;
    const options = { signal: this.#signal };
    try {
      return (await persist(
        () => client.invoke(hubThing, service, { request }, options),
        this.#signal,
        log,
      )) as T;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code !== 'THINGWORX_FORBIDDEN') throw error;
      throw new ConnectorError(
        error.code,
        `${error.message} Add the user of the application key to the group Administrators of ThingWorx while the migration runs.`,
        { cause: error },
      );
    }
  }

  /** The Things of PTC's connector of one kind. */
  async sources(kind: string, options: unknown): Promise<SourceThing[]> {
    const found: SourceThing[] = [];
    let after: string | undefined;
    do {
      const page: { things: SourceThing[]; after?: string } = await this.ask('ListMigrationSources', {
        kind,
        options,
        after,
      });
      found.push(...page.things);
      after = page.after;
    } while (after !== undefined);
    return found;
  }

  /** What migrations to this hub have made. */
  async migrated(): Promise<Migrated> {
    const things: MigratedThing[] = [];
    const record: RecordEntry[] = [];
    let after: string | undefined;
    do {
      const page: { things: MigratedThing[]; record?: RecordEntry[]; after?: string } = await this.ask(
        'ListMigrated',
        { after },
      );
      things.push(...page.things);
      record.push(...(page.record ?? []));
      after = page.after;
    } while (after !== undefined);
    return { things, record };
  }
}
