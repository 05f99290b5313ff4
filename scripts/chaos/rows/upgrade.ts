import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { buildPackage, SIDECAR_FOLDER } from '../../build.ts';
import { HUB_THING } from '../../local/system.ts';
import { extractFolder } from '../../local/unzip.ts';
import type { Row, RowContext } from '../row.ts';

/** The next one after the version of this project: ThingWorx imports no older one. */
async function nextVersion(): Promise<string> {
  const manifest = JSON.parse(
    await readFile(path.join(import.meta.dirname, '..', '..', '..', 'package.json'), 'utf8'),
  ) as { version: string };
  const [major, minor, patch] = manifest.version.split('.').map(Number);
  return `${major}.${minor}.${Number(patch) + 1}`;
}

async function requireVersion({ system }: RowContext, version: string): Promise<void> {
  await system.local.waitForState('running');
  const { sidecarVersion } = await system.local.platform.properties(HUB_THING);
  if (sidecarVersion !== version)
    throw new Error(`The hub Thing shows version ${sidecarVersion} instead of ${version}`);
}

/**
 * As docs/upgrade.md says: first the extension, then the sidecar; and back, which is the sidecar alone. So each version of the sidecar also works
 * with the extension of the other one.
 */
async function upgradeAndBack(context: RowContext): Promise<void> {
  const { system, sleep, faultMs } = context;
  const { sidecar, platform, directory } = system.local;
  const version = await nextVersion();
  const { sidecarVersion: before } = await platform.properties(HUB_THING);
  const zipFile = await buildPackage({ version, outputDirectory: path.join(directory, 'next') });
  const folder = path.join(directory, 'next', 'sidecar');
  await extractFolder(zipFile, `${SIDECAR_FOLDER}/`, folder);
  await platform.importExtension(zipFile);
  await sleep(faultMs / 3);
  await sidecar.stop();
  await sidecar.start({ program: path.join(folder, 'sidecar.mjs') });
  await requireVersion(context, version);
  await sleep(faultMs / 3);
  await sidecar.stop();
  await sidecar.start();
  await requireVersion(context, String(before));
  await sleep(faultMs / 3);
}

/** What happens when another version is installed. */
export const UPGRADE_ROWS: readonly Row[] = (['blob', 'local'] as const).map((checkpoints) => ({
  name: `an upgrade under load, and back, ${checkpoints} checkpoints`,
  checkpoints,
  run: upgradeAndBack,
}));
