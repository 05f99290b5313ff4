import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { PACKAGE_NAME } from '../sidecar/version.ts';
import { readCommandLine } from './command-line.ts';

const ROOT = join(import.meta.dirname, '..');
const SIDECAR_NAME = 'azure-iot-sidecar';
/** Where the sidecar is in the zip. */
export const SIDECAR_FOLDER = `ui/${PACKAGE_NAME}/sidecar`;

const USAGE = `npm run build -- [options]: builds the zip of the extension and prints its path
  --out DIR           the folder of the zip (dist)
  --without-sidecar   the XML alone
  --entry FILE        the program to bundle (sidecar/main.ts)`;

export interface BuildOptions {
  /** Without the sidecar: the XML only. */
  readonly withoutSidecar?: boolean;
  /** The program to bundle; sidecar/main.ts unless given. */
  readonly entry?: string;
  /** The version of the package and of the sidecar in it; that of this project unless given. */
  readonly version?: string;
  /** The folder of the zip; dist unless given. */
  readonly outputDirectory?: string;
}

/** Builds the extension. Returns the path of the zip. */
export async function buildPackage(options: BuildOptions = {}): Promise<string> {
  // Loading all entities and the bundler takes longer than the rest of a script that finds the zip already built.
  const [{ packageFiles, packageVersion }, { zipOf }] = await Promise.all([
    import('../extension/generate/package.ts'),
    import('../sidecar/lib/zip.ts'),
  ]);
  const { version = packageVersion() } = options;
  const files = packageFiles(version);
  if (!options.withoutSidecar) {
    for (const [name, content] of await sidecarFiles(version, options.entry ?? 'sidecar/main.ts')) {
      files.set(`${SIDECAR_FOLDER}/${name}`, content);
    }
  }
  const folder = resolve(ROOT, options.outputDirectory ?? 'dist');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${PACKAGE_NAME}-${version}.zip`);
  writeFileSync(path, await zipOf(files));
  return path;
}

async function sidecarFiles(version: string, entry: string): Promise<Map<string, string>> {
  const [{ bundleConsole }, { bundleSidecar }, { bundledPackages, noticesOf, sbomOf }] = await Promise.all([
    import('./console.ts'),
    import('./bundle.ts'),
    import('./bill-of-materials.ts'),
  ]);
  const pages = await bundleConsole();
  const { launcher, code, map, metafile } = await bundleSidecar(entry, version);
  const packages = bundledPackages({ ...metafile, inputs: { ...pages.inputs, ...metafile.inputs } }, ROOT);
  const { engines, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const manifest = {
    name: SIDECAR_NAME,
    version,
    private: true,
    type: 'module',
    main: 'sidecar.mjs',
    license,
    engines,
  };
  const files = new Map([
    ['sidecar.mjs', launcher],
    ['program.mjs', code],
    ['program.mjs.map', map],
    ['sbom.cdx.json', sbomOf(packages, { name: SIDECAR_NAME, version })],
    ['NOTICES.txt', noticesOf(packages)],
    ['LICENSE.txt', readFileSync(join(ROOT, 'LICENSE'), 'utf8')],
    ['package.json', `${JSON.stringify(manifest, null, 2)}\n`],
  ]);
  for (const [name, content] of pages.files) files.set(`console/${name}`, content);
  const fixed = join(ROOT, 'extension', 'package');
  for (const name of readdirSync(fixed)) files.set(name, readFileSync(join(fixed, name), 'utf8'));
  for (const [name, content] of documentation()) files.set(`docs/${name}`, content);
  return files;
}

/** The pages, which error texts refer to, with what they link to; not the settings of the site. */
function documentation(): Map<string, string> {
  const folder = join(ROOT, 'docs');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(sep).join('/'))
    .filter((name) => /\.(md|json|mjs)$/.test(name) && !name.startsWith('.'));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

if (import.meta.main) {
  const { values } = readCommandLine(USAGE, {
    'without-sidecar': { type: 'boolean', default: false },
    entry: { type: 'string' },
    out: { type: 'string' },
  });
  const path = await buildPackage({
    withoutSidecar: values['without-sidecar'],
    ...(values.entry === undefined ? {} : { entry: values.entry }),
    ...(values.out === undefined ? {} : { outputDirectory: values.out }),
  });
  console.log(path);
}
