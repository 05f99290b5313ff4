import { readFile } from 'node:fs/promises';
import iotDevice from 'azure-iot-device';
import iotMqtt from 'azure-iot-device-mqtt';
import { TEN_PROPERTIES } from './shapes.ts';

/**
 * Devices on Microsoft's device SDK over MQTT, in a process of their own: each sends its next message when the hub has acknowledged the
 * last. Arguments: a file with their connection strings, a JSON array; the certificate authority; seconds. The last line of its output is
 * JSON: messages (acknowledged), seconds, cpuSeconds.
 */
const [stringsFile = '', caFile = '', duration = '10'] = process.argv.slice(2);
const strings = JSON.parse(await readFile(stringsFile, 'utf8')) as string[];
const ca = await readFile(caFile, 'utf8');

const clients = strings.map((text) => iotDevice.Client.fromConnectionString(text, iotMqtt.Mqtt));
for (const client of clients) {
  await client.setOptions({ ca });
  await client.open();
}
let messages = 0;
const startedAt = performance.now();
const until = startedAt + Number(duration) * 1000;
const cpuAtStart = process.cpuUsage();
await Promise.all(
  clients.map(async (client, index) => {
    for (let count = index; performance.now() < until; count += 1) {
      const message = new iotDevice.Message(TEN_PROPERTIES.body(count));
      message.contentType = 'application/json';
      message.contentEncoding = 'utf-8';
      await client.sendEvent(message);
      messages += 1;
    }
  }),
);
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuAtStart);
await Promise.all(clients.map((client) => client.close()));
console.log(JSON.stringify({ messages, seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6 }));
process.exit();
