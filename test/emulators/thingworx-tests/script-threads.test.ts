import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PlatformError } from '../thingworx/values.ts';
import { ScriptFixture, scriptService } from './script-fixture.ts';

describe('many scripts', () => {
  test('an execution without end is ended, and the next one runs', async () => {
    const fixture = new ScriptFixture({ timeoutMs: 300 });
    try {
      await assert.rejects(fixture.run('while (true) {}'), {
        message: /Execution of Script terminated after : 0.3 seconds. Timeout configured for 0.3 seconds./,
      });
      assert.deepEqual(await fixture.run('result = {ok: true};'), { ok: true });
      assert.match(fixture.platform.logs.at(-1)?.message ?? '', /Execution error in service script \[S\] ::/);
    } finally {
      await fixture.stop();
    }
  });

  test('a native call is finished before the execution is ended', async () => {
    const fixture = new ScriptFixture({ timeoutMs: 1500 });
    let finished = false;
    fixture.platform.addNative('Things', 'N', scriptService('Slow', ''), async () => {
      await new Promise((resolve) => setTimeout(resolve, 2000));
      finished = true;
      return null;
    });
    try {
      await assert.rejects(fixture.run('Things.N.Slow(); Things.T.name;'), { message: /terminated after/ });
      assert.equal(finished, true);
    } finally {
      await fixture.stop();
    }
  });

  test('the pool grows while all threads wait', async () => {
    const fixture = new ScriptFixture({ workers: 1, maxWorkers: 8 });
    const releases: (() => void)[] = [];
    const all = 5;
    fixture.platform.addNative('Things', 'N', scriptService('Meet', '', 'STRING'), async () => {
      await new Promise<void>((resolve) => {
        releases.push(resolve);
        if (releases.length === all) {
          for (const release of releases) {
            release();
          }
        }
      });
      return 'met';
    });
    try {
      const runs = Array.from({ length: all }, () =>
        fixture.run('result = Things.N.Meet();', { result: 'STRING' }),
      );
      assert.deepEqual(await Promise.all(runs), Array(all).fill('met'));
    } finally {
      await fixture.stop();
    }
  });

  test('a script that takes all memory is ended', async () => {
    const fixture = new ScriptFixture({ memoryMb: 40 });
    try {
      const source = 'var list = []; for (;;) { list.push({a: 1, b: [1, 2, 3]}); }';
      await assert.rejects(fixture.run(source), {
        message: /Execution error in service script \[S\] : .*memory/,
      });
      assert.deepEqual(await fixture.run('result = {ok: true};'), { ok: true });
    } finally {
      await fixture.stop();
    }
  });

  test('stop ends a script that waits for the platform', async () => {
    const fixture = new ScriptFixture();
    const asked = Promise.withResolvers<void>();
    fixture.platform.addNative('Things', 'N', scriptService('Never', ''), () => {
      asked.resolve();
      return new Promise(() => {});
    });
    const running = assert.rejects(fixture.run('Things.N.Never();'), PlatformError);
    await asked.promise;
    await fixture.stop();
    await running;
  });

  test('stop ends what runs and refuses what comes', async () => {
    const fixture = new ScriptFixture();
    const running = assert.rejects(fixture.run('while (true) {}'), PlatformError);
    await fixture.stop();
    await running;
    await assert.rejects(fixture.run('result = 1;'), PlatformError);
    await fixture.stop();
  });
});
