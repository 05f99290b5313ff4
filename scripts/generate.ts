import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assumptionsDoc } from '../extension/generate/assumptions-doc.ts';
import { errorsDoc } from '../extension/generate/errors-doc.ts';
import { packageFiles, packageVersion } from '../extension/generate/package.ts';
import { permissionsDoc } from '../extension/generate/permissions-doc.ts';
import { servicesDoc } from '../extension/generate/services-doc.ts';
import { publishedSchema } from '../sidecar/configuration/document.ts';
import { openApi } from '../sidecar/http/openapi.ts';
import { OPERATIONS } from '../sidecar/operations/index.ts';
import { performanceDoc } from './bench/performance-doc.ts';
import { readRun } from './bench/run.ts';
import { dashboard } from './deploy/dashboard.ts';
import { LAYERS } from './layers.ts';

const ROOT = join(import.meta.dirname, '..');

/** The committed files that are generated: path in the repository to content. */
export function generatedFiles(): Map<string, string> {
  return new Map([
    ['metadata.xml', packageFiles().get('metadata.xml') as string],
    ['docs/openapi.json', `${JSON.stringify(openApi(OPERATIONS, packageVersion()), null, 2)}\n`],
    ['docs/configuration.schema.json', `${JSON.stringify(publishedSchema(), null, 2)}\n`],
    ['docs/services.md', servicesDoc()],
    ['scripts/deploy/grafana/azure-iot.json', `${JSON.stringify(dashboard(), null, 2)}\n`],
    ['docs/errors.md', errorsDoc()],
    ['docs/assumptions.md', assumptionsDoc()],
    ['docs/permissions.md', permissionsDoc()],
    ['docs/performance.md', performanceDoc(readRun(join(ROOT, 'scripts', 'bench', 'baseline.json')))],
    ['docs/architecture.md', withLayers(readOrEmpty('docs/architecture.md'))],
  ]);
}

const LAYER_PICTURE = /(<!-- layers: generated -->\n).*?(<!-- end of layers -->)/s;

/** The page with its picture of the layers drawn anew; the rest of it is written by hand. */
function withLayers(page: string): string {
  const names = LAYERS.map(({ rooms }) => rooms.join(', '));
  const width = Math.max(...names.map((name) => name.length));
  const lines = LAYERS.map(({ holds }, index) => `${(names[index] as string).padEnd(width)}   ${holds}`);
  return page.replace(LAYER_PICTURE, `$1\`\`\`\n${lines.join('\n')}\n\`\`\`\n$2`);
}

/** The generated files whose committed content differs. */
export function outdatedFiles(): string[] {
  return [...generatedFiles()]
    .filter(([path, content]) => content !== readOrEmpty(path))
    .map(([path]) => path);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

if (import.meta.main) {
  const outdated = outdatedFiles();
  if (process.argv.includes('--check')) {
    if (outdated.length > 0) {
      console.error(`Generated files differ from what "npm run generate" writes: ${outdated.join(', ')}`);
      process.exitCode = 1;
    }
  } else {
    const files = generatedFiles();
    for (const path of outdated) {
      writeFileSync(join(ROOT, path), files.get(path) as string);
      console.log(`wrote ${path}`);
    }
  }
}
