import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { transform } from 'esbuild';
import { openAuthority } from '../test/emulators/authority.ts';
import { startAzurite } from '../test/emulators/azurite.ts';
import { startIotHub } from '../test/emulators/iothub/emulator.ts';

const USAGE = `npm run test:conformance -- <path of a checkout of azure-iot-sdk-node> [suite ...]
Runs the end-to-end suites of Microsoft's SDK (e2etests, ts-e2e) against the IoT Hub emulator, with the clients installed here.
The path can also be set with AZURE_IOT_SDK_NODE. Suites are file names without extension; all of them by default.
The checkout is only read. Test tools are installed into a temporary directory; pem needs openssl.`;

const ROOT = path.join(import.meta.dirname, '..');
const HOST_NAME = 'conformance.azure-devices.net';
const TOOLS = ['mocha@10', 'chai@4', 'pem@1', 'uuid-buffer@1'];
/** The folders of the suites in the checkout. */
const FOLDERS = [path.join('e2etests', 'test'), path.join('ts-e2e', 'src')];

/** `server_validation` needs a server with an untrusted certificate, whose address its environment names. */
const NOT_RUN = new Set(['server_validation']);

/** Tests that cannot pass, by suite and full title, and why. */
const KNOWN_FAILURES: Readonly<Record<string, string>> = {
  'ts-e2e/src/job_client.tests.js: JobClient scheduleDeviceMethod schedules a device method job and cancels it':
    'known: the test gives the job to the callback of mocha, which takes it for an error',
};

interface MochaResult {
  readonly fullTitle: string;
  readonly err?: { readonly message?: string };
}

interface MochaReport {
  readonly passes: readonly MochaResult[];
  readonly failures: readonly MochaResult[];
  readonly pending: readonly MochaResult[];
}

/** Runs the suites one after the other. Returns the exit code. */
async function main(): Promise<number> {
  const [checkout = process.env.AZURE_IOT_SDK_NODE, ...names] = process.argv.slice(2);
  if (!checkout || checkout === '--help') {
    console.error(USAGE);
    return checkout ? 0 : 2;
  }
  const missing = FOLDERS.map((folder) => path.join(checkout, folder)).find((folder) => !existsSync(folder));
  if (missing) {
    console.error(`${missing} does not exist; expected a checkout of azure-iot-sdk-node.`);
    return 2;
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'conformance-'));
  const authority = await openAuthority(path.join(directory, 'hub', 'authority'), [HOST_NAME]);
  const azurite = await startAzurite({ https: { cert: authority.certificate, key: authority.key } });
  const hub = await startIotHub({
    directory: path.join(directory, 'hub'),
    hostName: HOST_NAME,
    storageCa: authority.ca,
    uploads: {
      account: { connectionString: azurite.connectionString, ca: authority.ca },
      containerName: 'device-uploads',
    },
  });
  try {
    await writeFile(path.join(directory, 'package.json'), '{"private":true}\n');
    await run('npm', ['install', '--no-audit', '--no-fund', '--silent', ...TOOLS], directory, process.env);
    const all = (await Promise.all(FOLDERS.map((folder) => copySuites(checkout, folder, directory)))).flat();
    const environment = {
      ...process.env,
      // Everything but the tools comes from the project.
      NODE_PATH: path.join(ROOT, 'node_modules'),
      NODE_EXTRA_CA_CERTS: hub.caFile,
      IOTHUB_CONNECTION_STRING: hub.connectionString().replace(/(HostName=[^;:]*):\d+/, '$1'),
      EVENTHUB_CONNECTION_STRING: hub.eventHubConnectionString(),
      STORAGE_CONNECTION_STRING: azurite.connectionString,
      IOTHUB_CA_ROOT_CERT: Buffer.from(authority.ca).toString('base64'),
      IOTHUB_CA_ROOT_CERT_KEY: (
        await readFile(path.join(directory, 'hub', 'authority', 'ca-key.pem'))
      ).toString('base64'),
      REDIRECTS: JSON.stringify({ [HOST_NAME]: hub.port }),
    };
    let failed = 0;
    let passed = 0;
    for (const suite of all) {
      const name = path.basename(suite, '.js');
      if (names.length > 0 && !names.includes(name)) continue;
      const report = await runSuite(suite, directory, environment);
      passed += report.passes.length;
      console.log(
        `${suite}: ${report.passes.length} passed, ${report.failures.length} failed, ${report.pending.length} skipped`,
      );
      for (const { fullTitle, err } of report.failures) {
        const known = KNOWN_FAILURES[`${suite.replaceAll(path.sep, '/')}: ${fullTitle}`];
        if (known === undefined) failed += 1;
        console.log(`  FAILED ${fullTitle}: ${known ?? err?.message ?? 'no message'}`);
      }
    }
    console.log(`${passed} passed, ${failed} failed that are not known`);
    return failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    await hub.stop();
    await azurite.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Copies the files of a folder as JavaScript. Returns the paths of the suites among them, from the directory. */
async function copySuites(checkout: string, folder: string, directory: string): Promise<string[]> {
  await mkdir(path.join(directory, folder), { recursive: true });
  const suites: string[] = [];
  for (const file of (await readdir(path.join(checkout, folder))).sort()) {
    const { name, ext } = path.parse(file);
    if (ext !== '.js' && ext !== '.ts') continue;
    const source = await readFile(path.join(checkout, folder, file), 'utf8');
    const code = ext === '.js' ? source : await toCommonJs(source);
    const target = path.join(folder, `${name}.js`);
    await writeFile(path.join(directory, target), code);
    if (/^\s*describe\(/m.test(source) && !NOT_RUN.has(name)) suites.push(target);
  }
  return suites;
}

/** TypeScript without `esModuleInterop`, as the suites are written: `import * as name` is what the module exports. */
async function toCommonJs(source: string): Promise<string> {
  const required = source.replace(/^import \* as (\w+) from '([^']+)';/gm, "import $1 = require('$2');");
  return (await transform(required, { loader: 'ts', format: 'cjs' })).code;
}

async function runSuite(
  suite: string,
  directory: string,
  environment: NodeJS.ProcessEnv,
): Promise<MochaReport> {
  const output = path.join(directory, `${path.basename(suite)}on`);
  const mocha = path.join(directory, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const redirect = path.join(import.meta.dirname, 'local', 'redirect.ts');
  const options = ['--exit', '--reporter', 'json', '--reporter-option', `output=${output}`];
  // mocha itself would start node without the preload.
  const code = await run(
    process.execPath,
    ['--import', redirect, mocha, ...options, suite],
    directory,
    environment,
  );
  if (!existsSync(output)) throw new Error(`${suite}: mocha ended with ${code} and without a report.`);
  return JSON.parse(await readFile(output, 'utf8')) as MochaReport;
}

function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main();
