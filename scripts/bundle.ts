import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');

/** The oldest Node that the bundle must run on; package.json `engines` says the same. */
const TARGET = 'node22.19';

export interface Bundle {
  /** The program, one ES module. */
  readonly code: string;
  /** The licences of the packages in it. */
  readonly notices: string;
}

/**
 * Bundles the sidecar into one file. Packages written as CommonJS ask for Node's own modules through `require`, which an
 * ES module must make for itself. cbor-extract is an optional native add-on that cbor-x does without. `otherInputs` are files in other
 * bundles of the package, for the licences.
 */
export async function bundleSidecar(entry: string, otherInputs: readonly string[] = []): Promise<Bundle> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: 'sidecar.mjs',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: TARGET,
    charset: 'utf8',
    legalComments: 'none',
    external: ['cbor-extract'],
    logLevel: 'error',
    banner: {
      js: [
        "import { createRequire as bundleCreateRequire } from 'node:module';",
        "import { dirname as bundleDirname } from 'node:path';",
        "import { fileURLToPath as bundleFileURLToPath } from 'node:url';",
        'const require = bundleCreateRequire(import.meta.url);',
        'const __filename = bundleFileURLToPath(import.meta.url);',
        'const __dirname = bundleDirname(__filename);',
      ].join('\n'),
    },
  });
  const output = result.outputFiles[0];
  if (!output) throw new Error('esbuild gave no output');
  return { code: output.text, notices: notices([...Object.keys(result.metafile.inputs), ...otherInputs]) };
}

/** The licence texts of all packages whose files are among the inputs. */
function notices(inputs: readonly string[]): string {
  const folders = new Set<string>();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match?.[1]) folders.add(match[1]);
  }
  const packages = [...folders].map(describePackage).sort((a, b) => (a.title < b.title ? -1 : 1));
  const parts = packages.map(({ title, text }) => `${title}\n${'-'.repeat(title.length)}\n${text}\n`);
  const head =
    'The sidecar holds the following packages, each under its own licence.\nThe sidecar itself is under the Apache License 2.0.\n';
  return [head, ...new Set(parts)].join('\n');
}

function describePackage(folder: string): { title: string; text: string } {
  const manifest = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as {
    name?: string;
    version?: string;
    license?: string;
  };
  if (!manifest.name) throw new Error(`${folder} has no name in its package.json`);
  const licence = manifest.license ?? 'see text';
  const file = readdirSync(join(ROOT, folder))
    .sort()
    .find((name) => /^(licen[cs]e|copying)(\.|-|$)/i.test(name) && existsSync(join(ROOT, folder, name)));
  const text = file
    ? readFileSync(join(ROOT, folder, file), 'utf8')
        .replaceAll('\r\n', '\n')
        .trim()
    : `Licence: ${licence}`;
  return { title: `${manifest.name} ${manifest.version} (${licence})`, text };
}
