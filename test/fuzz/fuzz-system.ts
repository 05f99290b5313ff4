import { randomInt } from 'node:crypto';
import { HUB_THING, LocalSystem } from '../../scripts/local/system.ts';
import type { FuzzReport } from './fuzz-run.ts';
import { fuzzRoutes, type RouteTarget } from './routes.ts';
import { fuzzSockets } from './sockets.ts';

/** What would end the system under test or reach out of this machine; and RestoreFile, which Azurite lacks and answers with 501. */
const SKIP = new Set([
  'Disconnect',
  'DisconnectStorage',
  'Connect',
  'ConnectStorage',
  'PutSecret',
  'RestoreFile',
]);

/** The whole product as the target of generated requests. */
export class FuzzSystem {
  readonly system = new LocalSystem({
    devices: 1,
    partitions: 2,
    localCheckpoints: true,
    fileRepository: true,
  });

  async start(): Promise<void> {
    await this.system.start();
    await this.system.platform.invoke(HUB_THING, 'GrantPermissions');
  }

  stop(): Promise<void> {
    return this.system.stop();
  }

  routes(inputs: number, seed = randomInt(2 ** 31)): Promise<FuzzReport> {
    const { sidecar, cloud } = this.system;
    const key = /SharedAccessKey=([^;]+)/.exec(cloud.iotHubConnectionString)?.[1] ?? '';
    const target: RouteTarget = {
      port: Number(new URL(sidecar.url).port),
      token: sidecar.token,
      known: {
        hub: HUB_THING,
        account: 'Factory.Storage',
        container: 'factory-files',
        deviceId: 'machine-01',
      },
      secrets: [sidecar.token, key, cloud.thingworxAppKey].filter((secret) => secret !== ''),
      skip: SKIP,
    };
    return fuzzRoutes(target, { inputs, seed });
  }

  sockets(inputs: number, seed = randomInt(2 ** 31)): Promise<FuzzReport> {
    return fuzzSockets(Number(new URL(this.system.sidecar.url).port), { inputs, seed });
  }
}
