import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { buildPackage, SIDECAR_FOLDER } from '../build.ts';
import { type Cloud, type CloudOptions, startCloud } from './cloud.ts';
import { READING_PROPERTIES, SimulatedDevice } from './device.ts';
import { oneRow, Platform, type Row } from './platform.ts';
import { PartFailed } from './process.ts';
import { registerDevices } from './registry.ts';
import { Sidecar, type SidecarLife, type SidecarOptions } from './sidecar.ts';
import { extractFolder } from './unzip.ts';

export interface SystemOptions
  extends Pick<
    CloudOptions,
    | 'iotHubPort'
    | 'thingworxPort'
    | 'storagePort'
    | 'partitions'
    | 'builtInSources'
    | 'consumerGroups'
    | 'retentionBytes'
    | 'keepsThingworx'
  > {
  readonly devices: number;
  readonly sidecarPort?: number;
  /** Ends the start between two steps. */
  readonly signal?: AbortSignal;
  /** Told what is being done, for people who wait. */
  readonly onStep?: (step: string) => void;
  readonly onUnexpectedExit?: (message: string) => void;
  /** More of the sidecar's environment. */
  readonly sidecarEnvironment?: Readonly<Record<string, string>>;
  readonly onSidecarLine?: (line: string) => void;
  /** More settings of the hub Thing. */
  readonly hubSettings?: Readonly<Record<string, unknown>>;
  /** Checkpoints in a local file instead of Azurite. */
  readonly localCheckpoints?: boolean;
  /** An empty directory for the state of the sidecar; one that is removed at the end unless given. */
  readonly stateDirectory?: string;
  /** A storage Thing and a file repository with a container of its own. */
  readonly fileRepository?: boolean;
}

export const HUB_THING = 'Factory.IoTHub';
export const REPOSITORY_THING = 'Factory.Files';
const STORAGE_THING = 'Factory.Storage';
/** What an IoT Hub can route to its built-in endpoint beside telemetry. */
export const NOTIFICATION_SOURCES = [
  'twinChangeEvents',
  'deviceConnectionStateEvents',
  'deviceLifecycleEvents',
  'deviceJobLifecycleEvents',
  'digitalTwinChangeEvents',
] as const;
export const VALUE_STREAM = 'Factory.Values';

/** The whole product on one machine: what `npm start` shows and the end-to-end tests examine. */
export class LocalSystem {
  readonly #options: SystemOptions;
  #directory = '';
  #sidecarFolder = '';
  #appKey = '';
  #cloud: Cloud | undefined;
  #platform: Platform | undefined;
  #sidecar: Sidecar | undefined;
  #devices: SimulatedDevice[] = [];
  #stopped: Promise<void> | undefined;

  constructor(options: SystemOptions) {
    this.#options = options;
  }

  /** Where everything of it lies until it stops. */
  get directory(): string {
    return this.#directory;
  }

  /** The application key of the sidecars. */
  get appKey(): string {
    return this.#appKey;
  }

