// Devices that exist in the IoT Hub alone get their Things by an import, first as a dry run.
import { deleteDevice, hubThing, invoke, waitFor } from './connection.mjs';

const deviceIds = ['example-import-1', 'example-import-2', 'example-import-3'];
for (const deviceId of deviceIds) await invoke(hubThing, 'CreateDevice', { deviceId });

for (const dryRun of [true, false]) {
  const task = await invoke(hubThing, 'StartImport', { deviceIds, dryRun });
  const [row] = await waitFor(
    () => invoke(hubThing, 'GetImport', { task }),
    ([{ state }]) => state === 'completed' || state === 'failed',
  );
  console.log(`${dryRun ? 'dry run' : 'import'}: ${row.state}, created ${row.created}, failed ${row.failed}`);
}

for (const deviceId of deviceIds) await deleteDevice(deviceId);
