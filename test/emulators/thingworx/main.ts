import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startThingworx, type ThingworxOptions } from './emulator.ts';

/**
 * The emulator as a process of its own. Prints one JSON line when it is ready: {url, controlUrl, appKey, administrator}.
 * Ends on SIGINT, SIGTERM, or when standard input is closed by a parent that asked for that with --watch-stdin. --settings names a JSON
 * file with further members of ThingworxOptions, such as importPolicy, historyLimits and scriptTimeoutMs.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      'control-port': { type: 'string' },
      'data-directory': { type: 'string' },
      'app-key': { type: 'string' },
      password: { type: 'string' },
      version: { type: 'string' },
      switches: { type: 'string' },
      settings: { type: 'string' },
      'watch-stdin': { type: 'boolean' },
    },
  });
  const options: ThingworxOptions =
    values.settings === undefined
      ? {}
      : (JSON.parse(await readFile(values.settings, 'utf8')) as ThingworxOptions);
  if (values.port !== undefined) {
    options.port = readPort('port', values.port);
  }
  if (values['control-port'] !== undefined) {
    options.controlPort = readPort('control-port', values['control-port']);
  }
  if (values['data-directory'] !== undefined) {
    options.dataDirectory = values['data-directory'];
  }
  if (values['app-key'] !== undefined) {
    options.appKey = values['app-key'];
  }
  if (values.password !== undefined) {
    options.administratorPassword = values.password;
  }
  if (values.version !== undefined) {
    options.version = values.version;
  }
  if (values.switches !== undefined) {
    options.switches = JSON.parse(values.switches) as NonNullable<ThingworxOptions['switches']>;
  }
  const emulator = await startThingworx(options);
  const { url, controlUrl, appKey, administrator } = emulator;
  console.log(JSON.stringify({ url, controlUrl, appKey, administrator }));
  const end = () => {
    void emulator.stop().then(() => process.exit(0));
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  if (values['watch-stdin'] === true) {
    process.stdin.resume();
    process.stdin.once('end', end);
  }
}

function readPort(name: string, text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(`--${name} takes a port number, not ${text}`);
  }
  return port;
}

main().catch((error: unknown) => {
  console.error(`The ThingWorx emulator did not start: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