  get cloud(): Cloud {
    return present(this.#cloud);
  }

  get platform(): Platform {
    return present(this.#platform);
  }

  get sidecar(): Sidecar {
    return present(this.#sidecar);
  }

  get devices(): readonly SimulatedDevice[] {
    return this.#devices;
  }

  /** Starts everything; on failure what was started is stopped again before the error is thrown. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops in reverse. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #unpackSidecar(zipFile: string): Promise<string> {
    const folder = path.join(this.#directory, 'sidecar');
    await extractFolder(zipFile, `${SIDECAR_FOLDER}/`, folder);
    return folder;
  }

  async #start(): Promise<void> {
    const onStep = (step: string) => {
      this.#options.signal?.throwIfAborted();
      this.#options.onStep?.(step);
    };
    this.#directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-connector-'));
    onStep('Building the extension');
    const zipFile =
      process.env['CONNECTOR_ZIP'] ??
      (await buildPackage({ outputDirectory: path.join(this.#directory, 'dist') }));
    onStep('Starting storage, IoT Hub and ThingWorx');
    this.#cloud = await startCloud({ ...this.#options, directory: this.#directory });
    await trust(this.#cloud.caFile);
    this.#platform = new Platform({
      url: this.#cloud.thingworxUrl,
      user: this.#cloud.thingworxUser,
      password: this.#cloud.thingworxPassword,
    });
    onStep('Importing the extension into ThingWorx');
    await this.#platform.importExtension(zipFile);
    this.#appKey = await this.#createApplicationKey();
    onStep('Starting the sidecar from the zip');
    // Unpacked once by scripts/test.ts: at one path, all sidecars share their compiled code.
    this.#sidecarFolder = process.env['CONNECTOR_SIDECAR'] ?? (await this.#unpackSidecar(zipFile));
    await writeFile(path.join(this.#directory, 'thingworx-app-key'), this.#appKey, { mode: 0o600 });
    this.#sidecar = await this.#makeSidecar(
      this.#options.stateDirectory ?? (await this.#folder('state')),
      this.#options.sidecarPort ?? 0,
    );
    await this.#sidecar.start();
    onStep('Creating the hub Thing and the Things of the devices');
    await this.#createThings();
    onStep('Waiting until the hub Thing is connected');
    await this.waitForState('running');
    await this.#startDevices();
  }

  async waitForState(state: string, timeoutMs = 60_000): Promise<void> {
    const until = Date.now() + timeoutMs;
    let seen: { state?: string; reason?: string } = {};
    while (Date.now() < until) {
      this.#options.signal?.throwIfAborted();
      seen = await this.status().catch(() => ({}));
      if (seen.state === state) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new PartFailed(
      `The hub Thing is ${seen.state ?? 'unknown'} instead of ${state}: ${seen.reason ?? 'no reason given'}`,
    );
  }

  /** What docs/examples need to reach this system, as a file for `node --env-file`. */
  async writeEnvironmentFile(file: string): Promise<void> {
    const { thingworxUrl, thingworxAppKey, caFile } = this.cloud;
    const variables = {
      THINGWORX_URL: thingworxUrl,
      THINGWORX_APP_KEY: thingworxAppKey,
      HUB_THING,
      REPOSITORY_THING,
      IOTHUB_CA_FILE: caFile,
    };
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(file, lines.join(''), { mode: 0o600 });
  }

  /** What GetStatus of the hub Thing answers; `partitions` are the rows of its table. */
  async status(hubThing = HUB_THING): Promise<Record<string, unknown> & { state?: string; reason?: string }> {
    const { partitions, ...status } = oneRow(await this.platform.invoke(hubThing, 'GetStatus'));
    return { ...status, partitions: (partitions as { rows: Row[] } | undefined)?.rows ?? [] };
  }

  /** Registers one more device, without a Thing, and connects it. */
  async addDevice(deviceId: string): Promise<SimulatedDevice> {
    const strings = await registerDevices(this.cloud.iotHubConnectionString, [deviceId]);
    const device = new SimulatedDevice(deviceId, strings.get(deviceId) ?? '');
    this.#devices.push(device);
    await device.open(await readFile(this.cloud.caFile, 'utf8'));
    return device;
  }

  /** One more sidecar with a hub Thing of its own, which shares the IoT Hub and the checkpoints with the first. The caller stops it. */
  async addSidecar(hubThing: string): Promise<Sidecar> {
    const sidecar = await this.#makeSidecar(await this.#folder(`state-${hubThing}`), 0);
    await sidecar.start();
    await this.createHub(hubThing, sidecar);
    return sidecar;
  }

  /**
   * One more sidecar of the group of the first: it listens at 127.0.0.`number` and the port of the first, and the hub Thing must name that address or a
   * pattern for it. The caller stops it.
   */
  async addMember(number: number, life: SidecarLife = {}): Promise<Sidecar> {
    const { port } = new URL(this.sidecar.url);
    const { token } = this.sidecar;
    const member = await this.#makeSidecar(await this.#folder(`state-${number}`), Number(port), {
      host: `127.0.0.${number}`,
      token,
    });
    await member.start(life);
    return member;
  }

  async #makeSidecar(
    stateDirectory: string,
    port: number,
    more: Pick<SidecarOptions, 'host' | 'token'> = {},
  ): Promise<Sidecar> {
    const { onSidecarLine, onUnexpectedExit, sidecarEnvironment } = this.#options;
    return new Sidecar({
      program: path.join(this.#sidecarFolder, 'sidecar.mjs'),
      thingworxUrl: this.cloud.thingworxUrl,
      appKeyFile: path.join(this.#directory, 'thingworx-app-key'),
      stateDirectory,
      caFile: this.cloud.caFile,
      port,
      ...more,
      ...(sidecarEnvironment ? { environment: sidecarEnvironment } : {}),
      ...(onSidecarLine ? { onLine: onSidecarLine } : {}),
      ...(onUnexpectedExit ? { onUnexpectedExit } : {}),
    });
  }

  async #folder(name: string): Promise<string> {
    const folder = path.join(this.#directory, name);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** What an administrator does once: a user in the sidecar's group, and an application key that lives long enough. */
  async #createApplicationKey(): Promise<string> {
    const platform = this.platform;
    const user = 'azure-iot-sidecar';
    await platform.invokeOn('Resources', 'EntityServices', 'CreateUser', {
      name: user,
      password: `${crypto.randomUUID()}aA1!`,
      description: '',
      tags: '',
    });
    await platform.invokeOn('Groups', 'AzureIoT.Sidecar_UG', 'AddMember', { member: user, type: 'User' });
    await platform.invokeOn('Resources', 'EntityServices', 'CreateApplicationKey', {
      name: 'azure-iot-sidecar',
      user,
      clientName: 'azure-iot-sidecar',
      description: '',
      whitelist: '',
      tags: '',
      expirationDate: Date.now() + 365 * 24 * 3600 * 1000,
    });
    const key = (await platform.invokeOn('ApplicationKeys', 'azure-iot-sidecar', 'GetKeyID')) as {
      rows?: { result?: string }[];
    };
    return key.rows?.[0]?.result ?? '';
  }

  async #createThings(): Promise<void> {
    const { platform } = this;
    await platform.createThing(VALUE_STREAM, 'ValueStream');
    for (let number = 1; number <= this.#options.devices; number += 1) {
      const thing = deviceName(number);
      await platform.createThing(thing, 'AzureIoT.Device_TT');
      for (const [name, baseType] of Object.entries(READING_PROPERTIES))
        await platform.addProperty(thing, name, baseType, { logged: true });
      await platform.invoke(thing, 'SetValueStream', { name: VALUE_STREAM });
      await platform.invoke(thing, 'RestartThing');
      await platform.setProperties(thing, { deviceId: thing, hubThing: HUB_THING });
    }
    await this.createHub(HUB_THING, this.sidecar);
    if (this.#options.fileRepository) await this.#createFileRepository();
  }

  async #createFileRepository(): Promise<void> {
    const { platform, cloud, sidecar } = this;
    await platform.createThing(STORAGE_THING, 'AzureIoT.StorageAccount_TT');
    await platform.setProperties(STORAGE_THING, {
      sidecarUrl: sidecar.url,
      sidecarToken: sidecar.token,
      storageConnectionString: cloud.storageConnectionString,
    });
    await platform.invoke(STORAGE_THING, 'ConnectStorage');
    const containerName = 'factory-files';
    await platform.invoke(STORAGE_THING, 'CreateContainer', { containerName });
    await platform.createThing(REPOSITORY_THING, 'AzureIoT.BlobContainer_TT');
    await platform.setProperties(REPOSITORY_THING, { storageThing: STORAGE_THING, containerName });
  }

  /** A hub Thing on a sidecar, for the IoT Hub and the checkpoints of this system. */
  async createHub(hubThing: string, sidecar: Sidecar): Promise<void> {
    const { platform, cloud } = this;
    await platform.createThing(hubThing, 'AzureIoT.Hub_TT');
    await platform.setProperties(hubThing, {
      sidecarUrl: sidecar.url,
      sidecarToken: sidecar.token,
      iotHubConnectionString: cloud.iotHubConnectionString,
      ...(this.#options.localCheckpoints ? {} : { storageConnectionString: cloud.storageConnectionString }),
      startPosition: 'earliest',
      ...this.#options.hubSettings,
    });
    await platform.invoke(hubThing, 'Connect');
  }

  async #startDevices(): Promise<void> {
    const names = Array.from({ length: this.#options.devices }, (_, index) => deviceName(index + 1));
    const strings = await registerDevices(this.cloud.iotHubConnectionString, names);
    const ca = await readFile(this.cloud.caFile, 'utf8');
    this.#devices = names.map((name) => new SimulatedDevice(name, strings.get(name) ?? ''));
    await Promise.all(this.#devices.map((device) => device.open(ca)));
  }

  async #stop(): Promise<void> {
    await Promise.allSettled(this.#devices.map((device) => device.close()));
    await this.#sidecar?.stop();
    await this.#cloud?.stop();
    if (this.#directory) await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

export function deviceName(number: number): string {
  return `machine-${String(number).padStart(2, '0')}`;
}

/** The certificate authority of the local hub, beside those that Node trusts anyway, for clients in this process. */
async function trust(caFile: string): Promise<void> {
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), await readFile(caFile, 'utf8')]);
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new PartFailed('The local system is not started.');
  return value;
}
