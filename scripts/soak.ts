import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildPackage } from './build.ts';
import { readCommandLine, refuse, wholeNumber } from './command-line.ts';

const USAGE = `npm run soak -- [options]: 500 messages a second with commands, twins, files and imports beside, and a fault in each minute
  --minutes N    how long (60)
  --seconds N    how long each fault lasts (20)
  --seed N       the same seed gives the same random choices (a random one)
Prints a line for each minute and, as the last line, JSON: what is missing, all accounts, and how memory, handles and event-loop delay grow in
an hour. Ends with 1 when a message is missing or the accounts do not add up.`;

const { values } = readCommandLine(USAGE, {
  minutes: { type: 'string', default: '60' },
  seconds: { type: 'string', default: '20' },
  seed: { type: 'string', default: String(randomInt(2 ** 31)) },
});
let minutes: number;
let seconds: number;
let seed: number;
try {
  minutes = wholeNumber('minutes', values.minutes, 1, 100_000);
  seconds = wholeNumber('seconds', values.seconds, 1, 45);
  seed = wholeNumber('seed', values.seed, 0, 2 ** 32);
} catch (error) {
  refuse(USAGE, error as Error);
}
// The emulators have no TLS for everything.
process.env['SIDECAR_ALLOW_LOCAL_AZURE'] ??= 'true';
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-soak-'));
try {
  process.env['CONNECTOR_ZIP'] ??= await buildPackage({ outputDirectory: directory });
  const { soak } = await import('./chaos/soak.ts');
  const report = await soak({
    minutes,
    seed,
    faultMs: seconds * 1000,
    onMinute: (line) => console.log(line),
    signal: stop.signal,
  });
  console.log(JSON.stringify(report));
  if (report.missing > 0 || !report.accountsAddUp || report.unexpectedDeadLetters > 0) process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
