import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Client } from 'azure-iot-device';
import type { HubClients } from '../../sidecar/azure/iot-hub/hub-clients.ts';
import type { ContainerFiles } from '../../sidecar/files/container-files.ts';
import { Records } from '../../sidecar/lib/records.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import {
  type Campaign,
  type CampaignRequest,
  isCampaign,
} from '../../sidecar/packages/campaigns/campaign.ts';
import { CampaignBoard } from '../../sidecar/packages/campaigns/campaign-board.ts';
import { type CampaignPart, isCampaignPart } from '../../sidecar/packages/campaigns/campaign-devices.ts';
import type {
  CampaignDetail,
  CampaignDeviceRow,
  CampaignNotice,
  DeviceState,
} from '../../sidecar/packages/campaigns/types.ts';
import { waveSizes } from '../../sidecar/packages/campaigns/waves.ts';
import { type Deployment, isDeployment } from '../../sidecar/packages/deployment.ts';
import { Deployments } from '../../sidecar/packages/deployments.ts';
import { until } from '../azure/helpers.ts';
import { startTrustedHub } from '../azure/iot-hub/hub-emulator.ts';
import { connectDevice, openClients } from '../azure/iot-hub/hub-support.ts';
import type { IotHubEmulator } from '../emulators/iothub/emulator.ts';
import { type Account, NEVER, newContainer, STORAGE, startAccount } from '../files/support.ts';
import { Installer } from './installer.ts';

const VERSIONS = ['1', '2', '3'];

/** A device that is connected and installs packages. */
export interface ConnectedDevice {
  readonly id: string;
  readonly installer: Installer;
  readonly client: Client;
  /** The versions that it was asked to install, in order. */
  versions(): string[];
}

/** What runs the campaigns in a process of the sidecar. */
interface CampaignProcess {
  readonly board: CampaignBoard;
  readonly deployments: Deployments;
}

/** The storage account and the IoT Hub that the campaigns of a test file share. */
export class CampaignSite {
  #account: Account | undefined;
  #hub: IotHubEmulator | undefined;
  #clients: HubClients | undefined;

  get clients(): HubClients {
    return this.#clients as HubClients;
  }

  async start(): Promise<void> {
    this.#account = await startAccount();
    this.#hub = await startTrustedHub();
    this.#clients = await openClients(this.#hub);
  }

  async stop(): Promise<void> {
    await this.#clients?.close();
    await this.#hub?.stop();
    await this.#account?.stop();
  }

  /** A container with packages, and a state directory without campaigns. */
  async fixture(t: TestContext): Promise<CampaignFixture> {
    const account = this.#account as Account;
    const directory = await mkdtemp(path.join(tmpdir(), 'campaigns-'));
    const { files, name } = await newContainer(account);
    for (const version of VERSIONS) await files.write(`/${version}.zip`, Buffer.from(version), {}, NEVER);
    const hub = this.#hub as IotHubEmulator;
    const fixture = new CampaignFixture({
      account,
      hub,
      clients: this.clients,
      directory,
      files,
      container: name,
    });
    t.after(async () => {
      await fixture.stop();
      await rm(directory, { recursive: true, force: true });
    });
    return fixture;
  }
}

interface CampaignFixtureOptions {
  readonly account: Account;
  readonly hub: IotHubEmulator;
  readonly clients: HubClients;
  readonly directory: string;
  readonly files: ContainerFiles;
  readonly container: string;
}

/** The campaigns of one test, without ThingWorx: it records the events. */
class CampaignFixture {
  readonly notices: CampaignNotice[] = [];
  readonly directory: string;
  readonly files: ContainerFiles;
  readonly #options: CampaignFixtureOptions;
  readonly #processes: CampaignProcess[] = [];
  readonly #connected: Client[] = [];

