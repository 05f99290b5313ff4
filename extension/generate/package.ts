import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { entityPath } from '../../sidecar/entities/entity-xml.ts';
import { metadataXml } from '../../sidecar/entities/metadata.ts';
import { PACKAGE_NAME } from '../../sidecar/version.ts';
import { ENTITIES } from '../entities/index.ts';
import { catalogOf } from './catalog.ts';
import { checkMashup } from './mashup-check.ts';
import { mashupContent } from './mashup-content.ts';
import { extensionEntityXml } from './mashup-xml.ts';

const DESCRIPTION =
  'Connects Azure IoT Hub to ThingWorx: telemetry, twins, commands and files, through a sidecar program.';
const ROOT = join(import.meta.dirname, '..', '..');

/** The one version number; `<major>.<minor>.<patch>`, because the platform takes nothing else. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  if (!/^\d+\.\d+\.\d+$/.test(version))
    throw new Error(`package.json: version must be three numbers, got ${version}`);
  return version;
}

/** The files of the extension without the sidecar: path in the zip to content. */
export function packageFiles(version = packageVersion()): Map<string, string> {
  const files = new Map([
    ['metadata.xml', metadataXml({ name: PACKAGE_NAME, version, description: DESCRIPTION })],
  ]);
  const catalog = catalogOf(ENTITIES);
  for (const entity of ENTITIES) {
    if (entity.kind === 'Mashup') {
      const [problem] = checkMashup(entity, mashupContent(entity, catalog), catalog);
      if (problem) throw new Error(`${entity.name}: ${problem}`);
    }
    const path = entityPath(entity);
    if (files.has(path)) throw new Error(`two entities are named ${entity.name}`);
    files.set(path, extensionEntityXml(entity, catalog));
  }
  return files;
}
