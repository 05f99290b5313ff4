import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { inSpan } from '../../sidecar/observe/spans.ts';

test('work that nobody traces is not even described', async () => {
  const result = await inSpan(
    () => assert.fail('described'),
    async () => 7,
  );
  assert.equal(result, 7);
  await assert.rejects(
    inSpan(
      () => assert.fail('described'),
      () => Promise.reject(new RangeError('as it is')),
    ),
    RangeError,
  );
});

test('the sidecar runs without the SDK and the exporter of OpenTelemetry', async () => {
  const root = path.join(import.meta.dirname, '..', '..');
  // prom-client loads the API of OpenTelemetry for its own ends.
  const program = [
    "import { createRequire } from 'node:module';",
    "await import('./sidecar/commands/run.ts');",
    'const loaded = Object.keys(createRequire(import.meta.url).cache);',
    'console.log(JSON.stringify([loaded.length, loaded.filter((file) => /@opentelemetry.(?!api.)/.test(file))]));',
  ];
  const loadedBy = async (lines: readonly string[]) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', lines.join('\n')],
      { cwd: root },
    );
    return JSON.parse(stdout) as [number, string[]];
  };
  const [count, loaded] = await loadedBy(program);
  assert.ok(count > 10, 'packages are seen');
  assert.deepEqual(loaded, []);
  const [, withTraces] = await loadedBy(program.with(1, "await import('./sidecar/observe/traces.ts');"));
  assert.ok(withTraces.length > 10, 'those of traces would be');
});
