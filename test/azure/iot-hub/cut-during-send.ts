/** A process that sends cloud-to-device messages with azure-iothub while its connection is cut. Exits with 0 when it survives. */
import common from 'azure-iot-common';
import iothub from 'azure-iothub';
import { startTrustedHub } from './hub-emulator.ts';

const hub = await startTrustedHub();
hub.identities.create('dev-1', undefined, {});
const client = iothub.Client.fromConnectionString(hub.connectionString());
client.setRetryPolicy(new common.NoRetry());
await client.open();
for (let count = 0; count < 5; count++) client.send('dev-1', new common.Message('x')).catch(() => undefined);
setImmediate(() => hub.cut('amqp'));
setTimeout(() => process.exit(0), 2000);