  constructor(options: CampaignFixtureOptions) {
    this.#options = options;
    this.directory = options.directory;
    this.files = options.files;
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...this.#processes.map(stopProcess),
      ...this.#connected.map((client) => client.close()),
    ]);
  }

  changes(): string[] {
    return this.notices.map(({ change }) => change);
  }

  /** A device that is not connected. */
  async createDevice(): Promise<string> {
    const deviceId = `dev-${randomUUID()}`;
    await this.#options.clients.registry.createDevice({ deviceId });
    return deviceId;
  }

  async connect(id: string): Promise<ConnectedDevice> {
    const client = await connectDevice(this.#options.hub, this.#options.clients, id);
    this.#connected.push(client);
    const installer = new Installer(client);
    const versions = () => installer.orders.filter(({ cancel }) => !cancel).map(({ version }) => version);
    return { id, installer, client, versions };
  }

  async connectDevices(count: number): Promise<ConnectedDevice[]> {
    const ids = await Promise.all(Array.from({ length: count }, () => this.createDevice()));
    return await Promise.all(ids.map((id) => this.connect(id)));
  }

  /** Starts a process, which continues what the last one has stored. */
  async startProcess(): Promise<CampaignProcess> {
    const { clients, account } = this.#options;
    const common = { log: createLog('silent'), clients: async () => clients, storages: account.storages };
    const of = (work: string) => path.join(this.directory, work);
    const deployments = new Deployments({
      ...common,
      records: new Records<Deployment>(of('packages'), isDeployment),
      announce: async () => 0,
      firstPauseMs: 20,
      longestPauseMs: 100,
    });
    const board = new CampaignBoard({
      ...common,
      announce: async (announcements) => {
        this.notices.push(...announcements.map(({ data }) => data as unknown as CampaignNotice));
        return 0;
      },
      pace: { roundMs: 20, recheckMs: 50, queryMs: 10 },
    });
    board.use({
      records: new Records<Campaign>(of('campaigns'), isCampaign),
      parts: () => new Records<CampaignPart>(of('campaign-devices'), isCampaignPart),
      post: async () => undefined,
    });
    const process = { board, deployments };
    this.#processes.push(process);
    await board.begin(deployments);
    return process;
  }

  /** Stops the last process. */
  async stopProcess(): Promise<void> {
    const last = this.#processes.at(-1);
    if (last) await stopProcess(last);
  }

  request(more: Partial<CampaignRequest> & { sizes?: string } = {}): CampaignRequest {
    const { sizes = '1, 100 %', ...rest } = more;
    const version = rest.version ?? '1';
    return {
      name: 'app',
      version,
      account: STORAGE,
      container: this.#options.container,
      path: `/${version}.zip`,
      methodName: 'installPackage',
      selection: { kind: 'list' },
      waves: waveSizes(sizes),
      successPercent: 90,
      timeoutMinutes: 5,
      nextWave: 'automatic',
      belowThreshold: 'pause',
      parallel: 10,
      ...rest,
    };
  }
}

async function stopProcess({ board, deployments }: CampaignProcess): Promise<void> {
  await Promise.all([board.close(), deployments.stop()]);
}

/** Waits until the campaign is in the state. */
export async function reaches(board: CampaignBoard, id: string, state: string): Promise<CampaignDetail> {
  await until(`the state ${state}`, async () => (await board.get(id)).state === state);
  return await board.get(id);
}

export async function deviceOf(
  board: CampaignBoard,
  campaign: string,
  deviceId: string,
): Promise<CampaignDeviceRow | undefined> {
  const rows = await board.devices(campaign, { from: 0, limit: 50_000 });
  return rows.find((row) => row.deviceId === deviceId);
}

/** Waits until the device of the campaign is in the state. */
export async function becomes(
  board: CampaignBoard,
  campaign: string,
  deviceId: string,
  state: DeviceState,
): Promise<CampaignDeviceRow | undefined> {
  await until(
    `${deviceId} is ${state}`,
    async () => (await deviceOf(board, campaign, deviceId))?.state === state,
  );
  return await deviceOf(board, campaign, deviceId);
}

/** The steps of an installation that fails. */
export function failing(): { state: string; message: string }[] {
  return [{ state: 'failed', message: 'No space.' }];
}
