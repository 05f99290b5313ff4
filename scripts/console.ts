import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { MappingDocument } from '../sidecar/translate/mapping/schema.ts';

const ROOT = join(import.meta.dirname, '..');
const SOURCES = join(ROOT, 'sidecar', 'console');

export interface ConsoleBundle {
  /** Name to content; all lie in one folder. Names with a hash change with their content. */
  readonly files: ReadonlyMap<string, string>;
  /** What was bundled, for the licences. */
  readonly inputs: Metafile['inputs'];
}

/** Bundles the console for browsers of the last years. Parts that only one page needs become files of their own. */
export async function bundleConsole(): Promise<ConsoleBundle> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: { console: 'sidecar/console/main.tsx', styles: 'sidecar/console/styles.css' },
    outdir: 'console',
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    bundle: true,
    write: false,
    metafile: true,
    splitting: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'error',
    plugins: [mappingSchema()],
  });
  const files = new Map(result.outputFiles.map(({ path, text }) => [basename(path), text]));
  const page = readFileSync(join(SOURCES, 'index.html'), 'utf8')
    .replace('{{script}}', entryName(result.metafile, 'main.tsx'))
    .replace('{{styles}}', entryName(result.metafile, 'styles.css'));
  files.set('index.html', page);
  files.set('icon.svg', readFileSync(join(SOURCES, 'icon.svg'), 'utf8'));
  return { files, inputs: result.metafile.inputs };
}

function entryName(metafile: Metafile, source: string): string {
  const found = Object.entries(metafile.outputs).find(
    ([, { entryPoint }]) => entryPoint === `sidecar/console/${source}`,
  );
  if (!found) throw new Error(`esbuild gave no output for ${source}`);
  return basename(found[0]);
}

/** The module `mapping-schema`: the schema of mappings as plain JSON, so that the browser needs none of the sidecar's code. */
function mappingSchema(): Plugin {
  return {
    name: 'mapping-schema',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^mapping-schema$/ }, ({ path }) => ({ path, namespace: 'mapping-schema' }));
      onLoad({ filter: /.*/, namespace: 'mapping-schema' }, () => ({
        contents: JSON.stringify(MappingDocument),
        loader: 'json',
      }));
    },
  };
}
