import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import type { ContainerFiles } from '../files/container-files.ts';
import type { Announcement } from '../ingest/notifications/announcer.ts';
import { untilDone } from '../lib/backoff.ts';
import { systemCode } from '../lib/files.ts';
import { newId, type RecordStore } from '../lib/records.ts';
import type { Log } from '../observe/log.ts';
import { Channel } from './channel.ts';
import { type Deployment, hasEnded, keyOf, rowOf, sharesFile, targetOf } from './deployment.ts';
import { DeploymentRun, type RunOptions } from './deployment-run.ts';
import {
  PACKAGE_STATES,
  type PackageFile,
  type PackageName,
  type PackageRequest,
  type PackageRow,
  type PackageState,
} from './types.ts';

/** What a deployment is checked with before it begins. */
interface DeploymentSources {
  readonly clients: () => Promise<HubClients>;
  readonly storages: StorageAccounts;
}

export interface DeploymentsOptions
  extends DeploymentSources,
    Pick<RunOptions, 'firstPauseMs' | 'longestPauseMs'> {
  readonly records: RecordStore<Deployment>;
  readonly log: Log;
  /** Rejects only with STOPPING. */
  readonly announce: (announcements: readonly Announcement[], signal: AbortSignal) => Promise<number>;
}

/** Ended deployments that are kept; the oldest are removed first. */
const KEEP = 1_000;

/**
 * The deployments of software packages to the devices of one hub, at the sidecar that runs them. Each is stored and resumed by the next process;
 * the Thing of the device shows its state. All operations throw STATE_UNAVAILABLE.
 */
export class Deployments {
  readonly #options: DeploymentsOptions;
  readonly #records: RecordStore<Deployment>;
  readonly #channel: Channel;
  readonly #abort = new AbortController();
  /** By id, oldest first. */
  readonly #runs = new Map<string, DeploymentRun>();
  readonly #byDevice = new Map<string, Set<DeploymentRun>>();
  #starting: Promise<void> | undefined;
  #observe: (deployment: Deployment) => void = () => undefined;

  constructor(options: DeploymentsOptions) {
    this.#options = options;
    this.#records = options.records;
    this.#channel = new Channel(options);
  }

