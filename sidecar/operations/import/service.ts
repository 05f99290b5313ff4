import type { HubSettings } from '../../contract/hub-settings.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { COMPARE_REGISTRY, CompareTask } from '../../import/compare-task.ts';
import type { Selection } from '../../import/devices.ts';
import { EXPORT_THINGS, type ExportInput, ExportTask } from '../../import/export-task.ts';
import { type ImportInput, ImportTask, type RegistryWork, START_IMPORT } from '../../import/import-task.ts';
import { Pattern } from '../../import/rules.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import {
  type ExportRequest,
  IMPORT_KINDS,
  type ImportDesk,
  type ImportRequest,
  type ImportRow,
} from './import-members.ts';

/** Imports, exports and comparisons in the words of the operations of one hub. */
export class HubImports implements ImportDesk {
  readonly #tasks: Tasks;
  readonly #settings: () => HubSettings;

  /** Makes the kinds known to the tasks, which must not have started. */
  constructor(tasks: Tasks, settings: () => HubSettings, work: RegistryWork) {
    this.#tasks = tasks;
    this.#settings = settings;
    tasks.define(new ImportTask(work));
    tasks.define(new ExportTask(work));
    tasks.define(new CompareTask(work));
  }

  async startImport(request: ImportRequest): Promise<string> {
    const input: ImportInput = {
      selection: selectionOf(request),
      rules: request.rules ?? [],
      template: request.template || this.#settings().deviceTemplate,
      thingName: request.thingName || '{deviceId}',
      tags: request.tags ?? '',
      identifier: request.identifier ?? '',
      project: request.project ?? '',
      dryRun: request.dryRun ?? false,
    };
    // Refused now rather than in the background.
    for (const member of ['thingName', 'tags', 'identifier'] as const) new Pattern(input[member], member);
    const { id } = await this.#tasks.submit(START_IMPORT, importTitle(input), input);
    return id;
  }

  async exportThings({ template, edge, enabled, dryRun }: ExportRequest): Promise<string> {
    const input: ExportInput = {
      template,
      edge: edge ?? false,
      enabled: enabled ?? true,
      dryRun: dryRun ?? false,
    };
    const title = `${input.dryRun ? 'Show which devices' : 'Make devices'} for the Things of ${template}`;
    const { id } = await this.#tasks.submit(EXPORT_THINGS, title, input);
    return id;
  }

  async compareRegistry(): Promise<string> {
    const { id } = await this.#tasks.submit(COMPARE_REGISTRY, 'Compare the registry with the Things', {});
    return id;
  }

  async list(): Promise<ImportRow[]> {
    await this.#tasks.start();
    return this.#tasks.list().filter(isImport).map(rowOf);
  }

  async get(id: string): Promise<ImportRow> {
    return rowOf(await this.#find(id));
  }

  async cancel(id: string): Promise<ImportRow> {
    await this.#find(id);
    return rowOf(await this.#tasks.cancel(id));
  }

  async #find(id: string): Promise<TaskRecord> {
    await this.#tasks.start();
    const task = this.#tasks.get(id);
    if (isImport(task)) return task;
    throw new ConnectorError('TASK_NOT_FOUND', `The task ${id} is no import, export or comparison.`);
  }
}

function selectionOf({ condition, deviceIds }: ImportRequest): Selection {
  if (condition && deviceIds)
    throw new ConnectorError('REQUEST_INVALID', 'Give condition or deviceIds, not both.');
  if (condition) return { kind: 'query', condition };
  if (!deviceIds) return { kind: 'all' };
  // A selection that nothing was chosen for is not the wish for everything.
  if (deviceIds.length === 0)
    throw new ConnectorError('REQUEST_INVALID', 'deviceIds is an empty list; leave it out to import all.');
  return { kind: 'list', deviceIds };
}

function importTitle({ selection, dryRun }: ImportInput): string {
  const which =
    selection.kind === 'all'
      ? 'all devices'
      : selection.kind === 'list'
        ? `${selection.deviceIds.length} listed devices`
        : `devices where ${selection.condition}`;
  return dryRun ? `Show what an import of ${which} would do` : `Import ${which}`;
}

function isImport({ kind }: TaskRecord): boolean {
  return IMPORT_KINDS.some((known) => known === kind);
}

function rowOf(task: TaskRecord): ImportRow {
  const { id, kind, title, state, done, total, counts, error, createdAtMs, startedAtMs, endedAtMs } = task;
  const counted = (...names: string[]) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  return {
    id,
    kind: kind as ImportRow['kind'],
    title,
    state,
    done,
    ...(total === undefined ? {} : { total }),
    created: counted('created', 'wouldCreate'),
    existed: counted('existed', 'linked', 'wouldLink', 'matched'),
    failed: counted('failed'),
    withoutThing: counted('withoutThing'),
    withoutDevice: counted('withoutDevice'),
    ...(error === undefined ? {} : { errorCode: error.code, error: error.message }),
    createdAt: new Date(createdAtMs).toISOString(),
    ...(startedAtMs === undefined ? {} : { startedAt: new Date(startedAtMs).toISOString() }),
    ...(endedAtMs === undefined ? {} : { endedAt: new Date(endedAtMs).toISOString() }),
  };
}
