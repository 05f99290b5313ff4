import path from 'node:path';
import type { BlobFolder } from '../group/blob-folder.ts';
import { BlobLines } from '../group/blob-lines.ts';
import { BlobRecords } from '../group/blob-records.ts';
import type { Fence, WorkRequest } from '../group/lead.ts';
import { Lines } from '../lib/lines.ts';
import { type LineStore, type RecordStore, Records } from '../lib/records.ts';
import { isCampaign } from '../packages/campaigns/campaign.ts';
import { isCampaignPart } from '../packages/campaigns/campaign-devices.ts';
import { isDeployment } from '../packages/deployment.ts';
import { isTask } from '../tasks/task-store.ts';
import { isUpload } from '../uploads/upload.ts';

type WorkName = 'tasks' | 'uploads' | 'packages' | 'campaign-devices' | 'campaigns';

/** The records of the background work of a hub Thing, and the reports that belong to them. */
export interface WorkStore {
  records<T extends { readonly id: string }>(
    work: WorkName | 'outcomes',
    isRecord: (value: T | null) => boolean,
  ): RecordStore<T>;
  lines(work: WorkName): LineStore;
}

/** Where the work of a hub Thing is kept, and how to reach the sidecar that does it. */
export interface WorkPlace extends WorkStore {
  /** Whether all sidecars of a group see it. */
  readonly isShared: boolean;
  /** On this machine: for what need not be shared. */
  directory(work: WorkName): string;
  post(request: WorkRequest): Promise<void>;
}

/** In the order in which they are moved: who finds a campaign finds its devices. */
const CHECKED: Readonly<Record<WorkName, (value: never) => boolean>> = {
  tasks: isTask,
  uploads: isUpload,
  packages: isDeployment,
  'campaign-devices': isCampaignPart,
  campaigns: isCampaign,
};

/** Lines of a report that are moved at a time. */
const PIECE = 50_000;

/** The state directory. This sidecar does the work. */
export class DirectoryPlace implements WorkPlace {
  readonly isShared = false;
  readonly #stateDirectory: string;
  readonly #hubThing: string;

  constructor(stateDirectory: string, hubThing: string) {
    this.#stateDirectory = stateDirectory;
    this.#hubThing = hubThing;
  }

  records<T extends { readonly id: string }>(
    work: WorkName | 'outcomes',
    isRecord: (value: T | null) => boolean,
  ): RecordStore<T> {
    return new Records(this.directory(work), isRecord);
  }

  lines(work: WorkName): LineStore {
    return new Lines(this.directory(work));
  }

  directory(work: WorkName | 'outcomes'): string {
    return path.join(this.#stateDirectory, work, encodeURIComponent(this.#hubThing));
  }

  async post(): Promise<void> {}
}

/** What is in a container. Only while `fence` is held, a record that exists is written or removed. */
export function workInContainer(folder: BlobFolder, fence: Fence): WorkStore {
  return {
    records: (work, isRecord) => new BlobRecords(folder.within(work), fence, isRecord),
    lines: (work) => new BlobLines(folder.within(`${work}-reports`), fence),
  };
}

/**
 * Moves all work from one store to another and calls `moved` after each sort of it. It may be interrupted and run again. Before each record
 * it asks `mayGoOn`; resolves to false when the answer was no.
 */
export async function moveWork(
  from: WorkStore,
  to: WorkStore,
  moved: (work: WorkName, count: number) => Promise<void>,
  mayGoOn: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  for (const work of Object.keys(CHECKED) as WorkName[]) {
    const isRecord = CHECKED[work] as (value: { readonly id: string } | null) => boolean;
    const [source, target] = [from.records(work, isRecord), to.records(work, isRecord)];
    const { records } = await source.load();
    if (records.length === 0) continue;
    const [report, copy] = [from.lines(work), to.lines(work)];
    for (const record of records) {
      if (!(await mayGoOn())) return false;
      await copy.remove(record.id);
      for (let first = 0; ; first += PIECE) {
        const piece = await report.read(record.id, first, PIECE);
        if (piece.length > 0) await copy.append(record.id, piece);
        if (piece.length < PIECE) break;
      }
      await target.create(record);
      await source.remove(record.id);
      await report.remove(record.id);
    }
    await moved(work, records.length);
  }
  return true;
}
