import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { ExpressionOutcome } from '../../../sidecar/translate/mapping/expression-job.ts';
import { ExpressionPool } from '../../../sidecar/translate/mapping/expression-pool.ts';

const MAX_MS = 1000;
const limits = { maxMs: MAX_MS, maxLength: 1_000_000, maxCharacters: 4_000_000 };

/** What telemetry and ordinary mappings can do to an evaluator that has neither limits nor a linear engine. */
const BLANKS = ' '.repeat(6001);
const POISON: Readonly<Record<string, readonly [source: string, body: unknown]>> = {
  'trimming blanks': ['$match($, /^(.*?)\\s*,\\s*(.*?)\\s*;$/)', BLANKS],
  'trimming blanks by replacing': ['$replace($, /^(.*?)\\s*,\\s*(.*?)\\s*;$/, "$1")', BLANKS],
  'neighbouring stars': ['$match($, /a*a*a*a*b/)', 'a'.repeat(20_000)],
  'nested counts': ['$match($, /(a{1,9}){1,9}b/)', 'a'.repeat(20_000)],
  'neighbouring digits': ['$contains($, /\\d*\\d*\\d*x/)', '7'.repeat(20_000)],
  'nested repetition': ['$contains($, /(a+)+b/)', 'a'.repeat(20_000)],
  splitting: ['$count($split($, /(x+x+)+y/))', 'x'.repeat(20_000)],
  'a text doubled 25 times': ['$reduce([1..25], function($a, $b) { $a & $a }, $)', 'xy'],
  'a text doubled without end': ['$reduce([1..60], function($a, $b) { $a & $a }, $)', 'xy'],
  'capitals of a huge text': ['$uppercase($reduce([1..26], function($a, $b) { $a & $a }, $))', 'xy'],
  'a huge text, character by character': ['$length($reduce([1..24], function($a, $b) { $a & $a }, $))', 'xy'],
  'nested replacing': [
    '$replace($replace($replace($replace($, "a", $), "a", $), "a", $), "a", $)',
    'a'.repeat(100),
  ],
  'a huge replacement': ['$replace($, /a/, $)', 'a'.repeat(20_000)],
  'a loop without end': ['($f := function($x) { $f($x) }; $f(1))', 1],
  'sequences of sequences': ['$map([1..100000], function($x) { [1..100000] })', 1],
};

/** How an outcome is named: it came to an end with a result, or with a reason. */
function kindOf(outcome: ExpressionOutcome): string {
  if ('result' in outcome) return 'result';
  assert.match(
    outcome.failure,
    /longer than|more memory|more than|timeout|Stack overflow|Invalid string|maximum/i,
  );
  return 'failure';
}

describe('a poisonous expression', () => {
  const pool = new ExpressionPool();
  after(() => pool.stop());
  const ask = (source: string, body: unknown): Promise<ExpressionOutcome> =>
    pool.evaluate({ source, body, message: undefined, nowMs: 0, limits });

  for (const [name, [source, body]] of Object.entries(POISON)) {
    test(`${name} comes to an end, and others go on meanwhile`, { timeout: 60_000 }, async () => {
      const outcome = ask(source, body);
      // answered although the other is not, by this thread, which in the product serves everything else
      assert.deepEqual(await ask('a + 1', { a: 1 }), { result: 2 });
      assert.ok(kindOf(await outcome));
      assert.deepEqual(await ask('$sum(v)', { v: [1, 2, 3] }), { result: 6 });
    });
  }

  test('expressions with regular expressions of the kind are answered, not ended', async () => {
    for (const name of ['trimming blanks', 'neighbouring stars', 'nested counts', 'neighbouring digits']) {
      const [source, body] = POISON[name] as readonly [string, unknown];
      assert.equal(kindOf(await ask(source, body)), 'result', name);
    }
  });
});

describe('the pool', () => {
  test('keeps the order of nothing, and answers each with its own', async () => {
    const pool = new ExpressionPool();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        pool.evaluate({ source: 'n * 2', body: { n: i }, message: undefined, nowMs: 0, limits }),
      ),
    );
    assert.deepEqual(
      answers,
      answers.map((_, i) => ({ result: i * 2 })),
    );
    await pool.stop();
  });

  test('gives up what waits when it is stopped, and can be stopped twice', async () => {
    const pool = new ExpressionPool();
    const waiting = Array.from({ length: 5 }, () =>
      pool.evaluate({
        source: '($f := function($x) { $f($x) }; $f(1))',
        body: 1,
        message: undefined,
        nowMs: 0,
        limits,
      }),
    );
    await pool.stop();
    await pool.stop();
    for (const outcome of await Promise.all(waiting))
      assert.deepEqual(outcome, { failure: 'the sidecar stops' });
  });

  test('what cannot be copied is a failure of that expression alone', async () => {
    const pool = new ExpressionPool();
    const ask = (source: string, body: unknown): Promise<ExpressionOutcome> =>
      pool.evaluate({ source, body, message: undefined, nowMs: 0, limits });
    const outcome = await ask('$', { f: () => 1 });
    assert.ok('failure' in outcome);
    assert.match(outcome.failure, /cannot be copied/);
    assert.deepEqual(await ask('function($x) { $x }', 1), { failure: 'it gives a function' });
    assert.deepEqual(await ask('$', { a: 1 }), { result: { a: 1 } });
    await pool.stop();
  });

  test('the thread sees no secret of the environment', async () => {
    const pool = new ExpressionPool();
    process.env['POOL_SECRET'] = 'shh';
    const outcome = await pool.evaluate({
      source: '[$keys($$), $exists($process), $exists($env)]',
      body: {},
      message: undefined,
      nowMs: 0,
      limits,
    });
    assert.doesNotMatch(JSON.stringify(outcome), /shh|true/);
    await pool.stop();
  });
});
