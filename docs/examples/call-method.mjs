// A service calls a direct method; the device answers with a status and a payload.
import { connectDevice, createDevice, deleteDevice, invoke } from './connection.mjs';

const device = 'example-method';
await createDevice(device);
const client = await connectDevice(device);
client.onDeviceMethod('reboot', (request, response) => {
  console.log(`the device is asked to reboot in ${request.payload.delay} s`);
  response.send(202, { state: 'rebooting' }, () => undefined);
});
// The subscription of the device needs a moment on its way to the hub.
await new Promise((resolve) => setTimeout(resolve, 500));

const [{ status, payload }] = await invoke(device, 'InvokeMethod', { methodName: 'reboot', payload: { delay: 5 } });
console.log(`status ${status}, payload ${JSON.stringify(payload)}`);

await client.close();
await deleteDevice(device);
