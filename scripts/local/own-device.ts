import { registerDevices } from './registry.ts';
import { HUB_THING, type LocalSystem } from './system.ts';

/** The device for whoever wants to send something themselves; its Thing has the property `temperature`. */
const DEVICE = 'my-device';

/** Creates the device with its Thing. Returns the lines to paste into a terminal, with which it sends a message. */
export async function ownDevice(system: LocalSystem): Promise<string[]> {
  const { cloud, platform } = system;
  const strings = await registerDevices(cloud.iotHubConnectionString, [DEVICE]);
  await platform.createThing(DEVICE, 'AzureIoT.Device_TT');
  await platform.addProperty(DEVICE, 'temperature', 'NUMBER', { logged: true });
  await platform.setProperties(DEVICE, { deviceId: DEVICE, hubThing: HUB_THING });
  return [
    `Your own device, ${DEVICE}: paste this into another terminal, in this folder.`,
    `CA='${cloud.caFile}' \\`,
    `DEVICE='${strings.get(DEVICE)}' \\`,
    "npm exec -- node -e '",
    'const { Client, Message } = require("azure-iot-device");',
    'const { Mqtt } = require("azure-iot-device-mqtt");',
    '(async () => {',
    '  const device = Client.fromConnectionString(process.env.DEVICE, Mqtt);',
    '  await device.setOptions({ ca: require("fs").readFileSync(process.env.CA, "utf8") });',
    '  await device.open();',
    '  await device.sendEvent(new Message(JSON.stringify({ temperature: 21.5 })));',
    '  await device.close();',
    "})();'",
  ];
}
