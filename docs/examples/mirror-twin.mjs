// Setting twinDesired on the Thing reaches the device; what the device reports arrives in twinReported.
import { connectDevice, createDevice, deleteDevice, readProperty, waitFor, writeProperty } from './connection.mjs';

const device = 'example-twin';
await createDevice(device);
const client = await connectDevice(device);
const twin = await new Promise((resolve, reject) => {
  client.getTwin((error, found) => (error ? reject(error) : resolve(found)));
});
twin.on('properties.desired.speed', (speed) => {
  console.log(`the device is asked for speed ${speed}`);
  twin.properties.reported.update({ speed }, () => undefined);
});

await writeProperty(device, 'twinDesired', { speed: 1200 });

const reported = await waitFor(
  () => readProperty(device, 'twinReported'),
  (value) => value?.speed === 1200,
);
console.log(`the device reports speed ${reported.speed}`);

await client.close();
await deleteDevice(device);
