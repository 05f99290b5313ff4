import path from 'node:path';
import type { HubSettings } from '../contract/hub-settings.ts';
import { toConnectorError } from '../errors/connector-error.ts';
import { BlobFolder, SHARED_PREFIX } from '../group/blob-folder.ts';
import { BlobLease } from '../group/blob-lease.ts';
import { BlobLines } from '../group/blob-lines.ts';
import { BlobRecords } from '../group/blob-records.ts';
import { Lead, type WorkRequest } from '../group/lead.ts';
import { Lines } from '../lib/lines.ts';
import { type LineStore, type RecordStore, Records } from '../lib/records.ts';
import type { Log } from '../observe/log.ts';
import { isCampaign } from '../packages/campaigns/campaign.ts';
import { isCampaignPart } from '../packages/campaigns/campaign-devices.ts';
import { isDeployment } from '../packages/deployment.ts';
import { isTask } from '../tasks/task-store.ts';
import { isUpload } from '../uploads/upload.ts';

/** Where the work of a hub Thing is kept, and how to reach the sidecar that does it. */
export interface WorkPlace {
  /** Whether all sidecars of a group see it. */
  readonly isShared: boolean;
  records<T extends { readonly id: string }>(
    work: WorkName | 'outcomes',
    isRecord: (value: T | null) => boolean,
  ): RecordStore<T>;
  lines(work: WorkName): LineStore;
  /** On this machine: for what need not be shared. */
  directory(work: WorkName): string;
  post(request: WorkRequest): Promise<void>;
}

type WorkName = 'tasks' | 'uploads' | 'packages' | 'campaign-devices' | 'campaigns';

/** What only one sidecar of a group may do for a hub Thing. */
export interface Duty {
  /** Where records are from now on. Called while the duty does not run. */
  settle(place: WorkPlace): void;
  /** Goes on with what the last sidecar or process left. */
  begin(): Promise<void>;
  /** Idempotent. */
  end(): Promise<void>;
  /** A request of another sidecar. */
  take(request: WorkRequest): Promise<void>;
}

interface GroupOptions {
  readonly hubThing: string;
  readonly stateDirectory: string;
  /** The name of this sidecar. */
  readonly owner: string;
  readonly log: Log;
  readonly duties: readonly Duty[];
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

/** Of the records in the container: a sidecar sees only those of its own version of them. */
const FORMAT = 1;

/**
 * The sidecars of one hub Thing, as far as its background work is concerned. With a storage account, records of work are beside the checkpoints,
 * and one sidecar of the group leads; what this sidecar had in its state directory is moved there. Without one, records are in the state
 * directory, and this sidecar leads.
 */
export class Group {
  readonly #options: GroupOptions;
  #place: string | undefined;
  #lead: Lead | undefined;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  /** Whether this sidecar does the background work. */
  get leads(): boolean {
    return this.#place !== undefined && (this.#lead?.isHeld ?? true);
  }

  /** Takes the current settings. */
  async use({ storageConnectionString, checkpointContainer }: HubSettings): Promise<void> {
    const place = storageConnectionString ? `${checkpointContainer} ${storageConnectionString}` : 'files';
    if (place === this.#place) return;
    await this.close();
    this.#place = place;
    if (storageConnectionString) this.#share(storageConnectionString, checkpointContainer);
    else await this.#keep();
  }

  /** Ends the work; another sidecar of the group takes it. Idempotent. */
  async close(): Promise<void> {
    this.#place = undefined;
    const lead = this.#lead;
    this.#lead = undefined;
    if (lead) await lead.stop();
    else await this.#end();
  }

  async #keep(): Promise<void> {
    const { duties, log } = this.#options;
    for (const duty of duties) duty.settle(this.#files);
    // What cannot be read now is read with the next call that needs it.
    await this.#begin().catch((thrown) =>
      log.error({ err: toConnectorError(thrown) }, 'The background work of the hub cannot be read.'),
    );
  }

  #share(connection: string, container: string): void {
    const { hubThing, owner, log, duties } = this.#options;
    const prefix = `${SHARED_PREFIX}${FORMAT}/${encodeURIComponent(hubThing)}/`;
    const folder = new BlobFolder({ connection, container, prefix });
    const lead = new Lead({
      lease: new BlobLease(folder, 'lead', owner),
      requests: folder.within('requests'),
      prepare: () => this.#adopt(folder, lead),
      begin: () => this.#begin(),
      end: () => this.#end(),
      take: async (request) => {
        for (const duty of duties) await duty.take(request);
      },
      log,
    });
    const place: WorkPlace = {
      isShared: true,
      records: (work, isRecord) => new BlobRecords(folder.within(work), lead, isRecord),
      lines: (work) => new BlobLines(folder.within(`${work}-reports`), lead),
      directory: (work) => this.#directory(work),
      post: (request) => lead.post(request),
    };
    for (const duty of duties) duty.settle(place);
    this.#lead = lead;
    lead.start();
  }

  async #begin(): Promise<void> {
    await Promise.all(this.#options.duties.map((duty) => duty.begin()));
  }

  async #end(): Promise<void> {
    await Promise.all(this.#options.duties.map((duty) => duty.end()));
  }

  get #files(): WorkPlace {
    return {
      isShared: false,
      records: (work, isRecord) => new Records(this.#directory(work), isRecord),
      lines: (work) => new Lines(this.#directory(work)),
      directory: (work) => this.#directory(work),
      post: async () => undefined,
    };
  }

  #directory(work: WorkName | 'outcomes'): string {
    const { stateDirectory, hubThing } = this.#options;
    return path.join(stateDirectory, work, encodeURIComponent(hubThing));
  }

  /** Moves what is in the state directory to the container. It may be interrupted and run again. */
  async #adopt(folder: BlobFolder, lead: Lead): Promise<void> {
    const files = this.#files;
    // Nobody else writes what this sidecar brings.
    const free = { isHeld: true, confirm: async () => true };
    for (const work of Object.keys(CHECKED) as WorkName[]) {
      const isRecord = CHECKED[work] as (value: { readonly id: string } | null) => boolean;
      const from = files.records(work, isRecord);
      const { records } = await from.load();
      if (records.length === 0) continue;
      const to = new BlobRecords(folder.within(work), free, isRecord);
      const lines = new BlobLines(folder.within(`${work}-reports`), free);
      for (const record of records) {
        await lines.remove(record.id);
        for (let from = 0; ; from += PIECE) {
          const piece = await files.lines(work).read(record.id, from, PIECE);
          if (piece.length > 0) await lines.append(record.id, piece);
          if (piece.length < PIECE) break;
        }
        await to.create(record);
        await from.remove(record.id);
        await files.lines(work).remove(record.id);
      }
      await lead.post({ work, action: 'readNew', subject: '' });
      this.#options.log.info(
        { work, moved: records.length },
        'Background work moved from the state directory to the container.',
      );
    }
  }
}
