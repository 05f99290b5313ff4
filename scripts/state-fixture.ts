import { cp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import manifest from '../package.json' with { type: 'json' };
import { readCommandLine } from './command-line.ts';
import { Plant } from './local/factory/plant.ts';
import type { Row } from './local/platform.ts';
import { HUB_THING, LocalSystem, REPOSITORY_THING } from './local/system.ts';

const USAGE = `npm exec -- node scripts/state-fixture.ts: keeps the state directory of this version for tests of later versions
  Runs the factory in miniature, stops the sidecar amid its work, and writes test/fixtures/state-<version>. Run it once before a release.`;

/** Not state: locks of the process, the file that the watch of the directory writes, compiled code. */
const LEFT_OUT = /lock$|^write-check$|^compile-cache$|\.new$/;

/** A message as IoT Hub routes it to a storage account, in JSON. */
const ROUTED = JSON.stringify({
  EnqueuedTimeUtc: '2026-03-01T10:00:00.0000000Z',
  Properties: {},
  SystemProperties: { connectionDeviceId: 'pump-01', enqueuedTime: '2026-03-01T10:00:00.0000000Z' },
  Body: Buffer.from('{"flow":44.3}').toString('base64'),
});

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (await holds()) return;
    await sleep(100);
  }
  throw new Error(`${what} did not come`);
}

/** Makes one of everything that a sidecar keeps, and kills it, so that nothing is finished or tidied. */
async function fillState(system: LocalSystem): Promise<void> {
  const { platform, cloud } = system;
  const plant = new Plant(system);
  const table = async (thing: string, service: string, parameters: Row = {}): Promise<Row[]> =>
    ((await platform.invoke(thing, service, parameters)) as { rows?: Row[] } | undefined)?.rows ?? [];
  try {
    await platform.invoke(HUB_THING, 'GrantPermissions');
    await platform.setProperties(HUB_THING, { ingestStorageConnectionString: cloud.storageConnectionString });
    await platform.invoke(HUB_THING, 'Connect');
    await plant.start();
    for (let tick = 0; tick < 30; tick += 1) await plant.tick();
    await until('a checkpoint of each partition', async () => {
      const files = await readdir(system.sidecar.stateDirectory, { recursive: true });
      return (
        files.filter((file) => /[\\/]\d+\.json$/.test(file) && file.startsWith('checkpoints')).length === 2
      );
    });
    await until('a dead letter', async () => (await table(HUB_THING, 'ListDeadLetters')).length > 0);
    await platform.invoke(REPOSITORY_THING, 'SaveText', {
      path: '/routed/2026/03/01/10/00.json',
      content: ROUTED,
    });
    await platform.invoke(REPOSITORY_THING, 'SaveText', { path: '/software.txt', content: 'new software' });
    await platform.invoke(HUB_THING, 'IngestBlobs', { container: 'factory-files', prefix: 'routed/' });
    await platform.invoke(HUB_THING, 'StartImport', { dryRun: true });
    await until('the end of both tasks', async () => {
      const tasks = await table(HUB_THING, 'ListTasks');
      return tasks.length === 2 && tasks.every(({ state }) => state === 'completed');
    });
    await plant.stop();
    await platform.invoke('robot-05', 'DeployPackage', {
      repository: REPOSITORY_THING,
      path: '/software.txt',
      name: 'controller',
      version: '9.0.0',
    });
  } finally {
    await plant.stop();
  }
}

readCommandLine(USAGE, {});
const target = path.join(import.meta.dirname, '..', 'test', 'fixtures', `state-${manifest.version}`);
const system = new LocalSystem({ devices: 0, partitions: 2, localCheckpoints: true, fileRepository: true });
try {
  await system.start();
  await fillState(system);
  const { stateDirectory } = system.sidecar;
  await system.sidecar.kill();
  await rm(target, { recursive: true, force: true });
  await cp(stateDirectory, target, {
    recursive: true,
    filter: (source) => !LEFT_OUT.test(path.basename(source)),
  });
  console.log(path.relative(process.cwd(), target));
} finally {
  await system.stop();
}
