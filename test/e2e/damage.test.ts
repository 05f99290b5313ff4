import assert from 'node:assert/strict';
import { mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LocalSystem } from '../../scripts/local/system.ts';
import { countListener, everythingInOrder, type Listener, Volume } from './instruments.ts';
import { accounts } from './observe.ts';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly code?: string;
  readonly kept?: string;
}

const isTrouble = ({ level }: Line) => level === 'warn' || level === 'error';

describe('files of the state directory that are damaged', () => {
  const lines: Line[] = [];
  const system = new LocalSystem({
    // So many that each partition has messages.
    devices: 6,
    partitions: 2,
    localCheckpoints: true,
    // Reading that went on there would pass over what was sent meanwhile.
    hubSettings: { startPosition: 'latest' },
    onSidecarLine: (line) => lines.push(JSON.parse(line) as Line),
  });
  let volume: Volume;
  let listener: Listener;

  before(async () => {
    await system.start();
    volume = new Volume(
      system,
      system.devices.map(({ deviceId }) => deviceId),
    );
    listener = await countListener(system, 'Counts', volume.deviceIds);
  });
  after(() => system.stop());

  async function filesIn(directory: string): Promise<string[]> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => path.join(parentPath, name));
  }

  for (const [what, damage] of [
    ['empty', (file: string) => truncate(file, 0)],
    ['cut', async (file: string) => truncate(file, Math.floor((await stat(file)).size / 2))],
    ['garbage', (file: string) => writeFile(file, '\0\x01{"a":')],
    ['JSON of something else', (file: string) => writeFile(file, '{"version":1}')],
    [
      'directories',
      async (file: string) => {
        await rm(file);
        await mkdir(file);
      },
    ],
  ] as const)
    test(`are ${what}: they are kept aside, nothing is lost or applied twice, and it is told once`, async () => {
      await volume.send(20);
      await everythingInOrder(listener, volume);
      await system.sidecar.stop();
      const { stateDirectory } = system.sidecar;
      const files = (await filesIn(stateDirectory)).filter((file) => /\.json$|owner-id$/.test(file));
      const checkpoints = files.filter((file) => /[\\/]\d+\.json$/.test(file));
      assert.equal(checkpoints.length, 2, files.join(' '));
      for (const file of files) await damage(file);
      await volume.send(20);
      lines.length = 0;
      await system.sidecar.start();
      await system.waitForState('running');
      await everythingInOrder(listener, volume);
      const { repeated, delivered } = await accounts(system);
      assert.equal(delivered - repeated, 20 * volume.deviceIds.length, 'only what was sent meanwhile is new');
      const told = lines.filter(({ code }) => code === 'CHECKPOINTS_UNREADABLE');
      assert.equal(told.length, 2, 'once for each partition');
      const format = lines.filter(({ kept }) => String(kept).includes('format.json'));
      assert.equal(format.length, 1, 'the format of the state directory is damaged, too');
      assert.deepEqual(
        lines.filter((line) => isTrouble(line) && !told.includes(line) && !format.includes(line)),
        [],
      );
      const kept = await readdir(path.dirname(checkpoints[0] ?? ''));
      assert.ok(kept.filter((name) => name.includes('.json.damaged-')).length >= 2, kept.join(' '));
    });
});
