import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Command } from '../e2e/command.ts';

/** The scripts behind npm, by their names there. */
const SCRIPTS = {
  'npm start': 'start.ts',
  'npm test': 'test.ts',
  'npm run bench': 'bench.ts',
  'npm run build': 'build.ts',
  'npm run chaos': 'chaos.ts',
  'npm run fuzz': 'fuzz.ts',
  'npm run local-cloud': 'local-cloud.ts',
  'npm run release': 'release.ts',
  'npm run soak': 'soak.ts',
} as const;

for (const [name, script] of Object.entries(SCRIPTS)) {
  describe(name, () => {
    for (const word of ['--help', '-h']) {
      test(`prints its options with ${word}`, async (t) => {
        const { code, out, error } = await new Command(t, script, [word]).end();
        assert.equal(code, 0, error);
        assert.equal(error, '');
        assert.ok(out.startsWith(`${name} -- [`), out);
        assert.match(out, /^ {2}(--|\()/m);
      });
    }

    for (const words of [['--nonsense'], ['--help=yes'], ['--nonsense=1', '--help']]) {
      test(`refuses ${words.join(' ')} in one line`, async (t) => {
        const { code, out, error } = await new Command(t, script, words).end();
        assert.equal(code, 2);
        assert.equal(out, '');
        assert.match(
          error,
          new RegExp(
            `^${name}: [^\\n]*${words[0]?.split('=')[0]}[^\\n]* "${name} -- --help" lists the options\\.\\n$`,
          ),
        );
      });
    }
  });
}

for (const [script, words, named] of [
  ['test.ts', ['no-such-test-anywhere'], /"no-such-test-anywhere"/],
  ['test.ts', ['ingest', 'no-such-test-anywhere'], /"no-such-test-anywhere"/],
  ['bench.ts', ['--only', 'nonsense'], /"nonsense"; expected one or more of drain, backlog/],
  ['bench.ts', ['--only', 'start,nonsense'], /"nonsense"/],
  ['bench.ts', ['--compare', 'no-such-file.json'], /no-such-file\.json cannot be read as the JSON of a run/],
  ['bench.ts', ['--compare', 'package.json'], /package\.json is no run of the benchmark/],
  ['bench.ts', ['--only', ''], /""/],
  ['bench.ts', ['--rounds', 'many'], /--rounds is "many"; expected a whole number/],
  ['bench.ts', ['--messages', '0'], /--messages is "0"/],
  ['bench.ts', ['start'], /'start'/],
  ['fuzz.ts', ['--only', 'nonsense'], /"nonsense"; expected one or more of decoders/],
  ['fuzz.ts', ['--inputs', '1.5'], /--inputs is "1.5"/],
  ['chaos.ts', ['--only', 'nonsense'], /--only is "nonsense"/],
  ['chaos.ts', ['--seconds', '0'], /--seconds is "0"/],
  ['soak.ts', ['--minutes', 'x'], /--minutes is "x"/],
  ['start.ts', ['--seconds', '-1'], /--seconds/],
  ['start.ts', ['factory'], /'factory'/],
  ['local-cloud.ts', ['--partitions', 'x'], /--partitions is "x"/],
] as const) {
  test(`${script} ${words.join(' ')} is refused in one line`, async (t) => {
    const { code, out, error } = await new Command(t, script, words).end();
    assert.equal(code, 2);
    assert.equal(out, '');
    assert.match(error, named);
    assert.equal(error.trim().split('\n').length, 1, error);
  });
}

test('npm test --list prints paths', async (t) => {
  const { code, out } = await new Command(t, 'test.ts', ['--list', 'scripts/command-line']).end();
  assert.equal(code, 0);
  assert.equal(out, 'test/scripts/command-line.test.ts\n');
});
