import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A script to compile: `name` appears in errors. */
export interface RhinoSource {
  name: string;
  source: string;
}

export interface RhinoError {
  name: string;
  /** From 1; 0 if the engine gives none. */
  line: number;
  message: string;
}

export type RhinoResult =
  | { available: false; reason: string }
  | {
      available: true /** For example `Rhino 1.7.14.1 2022 10 05`. */;
      version: string;
      errors: RhinoError[];
    };

/**
 * Compiles scripts in a real Rhino (language level ES6), if one is here: the jar named by RHINO_JAR, else the one of Debian's
 * package librhino-java; and a Java, by JAVA_HOME or the PATH. One Java process compiles all scripts.
 */
export async function compileInRhino(sources: readonly RhinoSource[]): Promise<RhinoResult> {
  const result = await runInRhino<{ version: string; errors: RhinoError[] }>('rhino-compile.js', sources);
  return result.available ? { available: true, ...result.output } : result;
}

type RhinoRun<Output> = { available: false; reason: string } | { available: true; output: Output };

/** Runs a program of this folder, in Rhino's language, in the shell of a real Rhino. It reads its input from a JSON file and prints JSON. */
export async function runInRhino<Output>(program: string, input: unknown): Promise<RhinoRun<Output>> {
  const jar = await findJar();
  if (jar === undefined) {
    return { available: false, reason: 'no Rhino: install librhino-java or set RHINO_JAR' };
  }
  const folder = await mkdtemp(join(tmpdir(), 'rhino-check-'));
  try {
    const file = join(folder, 'input.json');
    await writeFile(file, JSON.stringify(input));
    const main = 'org.mozilla.javascript.tools.shell.Main';
    return await runJava(['-cp', jar, main, ...options, join(import.meta.dirname, program), file]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const options = ['-version', '200', '-opt', '-1', '-encoding', 'UTF-8'];

async function runJava<Output>(args: string[]): Promise<RhinoRun<Output>> {
  const home = process.env.JAVA_HOME;
  const java = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
  try {
    const { stdout } = await promisify(execFile)(java, ['-Dfile.encoding=UTF-8', ...args], {
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { available: true, output: JSON.parse(stdout) as Output };
  } catch (error) {
    // An engine that is here and fails is a fault, not an engine that is missing.
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    return { available: false, reason: 'no Java on the PATH' };
  }
}

async function findJar(): Promise<string | undefined> {
  const named = process.env.RHINO_JAR;
  if (named !== undefined && named !== '') {
    return named;
  }
  const folder = '/usr/share/java';
  const installed = await readdir(folder).catch((): string[] => []);
  const found = ['rhino.jar', 'js.jar'].find((name) => installed.includes(name));
  const jar = found === undefined ? undefined : join(folder, found);
  return jar !== undefined &&
    (await access(jar).then(
      () => true,
      () => false,
    ))
    ? jar
    : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2);
  const sources = await Promise.all(
    files.map(async (name) => ({ name, source: await readFile(name, 'utf8') })),
  );
  const result = await compileInRhino(sources);
  if (!result.available) {
    console.error(result.reason);
    process.exitCode = 2;
  } else {
    for (const { name, line, message } of result.errors) {
      console.error(`${name}:${line}: ${message}`);
    }
    console.log(`${result.version}: ${files.length} scripts, ${result.errors.length} errors`);
    process.exitCode = result.errors.length === 0 ? 0 : 1;
  }
}
