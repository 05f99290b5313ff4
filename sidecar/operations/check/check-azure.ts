import { randomUUID } from 'node:crypto';
import type { EventHubConsumerClient } from '@azure/event-hubs';
import { azureError } from '../../azure/azure-error.ts';
import {
  createEventHubClient,
  endpointHost,
  tryConsumerGroup,
} from '../../azure/event-hubs/event-hub-client.ts';
import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import type { ServiceClock } from '../../azure/service-clock.ts';
import { ensureContainer, openStorage } from '../../azure/storage.ts';
import type { HubSettings } from '../../contract/hub-settings.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { Hub } from '../../hub/connection.ts';
import { eventEndpoint } from '../../ingest/event-endpoint.ts';
import type { CheckStep } from './check-steps.ts';
import { checkStep, STEP_TIMEOUT_MS, skipped } from './check-steps.ts';

export const STORAGE_STEP = 'Storage for checkpoints';

/** What is tested of Azure, in order; also when nothing can be tested. */
const STEPS = [
  'IoT Hub: service connection',
  'IoT Hub: right RegistryRead',
  'IoT Hub: right RegistryWrite',
  'Built-in endpoint',
  'Consumer group',
  STORAGE_STEP,
] as const;

export function skipAzure(reason: string): CheckStep[] {
  return STEPS.map((step) => skipped(step, reason));
}

/** Tests the Azure side. Hub, endpoint and storage side by side: each may have to wait for a time-out. */
export async function checkAzure(
  hub: Pick<Hub, 'settings' | 'azure' | 'clock'>,
  signal: AbortSignal,
): Promise<CheckStep[]> {
  const { settings, clock } = hub;
  const parts = await Promise.all([
    checkHub(settings, () => hub.azure(), signal),
    checkEndpoint(settings, clock, signal),
    checkStorage(settings, signal),
  ]);
  return parts.flat();
}

async function checkHub(
  settings: HubSettings,
  azure: () => Promise<HubClients>,
  signal: AbortSignal,
): Promise<CheckStep[]> {
  const [service, read, write] = STEPS;
  if (!settings.iotHubConnectionString && !settings.hostName) {
    const reason = 'iotHubConnectionString and hostName are not set: only the built-in endpoint is read.';
    return [service, read, write].map((step) => skipped(step, reason));
  }
  // A device that cannot exist: the hub refuses the caller before it looks for the device.
  const nobody = `connection-check-${randomUUID()}`;
  const options = (step: AbortSignal) => ({ signal: step, timeoutMs: STEP_TIMEOUT_MS });
  const absent = async (call: Promise<unknown>) => {
    try {
      await call;
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'DEVICE_NOT_FOUND') throw error;
    }
  };
  const connection = await checkStep(
    service,
    async (step) => {
      const clients = await azure();
      await absent(clients.twins.get({ deviceId: nobody }, options(step)));
      return 'The IoT Hub answers, and its policy or role has the right ServiceConnect.';
    },
    signal,
  );
  const unreachable = connection.outcome !== 'ok' && !connection.message.startsWith('AZURE_UNAUTHORIZED');
  if (unreachable)
    return [connection, ...[read, write].map((step) => skipped(step, 'The IoT Hub was not reached.'))];
  return [
    connection,
    await checkStep(
      read,
      async (step) => {
        const { totalDeviceCount } = await (await azure()).registry.statistics(options(step));
        return `The registry can be read; it has ${totalDeviceCount} devices.`;
      },
      signal,
      { onlyFor: 'to list, import and compare devices' },
    ),
    await checkStep(
      write,
      async (step) => {
        await absent((await azure()).registry.deleteDevice(nobody, options(step)));
        return 'The registry can be changed.';
      },
      signal,
      { onlyFor: 'to create, change and delete devices and configurations' },
    ),
  ];
}

async function checkEndpoint(
  settings: HubSettings,
  clock: ServiceClock,
  signal: AbortSignal,
): Promise<CheckStep[]> {
  const [, , , endpointStep, groupStep] = STEPS;
  const { consumerGroup } = settings;
  let client: EventHubConsumerClient | undefined;
  let host = '';
  let partitions: readonly string[] = [];
  const endpoint = await checkStep(
    endpointStep,
    async (step) => {
      const found = await eventEndpoint(settings, step, clock);
      host = endpointHost(found);
      client = createEventHubClient(found, consumerGroup, undefined, {
        ownerId: `connection-check-${randomUUID()}`,
        timeoutMs: STEP_TIMEOUT_MS,
        updateIntervalMs: 10_000,
        ownershipExpiryMs: 60_000,
      });
      try {
        const { name, partitionIds } = await client.getEventHubProperties({ abortSignal: step });
        partitions = partitionIds;
        return `${name} at ${host} has ${partitionIds.length} partition${partitionIds.length === 1 ? '' : 's'}.`;
      } catch (thrown) {
        throw azureError(thrown, { action: 'Reading the partitions of the built-in endpoint', host });
      }
    },
    signal,
  );
  const reader = client;
  const [partitionId] = partitions;
  try {
    if (!reader || partitionId === undefined)
      return [endpoint, skipped(groupStep, 'The built-in endpoint was not reached.')];
    const group = await checkStep(
      groupStep,
      async (step) => {
        await tryConsumerGroup(reader, { consumerGroup, partitionId, host, signal: step });
        return `The consumer group ${consumerGroup} can be read.`;
      },
      signal,
    );
    return [endpoint, group];
  } finally {
    await reader?.close().catch(() => undefined);
  }
}

/** Writes what a checkpoint needs, and removes it. */
function checkStorage(settings: HubSettings, signal: AbortSignal): Promise<CheckStep> {
  const { storageConnectionString: access, checkpointContainer } = settings;
  if (!access)
    return Promise.resolve(
      skipped(STEPS[5], 'storageConnectionString is not set: checkpoints are kept in a file of the sidecar.'),
    );
  return checkStep(
    STEPS[5],
    async (step) => {
      const service = await openStorage(access, { setting: 'storageConnectionString' });
      const container = service.getContainerClient(checkpointContainer);
      await ensureContainer(container, { signal: step, timeoutMs: STEP_TIMEOUT_MS });
      const host = new URL(container.url).host;
      const blob = container.getBlockBlobClient(`connection-check/${randomUUID()}`);
      try {
        await blob.upload('', 0, { abortSignal: step, metadata: { check: 'yes' } });
        await blob.delete({ abortSignal: step });
      } catch (thrown) {
        throw azureError(thrown, { action: `Writing to the container ${checkpointContainer}`, host });
      }
      return `The container ${checkpointContainer} at ${host} can be written.`;
    },
    signal,
  );
}
