import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { decode, encode, type SourceMapMappings } from '@jridgewell/sourcemap-codec';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '..');
const { engines } = manifest;

/** The oldest Node that the program must run on, such as 22.19. */
const OLDEST_NODE = engines.node.replace('>=', '');

/** Parses the launcher, so that it can say that it is too old: the first with dynamic imports in its LTS line. */
const LAUNCHER_TARGET = 'node12.20';

/**
 * Maps each file of a package to its first line: with the lines of all packages the source map would be four times as large.
 */
const coarseMaps: Plugin = {
  name: 'coarse-maps',
  setup(build) {
    build.onLoad({ filter: /node_modules.*\.[cm]?js$/ }, async ({ path }) => {
      const code = asAscii((await readFile(path, 'utf8')).replace(/^\/\/# sourceMappingURL=.*$/gm, ''));
      const map = JSON.stringify({ version: 3, sources: [basename(path)], mappings: 'AAAA' });
      const url = `data:application/json;base64,${Buffer.from(map).toString('base64')}`;
      return { contents: `${code}\n//# sourceMappingURL=${url}`, loader: 'js' };
    });
  },
};

/**
 * Escapes what esbuild leaves as it is in regular expressions. V8 keeps a program of ASCII alone with one byte for each character, and any other one
 * with two: 8 MB more.
 */
function asAscii(code: string): string {
  return code.replace(
    /(?<!\\)[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Keeps the first place of each line: the columns would make the map three times as large. */
function byLines(map: string): string {
  const { names: _, ...rest } = JSON.parse(map) as { names: string[]; mappings: string };
  const mappings: SourceMapMappings = decode(rest.mappings).map((segments) => {
    let last = '';
    return segments.flatMap(([column, source = -1, line = -1]) => {
      const place = `${source}:${line}`;
      if (place === last) return [];
      last = place;
      return [source < 0 ? [column] : [column, source, line, 0]];
    });
  });
  return JSON.stringify({ ...rest, names: [], mappings: encode(mappings) });
}

/**
 * Takes node:http by a call instead of an import. An import reads every member of the module, and some members load Node's own undici, which
 * the sidecar does not use.
 */
const httpByCall: Plugin = {
  name: 'http-by-call',
  setup(build) {
    build.onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'http', namespace: 'by-call' }));
    build.onLoad({ filter: /.*/, namespace: 'by-call' }, () => ({
      contents: "module.exports = process.getBuiltinModule('node:http');",
    }));
  },
};

/** The sidecar tells the version of package.json, or this one. */
function versioned(version: string): Plugin {
  return {
    name: 'versioned',
    setup(build) {
      build.onLoad({ filter: /package\.json$/ }, ({ path }) =>
        path === join(ROOT, 'package.json')
          ? { contents: JSON.stringify({ ...manifest, version }), loader: 'json' }
          : undefined,
      );
    },
  };
}

/** The program of the threads that evaluate expressions; it travels as text within the sidecar's one file. */
const EXPRESSION_WORKER = 'sidecar/translate/mapping/expression-worker.ts';

const LAUNCHER = 'sidecar/launcher.ts';
const PROGRAM = 'program.mjs';

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  write: false,
  metafile: true,
  minifyWhitespace: true,
  minifySyntax: true,
  platform: 'node',
  target: `node${OLDEST_NODE}`,
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'error',
} as const satisfies BuildOptions;

export interface Bundle {
  /** What Node is started with: it refuses a Node that is too old, and loads the program. */
  readonly launcher: string;
  /** The program, one ES module. It ends with the name of its source map. */
  readonly code: string;
  /** The source map, without the contents of the sources. Lines are those of the sidecar; of packages it has the file only. */
  readonly map: string;
  /** Inputs by their paths from the root of the project. */
  readonly metafile: Metafile;
}

/**
 * Bundles the sidecar into `program.mjs` and `program.mjs.map`, minified but for identifiers: errors and logs show the names of functions and
 * classes, and esbuild's `keepNames` would set them by a call for each closure that is made, also in the receive loop of the SDK.
 * `sidecar.mjs` is the launcher alone, since Node parses a whole file before it runs the first line. CommonJS packages load Node's modules with `require`, which the banner defines. cbor-extract is an optional native add-on of cbor-x.
 */
export async function bundleSidecar(entry: string, version?: string): Promise<Bundle> {
  // A thread that gets its program as text runs it as CommonJS.
  const worker = await build({
    ...COMMON,
    entryPoints: [EXPRESSION_WORKER],
    outfile: 'expression-worker.cjs',
    format: 'cjs',
  });
  const { outputFiles, metafile } = await build({
    ...COMMON,
    entryPoints: [entry],
    outfile: PROGRAM,
    sourcemap: 'linked',
    sourcesContent: false,
    plugins: [httpByCall, coarseMaps, ...(version === undefined ? [] : [versioned(version)])],
    format: 'esm',
    external: ['cbor-extract'],
    define: { EXPRESSION_WORKER: JSON.stringify(worker.outputFiles[0]?.text) },
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
  const text = (ending: string): string => {
    const file = outputFiles.find(({ path }) => path.endsWith(ending));
    if (!file) throw new Error(`esbuild returned no file ${ending}`);
    return file.text;
  };
  return {
    launcher: await bundleLauncher(),
    code: text('.mjs'),
    map: byLines(text('.mjs.map')),
    metafile: { ...metafile, inputs: { ...worker.metafile.inputs, ...metafile.inputs } },
  };
}

async function bundleLauncher(): Promise<string> {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: [LAUNCHER],
    outfile: 'sidecar.mjs',
    minifyWhitespace: false,
    minifySyntax: false,
    target: LAUNCHER_TARGET,
    format: 'esm',
    define: { OLDEST_NODE: JSON.stringify(OLDEST_NODE) },
    plugins: [
      {
        name: 'program',
        setup: (build) => {
          build.onResolve({ filter: /main\.ts$/ }, () => ({ path: `./${PROGRAM}`, external: true }));
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? '';
}
