import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { persist, type RunningTask, wasCancelled } from '../tasks/task.ts';
import {
  countDevices,
  countModelled,
  type DevicePage,
  devicesPerQuery,
  imported,
  type Place,
  queryPages,
  readAhead,
  type Selection,
} from './devices.ts';
import { RegistryExport } from './registry-export.ts';

interface RegistryReaderOptions {
  readonly hubThing: string;
  readonly azure: () => Promise<HubClients>;
  readonly settings: () => HubSettings;
  readonly log: Log;
}

/** From when on the export job is worth it: it takes minutes itself. */
const LONG_SECONDS = 300;
/** Queries per second where the tier is unknown: those of one unit of S1. */
const LEAST_QUERY_RATE = 20 / 60;

/** Reads the selected devices of the registry by queries. */
export class QueryReader {
  readonly #options: Pick<RegistryReaderOptions, 'azure' | 'log'>;
  readonly #task: RunningTask;
  readonly #selection: Selection;

  constructor(
    options: Pick<RegistryReaderOptions, 'azure' | 'log'>,
    task: RunningTask,
    selection: Selection,
  ) {
    this.#options = options;
    this.#task = task;
    this.#selection = selection;
  }

  /** How many devices there are; undefined when the hub does not say. */
  count(): Promise<number | undefined> {
    const { azure, log } = this.#options;
    return countDevices(azure, this.#selection, this.#task.signal, log);
  }

  /** The devices from a place on, page by page. Before the first page, tells the task how many there are and how fast they can be read. */
  async *pages(from: Place | undefined): AsyncGenerator<DevicePage, void> {
    const { azure, log } = this.#options;
    const total = await this.count();
    if (total !== undefined) this.#task.expect(total, await this.pace());
    yield* readAhead(queryPages(azure, this.#selection, from, this.#task.signal, log));
  }

  /** Devices per second; undefined while the tier is unknown. */
  async pace(): Promise<number | undefined> {
    const { azure, log } = this.#options;
    const { quota } = await persist(azure, this.#task.signal, log);
    const rate = quota.rate('query');
    return Number.isFinite(rate) ? rate * devicesPerQuery(this.#selection) : undefined;
  }
}

/**
 * Reads the selected devices of the registry: by queries, or all of them by an export job of the IoT Hub, as registryReading says. For
 * automatic, the export job is used when queries would take longer than five minutes and no device has a model id, which the export lacks.
 */
export class RegistryReader {
  readonly #options: RegistryReaderOptions;
  readonly #task: RunningTask;
  readonly #selection: Selection;
  readonly #queries: QueryReader;
  #export: RegistryExport | undefined;

  constructor(options: RegistryReaderOptions, task: RunningTask, selection: Selection) {
    this.#options = options;
    this.#task = task;
    this.#selection = selection;
    this.#queries = new QueryReader(options, task, selection);
  }

  /** As those of QueryReader. */
  async *pages(from: Place | undefined): AsyncGenerator<DevicePage, void> {
    if (from?.offset !== undefined) this.#export = this.#makeExport();
    else if (from === undefined) this.#export = await this.#openExport();
    const exported = this.#export;
    if (!exported) return yield* this.#queries.pages(from);
    const total = await this.#queries.count();
    if (total !== undefined) this.#task.expect(total);
    yield* readAhead(this.#exportPages(exported, from?.offset ?? 0));
  }

  /** After the end, whichever it is: removes the export unless the task goes on with it after a restart. */
  async close(): Promise<void> {
    const { signal } = this.#task;
    if (signal.aborted && !wasCancelled(signal)) return;
    await this.#export?.remove();
  }

  async *#exportPages(exported: RegistryExport, from: number): AsyncGenerator<DevicePage, void> {
    for await (const page of exported.pages(from, this.#task.signal))
      yield {
        devices: page.twins.map(imported),
        unknown: [],
        next: page.isLast ? undefined : { offset: page.end },
      };
  }

  /** Undefined for queries. */
  async #openExport(): Promise<RegistryExport | undefined> {
    const { log } = this.#options;
    const { signal } = this.#task;
    const isForced = this.#options.settings().registryReading === 'export-job';
    if (!(await this.#isWanted())) return undefined;
    const exported = this.#makeExport();
    this.#export = exported;
    try {
      await exported.complete(signal, isForced);
      return exported;
    } catch (thrown) {
      if (isForced || signal.aborted) throw thrown;
      const error = toConnectorError(thrown);
      log.warn({ err: error }, 'The registry is read by queries, since an export job is not possible.');
      this.#task.note(`The registry is read by queries: ${error.message}`);
      await exported.remove();
      return undefined;
    }
  }

  async #isWanted(): Promise<boolean> {
    const { azure, log, settings } = this.#options;
    const { registryReading, storageConnectionString } = settings();
    if (this.#selection.kind !== 'all' || registryReading === 'queries') return false;
    if (registryReading === 'export-job') return true;
    if (!storageConnectionString) return false;
    const pace = (await this.#queries.pace()) ?? LEAST_QUERY_RATE * devicesPerQuery(this.#selection);
    if (((await this.#queries.count()) ?? 0) / pace <= LONG_SECONDS) return false;
    return (await countModelled(azure, this.#task.signal, log)) === 0;
  }

  #makeExport(): RegistryExport {
    const { azure, hubThing, settings, log } = this.#options;
    const { storageConnectionString, registryContainer } = settings();
    if (!storageConnectionString)
      throw new ConnectorError(
        'SETTING_MISSING',
        'storageConnectionString is not set: an export job needs the storage account. Set it, or registryReading to queries.',
      );
    return new RegistryExport({
      azure,
      storage: storageConnectionString,
      container: registryContainer,
      blob: `${encodeURIComponent(hubThing)}/${this.#task.id}.txt`,
      log,
      onState: (text) => this.#task.note(text),
    });
  }
}
