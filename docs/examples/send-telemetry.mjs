// A device sends a value; the property of its Thing has it.
import { addProperty, connectDevice, createDevice, deleteDevice, readProperty, sendTelemetry, waitFor } from './connection.mjs';

const device = 'example-telemetry';
await createDevice(device);
await addProperty(device, 'temperature', 'NUMBER');

const client = await connectDevice(device);
await sendTelemetry(client, { temperature: 21.5 });

const value = await waitFor(
  () => readProperty(device, 'temperature'),
  (read) => read === 21.5,
);
console.log(`temperature of ${device}: ${value}`);

await client.close();
await deleteDevice(device);
