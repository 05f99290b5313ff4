// A value of the wrong type becomes a dead letter. When the property has been corrected, the dead letter is replayed.
import { addProperty, connectDevice, createDevice, deleteDevice, hubThing, invoke, readProperty, sendTelemetry, waitFor } from './connection.mjs';

const device = 'example-replay';
await createDevice(device);
await addProperty(device, 'level', 'NUMBER');
const client = await connectDevice(device);
await sendTelemetry(client, { level: 'high' });

const letters = await waitFor(
  () => invoke(hubThing, 'ListDeadLetters', { deviceId: device }),
  (rows) => rows.length > 0,
);
console.log(`dead letter: ${letters[0].code} for ${letters[0].property}`);

await invoke(device, 'RemovePropertyDefinition', { name: 'level' });
await addProperty(device, 'level', 'STRING');
await invoke(hubThing, 'ReplayDeadLetters', { deviceId: device });

const level = await waitFor(
  () => readProperty(device, 'level'),
  (value) => value === 'high',
);
console.log(`level after the replay: ${level}`);

await client.close();
await deleteDevice(device);
