// A rule reads a nested message: it names the property, the path of its value, and a scale.
import {
  addProperty,
  connectDevice,
  createDevice,
  deleteDevice,
  hubThing,
  invoke,
  readProperty,
  sendTelemetry,
  waitFor,
  writeProperty,
} from './connection.mjs';

const device = 'example-mapping';
const mappings = {
  version: 1,
  rules: [
    {
      name: 'engine in tenths of a degree',
      when: { device },
      properties: {
        oilTemperature: { path: 'engine.oil.t', baseType: 'NUMBER', scale: 0.1 },
        rpm: { path: 'engine.rpm', baseType: 'INTEGER' },
      },
    },
  ],
};
const sample = { deviceId: device, body: { engine: { oil: { t: 853 }, rpm: 1480 } } };

await createDevice(device);
await addProperty(device, 'oilTemperature', 'NUMBER');
await addProperty(device, 'rpm', 'INTEGER');
const before = await readProperty(hubThing, 'mappings');
await writeProperty(hubThing, 'mappings', mappings);
// A changed setting is applied within some seconds; Connect applies it at once.
await invoke(hubThing, 'Connect');

const client = await connectDevice(device);
await sendTelemetry(client, sample.body);

console.log(`rpm: ${await waitFor(() => readProperty(device, 'rpm'), (rpm) => rpm === 1480)}`);
console.log(`oilTemperature: ${await readProperty(device, 'oilTemperature')}`);

await client.close();
await writeProperty(hubThing, 'mappings', before ?? {});
await deleteDevice(device);