  /** Resumes the deployments of the previous process. Idempotent. Rejects with STATE_UNAVAILABLE; the next call tries again. */
  start(): Promise<void> {
    this.#starting ??= this.#load().catch((thrown) => {
      this.#starting = undefined;
      throw thrown;
    });
    return this.#starting;
  }

  /** Running deployments stay for the next process. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#starting?.catch(() => undefined);
    await Promise.all([...this.#runs.values()].map((run) => run.run()));
  }

  /** The number of running deployments by state. */
  get pending(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const state of PACKAGE_STATES) if (!hasEnded({ state })) counts[state] = 0;
    for (const { state } of this.#all()) if (state in counts) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }

  /**
   * Starts a deployment, or returns the running one with the same file and version.
   * @throws ConnectorError PACKAGE_PENDING, FILE_NOT_FOUND, DEVICE_NOT_FOUND, LINK_NOT_POSSIBLE and the errors of storage and hub
   */
  async deploy(request: PackageRequest, signal: AbortSignal): Promise<PackageRow> {
    await this.start();
    const deployment = await newDeployment(request, this.#options, signal);
    return answerOf(this.#pending(request), deployment) ?? rowOf(await this.#begin(deployment));
  }

  /** `observe` is called with each deployment that was stored. */
  watch(observe: (deployment: Deployment) => void): void {
    this.#observe = observe;
  }

  /** Those of a campaign that are still known. */
  ofCampaign(campaign: string): Deployment[] {
    return this.#all().filter((deployment) => deployment.campaign === campaign);
  }

  get(id: string): Deployment | undefined {
    return this.#runs.get(id)?.deployment;
  }

  /** The newest file of another version that the device or module has installed. */
  installedBefore(name: PackageName, version: string): PackageFile | undefined {
    const found = this.#of(name).findLast(
      ({ deployment }) => deployment.state === 'installed' && deployment.version !== version,
    );
    if (!found) return undefined;
    const { account, container, path, version: before } = found.deployment;
    return { account, container, path, version: before };
  }

  /** Forgets a deployment that the device has not received. Resolves to false if the device may have it. */
  async withdraw(id: string): Promise<boolean> {
    const run = this.#runs.get(id);
    if (!run) return true;
    if (!(await run.withdraw())) return false;
    this.#remove(run);
    await this.#records
      .remove(id)
      .catch((thrown) =>
        this.#options.log.warn({ err: unavailable(thrown) }, 'A withdrawn deployment could not be removed.'),
      );
    return true;
  }

  /** Cancels a deployment; one that has ended stays as it is. @throws ConnectorError PACKAGE_NOT_FOUND */
  async cancel(name: PackageName): Promise<PackageRow> {
    await this.start();
    const run = this.#latest(name);
    if (!run)
      throw new ConnectorError('PACKAGE_NOT_FOUND', `${name.name} was not deployed to ${name.deviceId}.`);
    await run.cancel();
    return rowOf(run.deployment);
  }

  /** Newest first: the running ones, and the last thousand that have ended. */
  async list(filter: PackageFilter): Promise<PackageRow[]> {
    await this.start();
    return rowsOf(this.#all(), filter);
  }

  /** Takes what other sidecars have stored. One that came while another of the same package was under way fails. */
  async readNew(): Promise<void> {
    await this.start();
    const { records } = await this.#records.load();
    for (const deployment of records) {
      if (this.#runs.has(deployment.id)) continue;
      const pending = hasEnded(deployment) ? undefined : this.#pending(deployment);
      this.#run(this.#add(pending ? { ...deployment, ...refused(pending) } : deployment));
    }
  }

  /** The twin or the connection of the device has changed. */
  deviceChanged(deviceId: string): void {
    for (const run of this.#byDevice.get(deviceId) ?? []) {
      if (!hasEnded(run.deployment)) run.wake();
      else if (this.#latest(run.deployment) === run) run.readLateReport().catch(() => undefined);
    }
  }

  /** Feedback for a message; messages of other senders are ignored. */
  async feedback(messageId: string, outcome: string, description: string): Promise<void> {
    // If the deployments cannot be read, none of them waits for feedback.
    await this.start().catch(() => undefined);
    await this.#runs.get(messageId)?.feedback(outcome, description);
  }

  async #begin(deployment: Deployment): Promise<Deployment> {
    const run = this.#add(deployment);
    try {
      await this.#records.write(deployment);
    } catch (thrown) {
      this.#remove(run);
      throw unavailable(thrown);
    }
    this.#observe(run.deployment);
    this.#run(run);
    return run.deployment;
  }

  async #load(): Promise<void> {
    const { records, unreadable } = await this.#records.load().catch((thrown) => {
      throw unavailable(thrown);
    });
    if (unreadable.length > 0)
      this.#options.log.warn({ files: unreadable }, 'Skipped deployment records that cannot be read.');
    for (const deployment of records) this.#run(this.#add(deployment));
  }

  #add(deployment: Deployment): DeploymentRun {
    const { signal } = this.#abort;
    const { log, announce, firstPauseMs, longestPauseMs } = this.#options;
    const run = new DeploymentRun(deployment, {
      channel: this.#channel,
      log,
      signal,
      save: async (changed) => {
        await untilDone(
          () => this.#records.write(changed).catch((thrown) => Promise.reject(unavailable(thrown))),
          signal,
          (error) => error && log.warn({ err: error }, 'A deployment cannot be stored; retrying.'),
        );
        this.#observe(changed);
      },
      show: async (changed) => {
        await announce([announcementOf(changed)], signal);
      },
      isFileNeeded: (one) =>
        this.#all().some((other) => other.id !== one.id && !hasEnded(other) && sharesFile(other, one)),
      ...(firstPauseMs === undefined ? {} : { firstPauseMs }),
      ...(longestPauseMs === undefined ? {} : { longestPauseMs }),
    });
    this.#runs.set(deployment.id, run);
    const { deviceId } = deployment;
    this.#byDevice.set(deviceId, (this.#byDevice.get(deviceId) ?? new Set()).add(run));
    return run;
  }

  #remove(run: DeploymentRun): void {
    const { id, deviceId } = run.deployment;
    this.#runs.delete(id);
    const others = this.#byDevice.get(deviceId);
    others?.delete(run);
    if (others?.size === 0) this.#byDevice.delete(deviceId);
  }

  #run(run: DeploymentRun): void {
    if (run.isComplete) return;
    void run.run().then(async () => {
      // Other deployments may wait until the file is no longer needed.
      for (const other of this.#runs.values())
        if (!other.isComplete && sharesFile(other.deployment, run.deployment)) other.wake();
      await this.#forget();
    });
  }

  async #forget(): Promise<void> {
    const settled = [...this.#runs].filter(([, run]) => run.isComplete);
    for (const [id, run] of settled.slice(0, Math.max(0, settled.length - KEEP))) {
      this.#remove(run);
      await this.#records.remove(id).catch(() => undefined);
    }
  }

  #all(): Deployment[] {
    return [...this.#runs.values()].map(({ deployment }) => deployment);
  }

  #pending(name: PackageName): Deployment | undefined {
    return this.#of(name).find((run) => !hasEnded(run.deployment))?.deployment;
  }

  #latest(name: PackageName): DeploymentRun | undefined {
    return this.#of(name).at(-1);
  }

  /** The deployments of one package of one device or module, oldest first. */
  #of(name: PackageName): DeploymentRun[] {
    return [...(this.#byDevice.get(name.deviceId) ?? [])]
      .filter(({ deployment }) => keyOf(deployment) === keyOf(name))
      .sort((a, b) => (a.deployment.id < b.deployment.id ? -1 : 1));
  }
}

