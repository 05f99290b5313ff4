import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openAuthority } from '../../test/emulators/authority.ts';
import { type Azurite, startAzurite } from '../../test/emulators/azurite.ts';
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
  /** ThingWorx keeps its state in the directory, so that it can be started again. */
  readonly keepsThingworx?: boolean;
  readonly onUnexpectedExit?: (message: string) => void;
}

/** What another IoT Hub has in the place of this one. */
export interface IotHubChange {
  readonly partitions?: number;
  readonly consumerGroups?: readonly string[];
  /** Also the name of its event stream. */
  readonly hubName?: string;
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
  /** Stops ThingWorx, does something with the directory of its state, and starts it at the same address. Needs `keepsThingworx`. */
  restartThingworx(meanwhile?: (directory: string) => Promise<void>): Promise<void>;
  /** Stops the IoT Hub, does something with the directory of its state, and starts it at the same address. */
  restartIotHub(change: IotHubChange, meanwhile?: (directory: string) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

const EMULATORS = path.join(import.meta.dirname, '..', '..', 'test', 'emulators');

/** Starts the storage emulator, the IoT Hub emulator and the ThingWorx emulator, each as a process of its own. */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const cloud = new LocalCloud(options);
  try {
    await cloud.start();
  } catch (error) {
    await cloud.stop();
    throw error;
  }
  return cloud;
}

/** What a client needs, as an object that JSON can hold. */
export function factsOf(cloud: CloudFacts): CloudFacts {
  return {
    iotHubConnectionString: cloud.iotHubConnectionString,
    eventHubConnectionString: cloud.eventHubConnectionString,
    storageConnectionString: cloud.storageConnectionString,
    thingworxUrl: cloud.thingworxUrl,
    thingworxAppKey: cloud.thingworxAppKey,
    thingworxUser: cloud.thingworxUser,
    thingworxPassword: cloud.thingworxPassword,
    caFile: cloud.caFile,
    iotHubControlUrl: cloud.iotHubControlUrl,
    thingworxControlUrl: cloud.thingworxControlUrl,
  };
}

class LocalCloud implements Cloud {
  readonly #options: CloudOptions;
  readonly #iotHubDirectory: string;
  readonly #settingsFile: string;
  #azurite: Azurite | undefined;
  #iotHub: LocalProcess | undefined;
  #thingworx: LocalProcess | undefined;
  #hubFacts: Record<string, unknown> = {};
  #platformFacts: Record<string, unknown> = {};

  constructor(options: CloudOptions) {
    this.#options = options;
    this.#iotHubDirectory = path.join(options.directory, 'iothub');
    this.#settingsFile = path.join(options.directory, 'iothub-settings.json');
  }

