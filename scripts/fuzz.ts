import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { fuzzDecoders } from '../test/fuzz/decoders.ts';
import type { FuzzReport } from '../test/fuzz/fuzz-run.ts';
import { FuzzSystem } from '../test/fuzz/fuzz-system.ts';

/**
 * npm run fuzz -- [--inputs N] [--seed S] [--only decoders,routes,sockets]: generated inputs for the decoders and for the whole product over HTTP. Of
 * N inputs, 1,000,000 unless given, the decoders get nine tenths: an input costs them microseconds. Prints one line of JSON for each part, with
 * the counts of outcomes; the same seed gives the same inputs. Ends with 1 when a promise was broken.
 */
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    only: { type: 'string', default: 'decoders,routes,sockets' },
  },
});
const inputs = Number(values.inputs);
const seed = Number(values.seed);
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed)) {
  console.error('--inputs and --seed must be whole numbers.');
  process.exit(1);
}
const only = new Set(values.only.split(','));
process.env['SIDECAR_ALLOW_LOCAL_AZURE'] = 'true';

const reports: FuzzReport[] = [];
const report = (...some: FuzzReport[]) => {
  for (const one of some) console.log(JSON.stringify(one));
  reports.push(...some);
};
if (only.has('decoders')) report(...(await fuzzDecoders({ inputs: Math.ceil(inputs * 0.9), seed })));
if (only.has('routes') || only.has('sockets')) {
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
