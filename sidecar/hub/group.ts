import type { HubSettings } from '../contract/hub-settings.ts';
import { toConnectorError } from '../errors/connector-error.ts';
import { BlobFolder, SHARED_PREFIX } from '../group/blob-folder.ts';
import { BlobLease } from '../group/blob-lease.ts';
import { Lead, type WorkRequest } from '../group/lead.ts';
import type { Log } from '../observe/log.ts';
import { WorkMove, type WorkMoveOptions } from './work-move.ts';
import { DirectoryPlace, moveWork, type WorkPlace, workInContainer } from './work-place.ts';

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

/** Of the records in the container: a sidecar sees only those of its own version of them. */
const FORMAT = 1;
/** The blob whose lease says which sidecar leads. */
const LEASE_BLOB = 'lead';

/**
 * The sidecars of one hub Thing, as far as its background work is concerned. With a storage account, records of work are beside the checkpoints,
 * and one sidecar of the group leads; what this sidecar had in its state directory is moved there. Without one, records are in the state
 * directory, and this sidecar leads. When the settings name another place, the work is moved from the one before.
 */
export class Group {
  readonly #options: GroupOptions;
  readonly #files: DirectoryPlace;
  #place: string | undefined;
  #lead: Lead | undefined;
  /** Of the container that the settings name. */
  #folder: BlobFolder | undefined;
  #move: WorkMove | undefined;

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#files = new DirectoryPlace(options.stateDirectory, options.hubThing);
  }

  /** Whether this sidecar does the background work. */
  get leads(): boolean {
    return this.#place !== undefined && (this.#lead?.isHeld ?? true);
  }

  /** Takes the current settings. */
  async use({ storageConnectionString, checkpointContainer }: HubSettings): Promise<void> {
    const place = storageConnectionString ? `${checkpointContainer} ${storageConnectionString}` : 'files';
    if (place === this.#place) return;
    const before = this.#folder;
    await this.close();
    this.#place = place;
    if (storageConnectionString) this.#share(storageConnectionString, checkpointContainer, before);
    else await this.#keep(before);
  }

  /** Ends the work; another sidecar of the group takes it. Idempotent. */
  async close(): Promise<void> {
    this.#place = undefined;
    this.#folder = undefined;
    await this.#move?.stop();
    this.#move = undefined;
    const lead = this.#lead;
    this.#lead = undefined;
    if (lead) await lead.stop();
    else await this.#end();
  }

  async #keep(before: BlobFolder | undefined): Promise<void> {
    const { log } = this.#options;
    this.#settle(this.#files);
    if (before) await this.#moveFrom(before, { to: this.#files, post: (request) => this.#take(request) });
    // What cannot be read now is read with the next call that needs it.
    await this.#begin().catch((thrown) =>
      log.error({ err: toConnectorError(thrown) }, 'The background work of the hub cannot be read.'),
    );
  }

  #share(connection: string, container: string, before: BlobFolder | undefined): void {
    const { hubThing, owner, log } = this.#options;
    const prefix = `${SHARED_PREFIX}${FORMAT}/${encodeURIComponent(hubThing)}/`;
    const folder = new BlobFolder({ connection, container, prefix });
    const lead = new Lead({
      lease: new BlobLease(folder, LEASE_BLOB, owner),
      requests: folder.within('requests'),
      prepare: () => this.#adopt(folder, lead),
      begin: () => this.#begin(),
      end: () => this.#end(),
      take: (request) => this.#take(request),
      log,
    });
    const post = (request: WorkRequest) => lead.post(request);
    this.#settle({
      ...workInContainer(folder, lead),
      isShared: true,
      directory: (work) => this.#files.directory(work),
      post,
    });
    this.#folder = folder;
    this.#lead = lead;
    lead.start();
    if (before) void this.#moveFrom(before, { to: workInContainer(folder, OPEN), toFolder: folder, post });
  }

  #settle(place: WorkPlace): void {
    for (const duty of this.#options.duties) duty.settle(place);
  }

  async #begin(): Promise<void> {
    await Promise.all(this.#options.duties.map((duty) => duty.begin()));
  }

  async #end(): Promise<void> {
    await Promise.all(this.#options.duties.map((duty) => duty.end()));
  }

  async #take(request: WorkRequest): Promise<void> {
    for (const duty of this.#options.duties) await duty.take(request);
  }

  /** Moves what is in the state directory to the container. */
  async #adopt(folder: BlobFolder, lead: Lead): Promise<void> {
    await moveWork(this.#files, workInContainer(folder, OPEN), async (work, count) => {
      await lead.post({ work, action: 'readNew', subject: '' });
      this.#options.log.info(
        { work, moved: count },
        'Background work moved from the state directory to the container.',
      );
    });
  }

  async #moveFrom(
    from: BlobFolder,
    target: Pick<WorkMoveOptions, 'to' | 'toFolder' | 'post'>,
  ): Promise<void> {
    const { owner, log } = this.#options;
    this.#move = new WorkMove({ ...target, from, leaseBlob: LEASE_BLOB, owner, log });
    await this.#move.start();
  }
}

/** Nobody else writes what a sidecar brings. */
const OPEN = { isHeld: true, confirm: async () => true };
