/**
 * The file that Node.js is started with. An older Node.js cannot even parse the program, so this file checks the version first. It uses only
 * syntax that Node.js 12 knows.
 */

/** The oldest version that runs the program, as package.json has it; the build puts it here. */
declare const OLDEST_NODE: string;

function isOlder(version: string, oldest: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

function fail(message: string): void {
  process.stderr.write(`azure-iot-sidecar: ${message}\n`);
  process.exitCode = 1;
}

/** The start needs what the program runs first; what it runs a little later is of use to the next start, too. */
const FLUSH_AFTER_MS = 10_000;

/**
 * Keeps compiled code in the state directory: the next start needs a third less time of the processor. Whoever can write there could give us
 * code to run, so only a directory that is ours alone counts. What is wrong with another one, the program says.
 */
function cacheCompiledCode(): void {
  const directory = process.env.SIDECAR_STATE_DIR;
  const [, , command = 'run'] = process.argv;
  if (!directory || command !== 'run' || !isOurs(directory)) return;
  const { enableCompileCache, flushCompileCache } = process.getBuiltinModule('module');
  enableCompileCache(`${directory}/compile-cache`);
  setTimeout(flushCompileCache, FLUSH_AFTER_MS).unref();
}

function isOurs(directory: string): boolean {
  const found = process.getBuiltinModule('fs').lstatSync(directory, { throwIfNoEntry: false });
  if (!found?.isDirectory() || !process.getuid) return false;
  return found.uid === process.getuid() && (found.mode & 0o077) === 0;
}

if (isOlder(process.versions.node, OLDEST_NODE)) {
  fail(`Node.js ${process.versions.node} is too old; expected Node.js ${OLDEST_NODE} or later.`);
} else {
  cacheCompiledCode();
  import('./main.ts').catch((error: Error) => {
    fail(
      `The program cannot be loaded (${error.message}). Copy the whole folder of sidecar.mjs, with program.mjs and console.`,
    );
  });
}
