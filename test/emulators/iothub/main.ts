/**
 * The emulator as a process of its own. Prints one JSON line when it is ready and stops on SIGTERM and SIGINT.
 *
 *     node main.ts [--directory D] [--port N] [--hub-name N] [--host-name N] [--partitions N] [--consumer-group G]...
 *                  [--standard-ports] [--built-in-source S]... [--settings FILE]
 *
 * FILE is JSON with further members of IotHubOptions, such as uploads, endpoints, routes, capture, quotas, storageCa.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type IotHubOptions, startIotHub } from './emulator.ts';
import type { HubNotification } from './hub.ts';

const { values } = parseArgs({
  options: {
    directory: { type: 'string' },
    port: { type: 'string' },
    'hub-name': { type: 'string' },
    'host-name': { type: 'string' },
    partitions: { type: 'string' },
    'consumer-group': { type: 'string', multiple: true },
    'standard-ports': { type: 'boolean' },
    'built-in-source': { type: 'string', multiple: true },
    settings: { type: 'string' },
  },
});

const options: IotHubOptions = {
  ...(values.settings === undefined
    ? {}
    : (JSON.parse(readFileSync(values.settings, 'utf8')) as IotHubOptions)),
  ...(values.directory === undefined ? {} : { directory: values.directory }),
  ...(values.port === undefined ? {} : { port: Number(values.port) }),
  ...(values['hub-name'] === undefined ? {} : { hubName: values['hub-name'] }),
  ...(values['host-name'] === undefined ? {} : { hostName: values['host-name'] }),
  ...(values.partitions === undefined ? {} : { partitionCount: Number(values.partitions) }),
  ...(values['consumer-group'] === undefined ? {} : { consumerGroups: values['consumer-group'] }),
  ...(values['standard-ports'] === undefined ? {} : { standardPorts: values['standard-ports'] }),
  ...(values['built-in-source'] === undefined
    ? {}
    : { builtInSources: values['built-in-source'] as HubNotification['source'][] }),
};

try {
  const hub = await startIotHub(options);
  const stop = () => {
    void hub.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const ready = {
    iotHubConnectionString: hub.connectionString(),
    eventHubConnectionString: hub.eventHubConnectionString(),
    hostName: hub.hostName,
    port: hub.port,
    caFile: hub.caFile,
    controlUrl: hub.controlUrl,
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
} catch (error) {
  process.stderr.write(
    `The IoT Hub emulator did not start: ${error instanceof Error ? error.message : error}\n`,
  );
  process.exitCode = 1;
}
