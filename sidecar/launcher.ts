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

if (isOlder(process.versions.node, OLDEST_NODE)) {
  fail(`Node.js ${process.versions.node} is too old; expected Node.js ${OLDEST_NODE} or later.`);
} else {
  import('./main.ts').catch((error: Error) => {
    fail(
      `The program cannot be loaded (${error.message}). Copy the whole folder of sidecar.mjs, with program.mjs and console.`,
    );
  });
}
