import type { Checkpoint, CheckpointStore, PartitionOwnership } from './event-types.ts';

/** Checkpoints and ownership of one reader that shares with nobody and remembers nothing: for replays. */
export function createMemoryCheckpoints(): CheckpointStore {
  const checkpoints = new Map<string, Checkpoint>();
  const ownership = new OwnershipTable();
  return {
    listOwnership: async () => ownership.list(),
    claimOwnership: async (claims) => ownership.claim(claims),
    listCheckpoints: async () => [...checkpoints.values()],
    updateCheckpoint: async (checkpoint) => {
      checkpoints.set(checkpoint.partitionId, checkpoint);
    },
  };
}

/** Who owns which partition, as a store keeps it for a single reader: a claim always succeeds. */
export class OwnershipTable {
  readonly #owners = new Map<string, PartitionOwnership>();
  #version = 0;

  list(): PartitionOwnership[] {
    return [...this.#owners.values()].map((owner) => ({ ...owner }));
  }

  claim(claims: readonly PartitionOwnership[]): PartitionOwnership[] {
    return claims.map((claim) => {
      this.#version += 1;
      const owner = { ...claim, lastModifiedTimeInMs: Date.now(), etag: String(this.#version) };
      this.#owners.set(claim.partitionId, owner);
      return { ...owner };
    });
  }
}
