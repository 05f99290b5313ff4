import { ConnectorError } from '../errors/connector-error.ts';
import { GroupBoard } from '../lib/group-board.ts';
import type { RecordStore } from '../lib/records.ts';
import { type Deployment, hasEnded, keyOf, rowOf } from './deployment.ts';
import {
  answerOf,
  Deployments,
  type DeploymentsOptions,
  newDeployment,
  type PackageFilter,
  rowsOf,
  unavailable,
} from './deployments.ts';
import type { PackageName, PackageRequest, PackageRow } from './types.ts';

/** Where the deployments of a hub are kept. */
interface DeploymentPlace {
  readonly records: RecordStore<Deployment>;
  /** Asks the sidecar that leads to read new deployments or to cancel one, or tells it that a device has changed. */
  readonly post: (action: 'readNew' | 'cancel' | 'wake', subject: string) => Promise<void>;
}

/** How long a list of deployments answers whether a device has one under way. */
const KNOWN_MS = 10_000;

/** The deployments of one hub, as each sidecar of its group answers for them. All operations throw STATE_UNAVAILABLE. */
export class DeploymentBoard extends GroupBoard<DeploymentPlace, Deployments> {
  readonly #options: Omit<DeploymentsOptions, 'records'>;
  /** Devices with a deployment under way at another sidecar. */
  #known: { readonly devices: Promise<ReadonlySet<string>>; readonly untilMs: number } | undefined;

  constructor(options: Omit<DeploymentsOptions, 'records'>) {
    super();
    this.#options = options;
  }

  override use(place: DeploymentPlace): void {
    super.use(place);
    this.#known = undefined;
  }

  /** This sidecar leads from now on. `start` of the deployments continues those of the last one. */
  begin(): Deployments {
    return this.lead(({ records }) => new Deployments({ ...this.#options, records }));
  }

  override async end(): Promise<void> {
    this.#known = undefined;
    await super.end();
  }

  /** Does what another sidecar of the group has posted. */
  async take(action: string, subject: string): Promise<void> {
    if (action === 'wake') {
      this.runner?.deviceChanged(subject);
      return;
    }
    await this.runner?.readNew();
    if (action !== 'cancel') return;
    const name = JSON.parse(subject) as PackageName;
    // The record of an unknown package was removed meanwhile.
    await this.runner?.cancel(name).catch(() => undefined);
  }

  /** The number of deployments that this sidecar runs, by state. */
  get pending(): Record<string, number> {
    return this.runner?.pending ?? {};
  }

  /** As Deployments.deploy. */
  async deploy(request: PackageRequest, signal: AbortSignal): Promise<PackageRow> {
    if (this.runner) return await this.runner.deploy(request, signal);
    const deployment = await newDeployment(request, this.#options, signal);
    return await this.access(async ({ records, post }) => {
      const same = await this.#latest(request);
      const answer = answerOf(same && !hasEnded(same) ? same : undefined, deployment);
      if (answer) return answer;
      await records.create(deployment);
      await post('readNew', deployment.id);
      return rowOf(deployment);
    }, unavailable);
  }

  /**
   * Resolves when the deployment has ended. When the sidecar that leads does not end it in time, resolves to the deployment as it is.
   * @throws ConnectorError PACKAGE_NOT_FOUND
   */
  async cancel(name: PackageName): Promise<PackageRow> {
    if (this.runner) return await this.runner.cancel(name);
    return await this.access(async ({ post }) => {
      let latest = await this.#latest(name);
      if (latest && !hasEnded(latest)) {
        const { deviceId, moduleId } = name;
        await post('cancel', JSON.stringify({ deviceId, moduleId, name: name.name }));
        latest = await this.waitUntil(
          (one) => !one || hasEnded(one),
          () => this.#latest(name),
        );
      }
      if (latest) return rowOf(latest);
      throw new ConnectorError('PACKAGE_NOT_FOUND', `${name.name} was not deployed to ${name.deviceId}.`);
    }, unavailable);
  }

  /** Newest first: those under way, and the last thousand that have ended. */
  async list(filter: PackageFilter): Promise<PackageRow[]> {
    if (this.runner) return await this.runner.list(filter);
    return rowsOf((await this.access(({ records }) => records.load(), unavailable)).records, filter);
  }

  /** The twin or the connection of the device has changed. */
  deviceChanged(deviceId: string): void {
    if (this.runner) this.runner.deviceChanged(deviceId);
    // If this fails, the sidecar that leads finds the change itself, but later.
    else this.#wake(deviceId).catch(() => undefined);
  }

  /** Feedback for a message; messages of other senders are ignored. */
  async feedback(messageId: string, outcome: string, description: string): Promise<void> {
    await this.runner?.feedback(messageId, outcome, description);
  }

  async #wake(deviceId: string): Promise<void> {
    const { records, post } = this.place;
    const nowMs = performance.now();
    if (!this.#known || this.#known.untilMs < nowMs) {
      const devices = records.load().then((loaded) => devicesOf(loaded.records));
      devices.catch(() => undefined);
      this.#known = { devices, untilMs: nowMs + KNOWN_MS };
    }
    if ((await this.#known.devices).has(deviceId)) await post('wake', deviceId);
  }

  async #latest(name: PackageName): Promise<Deployment | undefined> {
    const { records } = await this.place.records.load();
    return records.filter((deployment) => keyOf(deployment) === keyOf(name)).at(-1);
  }
}

function devicesOf(deployments: readonly Deployment[]): ReadonlySet<string> {
  const isOpen = (deployment: Deployment) => !hasEnded(deployment) || !deployment.confirmed;
  return new Set(deployments.filter(isOpen).map(({ deviceId }) => deviceId));
}
