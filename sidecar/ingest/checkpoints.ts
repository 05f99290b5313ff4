import path from 'node:path';
import { openBlobCheckpoints, openFileCheckpoints } from '../azure/event-hubs/checkpoints.ts';
import type { CheckpointStore } from '../azure/event-hubs/event-types.ts';
import type { HubSettings } from '../contract/hub-settings.ts';

/** Where a hub Thing keeps how far it has read: in a container that sidecars share, else in a file of this one. */
export async function openCheckpoints(
  settings: HubSettings,
  stateDirectory: string,
  thing: string,
): Promise<{ store: CheckpointStore; close: () => Promise<void> }> {
  if (settings.storageConnectionString) {
    return openBlobCheckpoints({
      connection: settings.storageConnectionString,
      container: settings.checkpointContainer,
    });
  }
  return openFileCheckpoints({
    directory: path.join(stateDirectory, 'checkpoints', encodeURIComponent(thing)),
  });
}