export interface PackageFilter {
  readonly state?: PackageState | undefined;
  readonly name?: string | undefined;
}

/** Newest first. */
export function rowsOf(deployments: readonly Deployment[], filter: PackageFilter): PackageRow[] {
  return deployments
    .filter(({ state, name }) => state === (filter.state ?? state) && name === (filter.name ?? name))
    .sort((a, b) => (a.id < b.id ? 1 : -1))
    .map(rowOf);
}

/**
 * A deployment that has not begun. Errors that a retry cannot solve are returned now and not in the background.
 * @throws ConnectorError REQUEST_INVALID, FILE_NOT_FOUND, DEVICE_NOT_FOUND, LINK_NOT_POSSIBLE and the errors of storage and hub
 */
export async function newDeployment(
  request: PackageRequest,
  { storages, clients }: DeploymentSources,
  signal: AbortSignal,
): Promise<Deployment> {
  const { account, container, path } = request;
  if (request.delivery === 'message' && request.moduleId !== undefined)
    throw new ConnectorError(
      'REQUEST_INVALID',
      'moduleId: modules receive no messages; use the delivery method.',
    );
  const files = storages.require(account).container(container);
  const file = await installable(files, path, signal);
  if (request.etag !== undefined && file.etag !== request.etag)
    throw new ConnectorError('FILE_REPLACED', `${path} has changed since the campaign started.`);
  await (await clients()).twins.get(targetOf(request), { signal, timeoutMs: 10_000 });
  const createdAtMs = Date.now();
  return {
    ...request,
    id: newId(createdAtMs),
    file,
    state: 'waiting',
    code: '',
    message: '',
    attempted: false,
    confirmed: false,
    createdAtMs,
    changedAtMs: createdAtMs,
    deadlineMs: createdAtMs + request.timeoutMinutes * 60_000,
    fileDeleted: false,
    cleaned: false,
    shown: false,
  };
}

/** The file, if a device can be given a link to it. @throws ConnectorError FILE_NOT_FOUND, LINK_NOT_POSSIBLE and the errors of storage */
export async function installable(
  files: ContainerFiles,
  path: string,
  signal: AbortSignal,
): Promise<Deployment['file']> {
  const facts = await files.facts(path, signal);
  if (facts.kind === 'folder') throw new ConnectorError('FILE_NOT_FOUND', `${path} is a folder.`);
  await files.downloadLink(path, 1, signal);
  const { etag, size, contentType, contentMd5 } = facts;
  return { etag, size, contentType, ...(contentMd5 === undefined ? {} : { contentMd5 }) };
}

/** The answer to a deployment of a package of which another is under way: that one, if it is the same. Throws PACKAGE_PENDING. */
export function answerOf(pending: Deployment | undefined, deployment: Deployment): PackageRow | undefined {
  if (!pending) return undefined;
  if (pending.version === deployment.version && sharesFile(pending, deployment)) return rowOf(pending);
  throw new ConnectorError('PACKAGE_PENDING', pendingText(pending));
}

function pendingText({ name, version, state, deviceId, deadlineMs }: Deployment): string {
  return `${name} ${version} is ${state} on ${deviceId}; wait until ${new Date(deadlineMs).toISOString()} at the latest, or call CancelPackage.`;
}

function refused(pending: Deployment): Partial<Deployment> {
  const message = pendingText(pending);
  return { state: 'failed', code: 'PACKAGE_PENDING', message, cleaned: true, shown: false };
}

function announcementOf(deployment: Deployment): Announcement {
  return {
    deviceId: deployment.deviceId,
    event: 'PackageChanged',
    data: { ...rowOf(deployment), time: deployment.changedAtMs },
    table: 'softwarePackages',
  };
}

export function unavailable(thrown: unknown): ConnectorError {
  const error = toConnectorError(thrown);
  if (error.code !== 'INTERNAL') return error;
  return new ConnectorError('STATE_UNAVAILABLE', `Deployments cannot be stored: ${systemCode(thrown)}.`, {
    cause: thrown,
  });
}