  get iotHubConnectionString(): string {
    return fact(this.#hubFacts, 'iotHubConnectionString');
  }

  get eventHubConnectionString(): string {
    return fact(this.#hubFacts, 'eventHubConnectionString');
  }

  get storageConnectionString(): string {
    if (!this.#azurite) throw new PartFailed('The storage emulator is not started.');
    return this.#azurite.connectionString;
  }

  get thingworxUrl(): string {
    return `${fact(this.#platformFacts, 'url')}/Thingworx`;
  }

  get thingworxAppKey(): string {
    return fact(this.#platformFacts, 'appKey');
  }

  get thingworxUser(): string {
    return this.#administrator.name;
  }

  get thingworxPassword(): string {
    return this.#administrator.password;
  }

  get caFile(): string {
    return fact(this.#hubFacts, 'caFile');
  }

  get iotHubControlUrl(): string {
    return fact(this.#hubFacts, 'controlUrl');
  }

  get thingworxControlUrl(): string {
    return fact(this.#platformFacts, 'controlUrl');
  }

  async start(): Promise<void> {
    const { directory, storagePort, iotHubPort, thingworxPort, partitions, consumerGroups } = this.#options;
    // One authority for both: devices upload files to storage over TLS, with the certificate they trust already.
    const authority = await openAuthority(path.join(this.#iotHubDirectory, 'authority'));
    this.#azurite = await startAzurite({
      https: { cert: authority.certificate, key: authority.key },
      ...(storagePort === undefined ? {} : { port: storagePort }),
    }).catch((error: Error) => {
      const lines = error.message.split('\n');
      const telling = lines.find((line) => line.includes('Exit due to')) ?? lines[0];
      throw new PartFailed(`The storage emulator did not start: ${telling?.trim()}`);
    });
    await mkdir(directory, { recursive: true });
    const settings = hubSettings(this.storageConnectionString, authority.ca, this.#options);
    await writeFile(this.#settingsFile, JSON.stringify(settings), { mode: 0o600 });
    const change = {
      ...(partitions === undefined ? {} : { partitions }),
      ...(consumerGroups === undefined ? {} : { consumerGroups }),
    };
    await Promise.all([this.#startIotHub(change, iotHubPort), this.#startThingworx(thingworxPort)]);
  }

  async restartThingworx(meanwhile?: (directory: string) => Promise<void>): Promise<void> {
    await this.#thingworx?.stop();
    await meanwhile?.(this.#thingworxDirectory);
    await this.#startThingworx(Number(new URL(fact(this.#platformFacts, 'url')).port));
  }

  async restartIotHub(change: IotHubChange, meanwhile?: (directory: string) => Promise<void>): Promise<void> {
    await this.#iotHub?.stop();
    await meanwhile?.(this.#iotHubDirectory);
    await this.#startIotHub(change, Number(this.#hubFacts['port']));
  }

  async stop(): Promise<void> {
    await this.#thingworx?.stop();
    await this.#iotHub?.stop();
    await this.#azurite?.stop();
  }

  async #startIotHub(
    { partitions, hubName, consumerGroups = [] }: IotHubChange,
    port: number | undefined,
  ): Promise<void> {
    const { builtInSources = [], standardPorts } = this.#options;
    this.#iotHub = this.#part('The IoT Hub emulator', [
      path.join(EMULATORS, 'iothub', 'main.ts'),
      '--directory',
      this.#iotHubDirectory,
      '--settings',
      this.#settingsFile,
      ...option('--port', port),
      ...option('--partitions', partitions),
      ...(hubName === undefined ? [] : ['--hub-name', hubName]),
      ...consumerGroups.flatMap((group) => ['--consumer-group', group]),
      ...builtInSources.flatMap((source) => ['--built-in-source', source]),
      ...(standardPorts ? ['--standard-ports'] : []),
    ]);
    this.#hubFacts = await this.#started(this.#iotHub);
  }

  async #startThingworx(port: number | undefined): Promise<void> {
    const known =
      this.#platformFacts['appKey'] === undefined
        ? []
        : ['--app-key', this.thingworxAppKey, '--password', this.thingworxPassword];
    this.#thingworx = this.#part('The ThingWorx emulator', [
      path.join(EMULATORS, 'thingworx', 'main.ts'),
      ...option('--port', port),
      ...(this.#options.keepsThingworx ? ['--data-directory', this.#thingworxDirectory] : []),
      ...known,
    ]);
    this.#platformFacts = await this.#started(this.#thingworx);
  }

  get #thingworxDirectory(): string {
    return path.join(this.#options.directory, 'thingworx');
  }

  get #administrator(): { readonly name: string; readonly password: string } {
    return this.#platformFacts['administrator'] as { name: string; password: string };
  }

  #part(name: string, args: readonly string[]): LocalProcess {
    return new LocalProcess({ name, args, ready: jsonLine });
  }

  async #started(part: LocalProcess): Promise<Record<string, unknown>> {
    const facts = await part.start();
    const { onUnexpectedExit } = this.#options;
    if (onUnexpectedExit) part.onUnexpectedExit(onUnexpectedExit);
    return facts;
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
