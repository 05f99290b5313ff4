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
  const jar = await findJar();
  if (jar === undefined) {
    return { available: false, reason: 'no Rhino: install librhino-java or set RHINO_JAR' };
  }
  const folder = await mkdtemp(join(tmpdir(), 'rhino-check-'));
  try {
    const input = join(folder, 'input.json');
    const program = join(folder, 'compile.js');
    await writeFile(input, JSON.stringify(sources));
    await writeFile(program, `(${compileAll.toString()})(arguments[0]);`);
    return await runJava(['-cp', jar, 'org.mozilla.javascript.tools.shell.Main', ...options, program, input]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const options = ['-version', '200', '-opt', '-1', '-encoding', 'UTF-8'];

async function runJava(args: string[]): Promise<RhinoResult> {
  const home = process.env.JAVA_HOME;
  const java = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
  try {
    const { stdout } = await promisify(execFile)(java, ['-Dfile.encoding=UTF-8', ...args], {
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { available: true, ...(JSON.parse(stdout) as { version: string; errors: RhinoError[] }) };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    return {
      available: false,
      reason: code === 'ENOENT' ? 'no Java on the PATH' : `Rhino did not run: ${message}`,
    };
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

/** Runs inside Rhino's shell (as text, so in its language): compiles every script of a JSON file and prints what failed. */
function compileAll(file: string): void {
  // biome-ignore-start lint: this function is JavaScript of another engine and another age.
  const scope = Function('return this')();
  const rhino = scope.Packages.org.mozilla.javascript;
  const context = rhino.Context.getCurrentContext();
  const sources = JSON.parse(scope.readFile(file, 'UTF-8'));
  const errors: unknown[] = [];
  let name = '';
  let failed = false;
  const report = function (message: unknown, _source: unknown, line: unknown) {
    if (!failed) {
      failed = true;
      errors.push({ name: name, line: Number(line), message: String(message) });
    }
  };
  const reporter = new scope.JavaAdapter(rhino.ErrorReporter, {
    warning: function () {},
    error: report,
    runtimeError: function (
      message: unknown,
      source: unknown,
      line: unknown,
      text: unknown,
      offset: unknown,
    ) {
      report(message, source, line);
      return new rhino.EvaluatorException(message, source, line, text, offset);
    },
  });
  const previous = context.setErrorReporter(reporter);
  for (let index = 0; index < sources.length; index++) {
    name = sources[index].name;
    failed = false;
    try {
      context.compileString(sources[index].source, name, 1, null);
    } catch (error) {
      const thrown = error as { message?: unknown; lineNumber?: unknown };
      report(thrown.message || error, name, thrown.lineNumber || 0);
    }
  }
  context.setErrorReporter(previous);
  scope.print(JSON.stringify({ version: String(context.getImplementationVersion()), errors: errors }));
  // biome-ignore-end lint: end of that function.
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
