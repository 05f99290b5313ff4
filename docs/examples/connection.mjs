import { readFileSync } from 'node:fs';
import iotDevice from 'azure-iot-device';
import iotMqtt from 'azure-iot-device-mqtt';

/** What every example shares: calls to ThingWorx over its REST API, and a device on Microsoft's device SDK. */

const { THINGWORX_URL, THINGWORX_APP_KEY, HUB_THING, IOTHUB_CA_FILE } = process.env;
if (!THINGWORX_URL || !THINGWORX_APP_KEY || !HUB_THING) {
  throw new Error('Set THINGWORX_URL, THINGWORX_APP_KEY and HUB_THING, for example with --env-file.');
}

export const hubThing = HUB_THING;

async function send(method, path, body) {
  const answer = await fetch(`${THINGWORX_URL}/${path}`, {
    method,
    headers: {
      appKey: THINGWORX_APP_KEY,
      accept: 'application/json',
      'content-type': 'application/json',
      'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Calls a service. A table of one row with the field `result` is that value; any other table is its list of rows. */
export async function invoke(thing, service, parameters = {}) {
  const answer = await send('POST', `Things/${encodeURIComponent(thing)}/Services/${service}`, parameters);
  // A JSON result comes as it is, everything else as a table.
  if (!Array.isArray(answer?.rows)) return answer;
  const { rows } = answer;
  return rows.length === 1 && 'result' in rows[0] ? rows[0].result : rows;
}

export async function readProperty(thing, name) {
  const { rows } = await send('GET', `Things/${encodeURIComponent(thing)}/Properties/${name}`);
  return rows[0][name];
}

export function writeProperty(thing, name, value) {
  return send('PUT', `Things/${encodeURIComponent(thing)}/Properties/${name}`, { [name]: value });
}

/** Adds a property to a Thing, as Composer does, and starts the Thing again. */
export async function addProperty(thing, name, type) {
  await invoke(thing, 'AddPropertyDefinition', {
    name,
    type,
    description: '',
    category: '',
    dataShape: '',
    readOnly: false,
    persistent: false,
    logged: false,
    dataChangeType: 'ALWAYS',
    remote: false,
  });
  await invoke(thing, 'RestartThing');
}

/** Creates a device in the IoT Hub and its Thing. */
export async function createDevice(deviceId) {
  await invoke(hubThing, 'CreateDevice', { deviceId, createThing: true });
}

/** Deletes the device and its Thing. */
export async function deleteDevice(deviceId) {
  await invoke(hubThing, 'DeleteDevice', { deviceId, deleteThing: true });
}

/** Connects a device over MQTT with the key that the registry has for it. */
export async function connectDevice(deviceId) {
  const [{ connectionString }] = await invoke(hubThing, 'GetDeviceKeys', { deviceId });
  const client = iotDevice.Client.fromConnectionString(connectionString, iotMqtt.Mqtt);
  if (IOTHUB_CA_FILE) await client.setOptions({ ca: readFileSync(IOTHUB_CA_FILE, 'utf8') });
  await client.open();
  return client;
}

/** Sends one JSON telemetry message. */
export async function sendTelemetry(client, body) {
  const message = new iotDevice.Message(JSON.stringify(body));
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  await client.sendEvent(message);
}

/** Reads until the answer is as wanted; 60 seconds at most. Resolves to that answer. */
export async function waitFor(read, wanted) {
  for (let tries = 0; tries < 300; tries += 1) {
    const value = await read();
    if (wanted(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('The expected value did not arrive within 60 seconds.');
}
