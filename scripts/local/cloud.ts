import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openAuthority } from '../../test/emulators/authority.ts';
import { startAzurite } from '../../test/emulators/azurite.ts';
import { jsonLine, LocalProcess, PartFailed } from './process.ts';

export interface CloudOptions {
  /** For certificates, logs of partitions and the like; the caller removes it. */
  readonly directory: string;
  readonly iotHubPort?: number;
  readonly thingworxPort?: number;
  readonly storagePort?: number;
  readonly partitions?: number;
  /** Message sources beside telemetry that the hub routes to its built-in endpoint. */
  readonly builtInSources?: readonly string[];
  readonly standardPorts?: boolean;
  /** What the event stream keeps, all partitions together; the emulator's default unless given. */
  readonly retentionBytes?: number;
  /** Beside $Default. */
  readonly consumerGroups?: readonly string[];
  readonly onUnexpectedExit?: (message: string) => void;
}

/** Where the local IoT Hub, storage account and ThingWorx are. */
export interface CloudFacts {
  readonly iotHubConnectionString: string;
  readonly eventHubConnectionString: string;
  readonly storageConnectionString: string;
  readonly thingworxUrl: string;
  readonly thingworxAppKey: string;
  readonly thingworxUser: string;
  readonly thingworxPassword: string;
  readonly caFile: string;
  readonly iotHubControlUrl: string;
  readonly thingworxControlUrl: string;
}

export interface Cloud extends CloudFacts {
  stop(): Promise<void>;
}

const EMULATORS = path.join(import.meta.dirname, '..', '..', 'test', 'emulators');

/** Starts the storage emulator, the IoT Hub emulator and the ThingWorx emulator, each as a process of its own. */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const started: { stop(): Promise<unknown> }[] = [];
  const stop = async () => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  const run = async (name: string, args: string[]) => {
    const part = new LocalProcess({ name, args, ready: jsonLine });
    started.push(part);
    const facts = await part.start();
    if (options.onUnexpectedExit) part.onUnexpectedExit(options.onUnexpectedExit);
    return facts;
  };
  try {
    const hubDirectory = path.join(options.directory, 'iothub');
    // One authority for both: devices upload files to storage over TLS, with the certificate they trust already.
    const authority = await openAuthority(path.join(hubDirectory, 'authority'));
    const azurite = await startAzurite({
      https: { cert: authority.certificate, key: authority.key },
      ...(options.storagePort === undefined ? {} : { port: options.storagePort }),
    }).catch((error: Error) => {
      const lines = error.message.split('\n');
      const telling = lines.find((line) => line.includes('Exit due to')) ?? lines[0];
      throw new PartFailed(`The storage emulator did not start: ${telling?.trim()}`);
    });
    started.push(azurite);
    const settingsFile = path.join(options.directory, 'iothub-settings.json');
    await writeFile(
      settingsFile,
      JSON.stringify(hubSettings(azurite.connectionString, authority.ca, options)),
      {
        mode: 0o600,
      },
    );
    const [hub, thingworx] = await Promise.all([
      run('The IoT Hub emulator', [
        path.join(EMULATORS, 'iothub', 'main.ts'),
        '--directory',
        hubDirectory,
        '--settings',
        settingsFile,
        ...option('--port', options.iotHubPort),
        ...option('--partitions', options.partitions),
        ...(options.consumerGroups ?? []).flatMap((group) => ['--consumer-group', group]),
        ...(options.builtInSources ?? []).flatMap((source) => ['--built-in-source', source]),
        ...(options.standardPorts ? ['--standard-ports'] : []),
      ]),
      run('The ThingWorx emulator', [
        path.join(EMULATORS, 'thingworx', 'main.ts'),
        ...option('--port', options.thingworxPort),
      ]),
    ]);
    const administrator = thingworx['administrator'] as { name: string; password: string };
    return {
      iotHubConnectionString: fact(hub, 'iotHubConnectionString'),
      eventHubConnectionString: fact(hub, 'eventHubConnectionString'),
      storageConnectionString: azurite.connectionString,
      thingworxUrl: `${fact(thingworx, 'url')}/Thingworx`,
      thingworxAppKey: fact(thingworx, 'appKey'),
      thingworxUser: administrator.name,
      thingworxPassword: administrator.password,
      caFile: fact(hub, 'caFile'),
      iotHubControlUrl: fact(hub, 'controlUrl'),
      thingworxControlUrl: fact(thingworx, 'controlUrl'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What an administrator sets up on a hub beside devices: a container for the files that devices upload. */
function hubSettings(storageConnectionString: string, ca: string, { retentionBytes }: CloudOptions): unknown {
  return {
    uploads: { account: { connectionString: storageConnectionString, ca }, containerName: 'device-uploads' },
    storageCa: ca,
    ...(retentionBytes === undefined ? {} : { retentionBytes }),
  };
}

function option(name: string, value: number | undefined): string[] {
  return value === undefined ? [] : [name, String(value)];
}

function fact(facts: Record<string, unknown>, name: string): string {
  const value = facts[name];
  if (typeof value !== 'string') throw new PartFailed(`A part of the local system did not say its ${name}.`);
  return value;
}
