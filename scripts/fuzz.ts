import { randomInt } from 'node:crypto';
import type { FuzzReport } from '../test/fuzz/fuzz-run.ts';
import { oneOrMore, readCommandLine, refuse, wholeNumber } from './command-line.ts';

const PARTS = ['decoders', 'routes', 'sockets'] as const;
const USAGE = `npm run fuzz -- [options]: generated inputs for the decoders and for the whole product over HTTP
  --inputs N     inputs of all parts together (1000000); the decoders get nine tenths, since an input costs them microseconds
  --seed S       the same seed gives the same inputs (a random one)
  --only NAMES   the parts to run, comma-separated (${PARTS.join(',')})
Prints one line of JSON for each part, with the counts of outcomes. Ends with 1 when a promise was broken.`;

const { values } = readCommandLine(USAGE, {
  inputs: { type: 'string', default: '1000000' },
  seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  only: { type: 'string', default: PARTS.join(',') },
});
let inputs: number;
let seed: number;
let only: ReadonlySet<string>;
try {
  inputs = wholeNumber('inputs', values.inputs, 1, 1_000_000_000);
  seed = wholeNumber('seed', values.seed, 0, 2 ** 32);
  only = oneOrMore('only', values.only, PARTS);
} catch (error) {
  refuse(USAGE, error as Error);
}
process.env['SIDECAR_ALLOW_LOCAL_AZURE'] = 'true';

const reports: FuzzReport[] = [];
const report = (...some: FuzzReport[]) => {
  for (const one of some) console.log(JSON.stringify(one));
  reports.push(...some);
};
// The parts load the whole product, which a refused command line does not need.
if (only.has('decoders')) {
  const { fuzzDecoders } = await import('../test/fuzz/decoders.ts');
  report(...(await fuzzDecoders({ inputs: Math.ceil(inputs * 0.9), seed })));
}
if (only.has('routes') || only.has('sockets')) {
  const { FuzzSystem } = await import('../test/fuzz/fuzz-system.ts');
  const system = new FuzzSystem();
  await system.start();
  try {
    if (only.has('routes')) report(await system.routes(Math.ceil(inputs * 0.09), seed));
    if (only.has('sockets')) report(await system.sockets(Math.ceil(inputs * 0.01), seed));
  } finally {
    await system.stop();
  }
}
const failures = reports.reduce((sum, one) => sum + one.failures.length, 0);
const total = reports.reduce((sum, one) => sum + one.inputs, 0);
console.log(JSON.stringify({ inputs: total, seed, failures }));
process.exitCode = failures > 0 ? 1 : 0;
