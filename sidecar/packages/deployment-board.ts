import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError } from '../errors/connector-error.ts';
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
  /** Tells the sidecar that leads of a new deployment, of one that shall be cancelled, or that a device has changed. */
  readonly post: (action: 'look' | 'cancel' | 'wake', subject: string) => Promise<void>;
}

const CANCEL_WAIT_MS = 14_000;
const CANCEL_LOOK_MS = 300;
/** How long a list of deployments answers whether a device has one under way. */
const KNOWN_MS = 10_000;

/**
 * The deployments of one hub, as each sidecar of its group answers for them. One of the group leads: it runs the deployments. The others read
 * them in the storage account, and leave their wishes there. All operations throw STATE_UNAVAILABLE.
 */
export class DeploymentBoard {
  readonly #options: Omit<DeploymentsOptions, 'records'>;
  readonly #abort = new AbortController();
  #place: DeploymentPlace | undefined;
  /** While this sidecar leads. */
  #deployments: Deployments | undefined;
  /** Devices with a deployment under way at another sidecar. */
  #known: { readonly devices: Promise<ReadonlySet<string>>; readonly untilMs: number } | undefined;

  constructor(options: Omit<DeploymentsOptions, 'records'>) {
    this.#options = options;
  }

  /** Called before `begin`, and when the settings name another place. */
  use(place: DeploymentPlace): void {
    this.#place = place;
    this.#known = undefined;
  }

  /** This sidecar leads from now on. `start` of the deployments goes on with what the last one left. */
  lead(): Deployments {
    this.#deployments ??= new Deployments({ ...this.#options, records: this.#require().records });
    return this.#deployments;
  }

  /** This sidecar leads no more. Idempotent. */
  async end(): Promise<void> {
    const deployments = this.#deployments;
    this.#deployments = undefined;
    this.#known = undefined;
    await deployments?.stop();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.end();
    this.#place = undefined;
  }

  /** What another sidecar of the group has left for the one that leads. */
  async take(action: string, subject: string): Promise<void> {
    if (action === 'wake') {
      this.#deployments?.deviceChanged(subject);
      return;
    }
    await this.#deployments?.look();
    if (action !== 'cancel') return;
    const name = JSON.parse(subject) as PackageName;
    // A package that is not known has been forgotten.
    await this.#deployments?.cancel(name).catch(() => undefined);
  }

  /** The number of deployments that this sidecar runs, by state. */
  get pending(): Record<string, number> {
    return this.#deployments?.pending ?? {};
  }

  /** As Deployments.deploy. */
  async deploy(request: PackageRequest, signal: AbortSignal): Promise<PackageRow> {
    if (this.#deployments) return await this.#deployments.deploy(request, signal);
    const { records, post } = this.#require();
    const deployment = await newDeployment(request, this.#options, signal);
    return await guarded(async () => {
      const same = await this.#latest(request);
      const answer = answerOf(same && !hasEnded(same) ? same : undefined, deployment);
      if (answer) return answer;
      await records.create(deployment);
      await post('look', deployment.id);
      return rowOf(deployment);
    });
  }

  /**
   * Resolves when the deployment has ended, or as it is when the sidecar that leads does not end it in time.
   * @throws ConnectorError PACKAGE_NOT_FOUND
   */
  async cancel(name: PackageName): Promise<PackageRow> {
    if (this.#deployments) return await this.#deployments.cancel(name);
    const { post } = this.#require();
    return await guarded(async () => {
      let latest = await this.#latest(name);
      if (latest && !hasEnded(latest)) {
        const { deviceId, moduleId } = name;
        await post('cancel', JSON.stringify({ deviceId, moduleId, name: name.name }));
      }
      const untilMs = performance.now() + CANCEL_WAIT_MS;
      while (latest && !hasEnded(latest) && performance.now() < untilMs && !this.#abort.signal.aborted) {
        await sleep(CANCEL_LOOK_MS);
        latest = await this.#latest(name);
      }
      if (latest) return rowOf(latest);
      throw new ConnectorError('PACKAGE_NOT_FOUND', `${name.name} was not deployed to ${name.deviceId}.`);
    });
  }

  /** Newest first: those under way, and the last thousand that have ended. */
  async list(filter: PackageFilter): Promise<PackageRow[]> {
    if (this.#deployments) return await this.#deployments.list(filter);
    const { records } = this.#require();
    return rowsOf((await guarded(() => records.load())).records, filter);
  }

  /** The twin or the connection of the device has changed. */
  deviceChanged(deviceId: string): void {
    if (this.#deployments) this.#deployments.deviceChanged(deviceId);
    // Without it the sidecar that leads asks for the device itself, only later.
    else if (this.#place) this.#wake(deviceId, this.#place).catch(() => undefined);
  }

  /** Feedback for a message; messages of other senders are ignored. */
  async feedback(messageId: string, outcome: string, description: string): Promise<void> {
    await this.#deployments?.feedback(messageId, outcome, description);
  }

  async #wake(deviceId: string, { records, post }: DeploymentPlace): Promise<void> {
    const nowMs = performance.now();
    if (!this.#known || this.#known.untilMs < nowMs) {
      const devices = records.load().then((loaded) => devicesOf(loaded.records));
      devices.catch(() => undefined);
      this.#known = { devices, untilMs: nowMs + KNOWN_MS };
    }
    if ((await this.#known.devices).has(deviceId)) await post('wake', deviceId);
  }

  async #latest(name: PackageName): Promise<Deployment | undefined> {
    const { records } = await this.#require().records.load();
    return records.filter((deployment) => keyOf(deployment) === keyOf(name)).at(-1);
  }

  #require(): DeploymentPlace {
    if (!this.#place) throw new ConnectorError('STOPPING', 'The hub was disconnected.');
    return this.#place;
  }
}

function devicesOf(deployments: readonly Deployment[]): ReadonlySet<string> {
  const isOpen = (deployment: Deployment) => !hasEnded(deployment) || !deployment.confirmed;
  return new Set(deployments.filter(isOpen).map(({ deviceId }) => deviceId));
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw unavailable(thrown);
  }
}
