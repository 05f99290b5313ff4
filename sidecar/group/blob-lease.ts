import { createHash } from 'node:crypto';
import type { BlobLeaseClient } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import { type BlobFolder, isConflict } from './blob-folder.ts';

/** The shortest lease that Azure Storage gives. */
const LEASE_SECONDS = 15;
const CALL_MS = 5_000;
/** How often a sidecar that waits for the lease asks whether it ever ends. */
const LOOK_MS = 60_000;

/**
 * A lease on a blob, which one sidecar at a time has. Azure Storage measures its time, so no clock of a machine matters. The id of the lease
 * follows from the name of the sidecar, so a sidecar that was killed has its lease back at once when it starts again.
 */
export class BlobLease {
  readonly #folder: BlobFolder;
  readonly #blob: string;
  readonly #id: string;
  #untilMs = Number.NEGATIVE_INFINITY;
  #isEndless = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(folder: BlobFolder, blob: string, owner: string) {
    this.#folder = folder;
    this.#blob = blob;
    this.#id = uuidOf(owner);
  }

  /** When it ends unless it is renewed, on the clock of `performance.now()`. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /** False: another sidecar has it. Rejects with STATE_UNAVAILABLE, also while somebody has a lease that does not end. */
  async acquire(): Promise<boolean> {
    const acquire = () =>
      this.#call((lease, abortSignal) => lease.acquireLease(LEASE_SECONDS, { abortSignal }));
    let answer = await acquire();
    if (answer === 'absent') {
      await this.#folder.write(this.#blob, '', 'absent');
      answer = await acquire();
    }
    if (answer === 'held') this.#isEndless = false;
    else await this.#checkEnd();
    return answer === 'held';
  }

  async #checkEnd(): Promise<void> {
    const nowMs = performance.now();
    if (!this.#isEndless && nowMs - this.#lookedAtMs < LOOK_MS) return;
    this.#lookedAtMs = nowMs;
    await this.#folder.run('Leasing', async (container, prefix) => {
      const blob = container.getBlobClient(prefix + this.#blob);
      const { leaseDuration } = await blob.getProperties({ abortSignal: AbortSignal.timeout(CALL_MS) });
      this.#isEndless = leaseDuration === 'infinite';
    });
    if (this.#isEndless)
      throw new ConnectorError(
        'STATE_UNAVAILABLE',
        `The blob ${this.#folder.pathOf(this.#blob)} has a lease without an end, which no sidecar takes. Break this lease.`,
      );
  }

  /** False: another sidecar has it, or had it meanwhile. Rejects with STATE_UNAVAILABLE. */
  async renew(): Promise<boolean> {
    const answer = await this.#call((lease, abortSignal) => lease.renewLease({ abortSignal }));
    if (answer !== 'held') this.#untilMs = Number.NEGATIVE_INFINITY;
    return answer === 'held';
  }

  /** Gives it back, so that another sidecar need not wait for its end. Never rejects. */
  async release(): Promise<void> {
    this.#untilMs = Number.NEGATIVE_INFINITY;
    await this.#folder
      .run('Leasing', (container, prefix) =>
        container
          .getBlobClient(prefix + this.#blob)
          .getBlobLeaseClient(this.#id)
          .releaseLease({ abortSignal: AbortSignal.timeout(CALL_MS) }),
      )
      .catch(() => undefined);
  }

  async #call(
    work: (lease: BlobLeaseClient, abortSignal: AbortSignal) => Promise<unknown>,
  ): Promise<'held' | 'taken' | 'absent'> {
    // From before the call: it may take time until the answer is here.
    const askedAtMs = performance.now();
    return await this.#folder.run('Leasing', async (container, prefix) => {
      try {
        await work(
          container.getBlobClient(prefix + this.#blob).getBlobLeaseClient(this.#id),
          AbortSignal.timeout(CALL_MS),
        );
        this.#untilMs = askedAtMs + LEASE_SECONDS * 1_000;
        return 'held';
      } catch (thrown) {
        if (isConflict(thrown)) return 'taken';
        if ((thrown as { statusCode?: number }).statusCode === 404) return 'absent';
        throw thrown;
      }
    });
  }
}

/** A lease has a UUID. */
function uuidOf(owner: string): string {
  const hex = createHash('sha256').update(owner).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
