import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { HubCondition } from '../../sidecar/hub/condition.ts';
import { StallWatch, type Standstill } from '../../sidecar/hub/stall-watch.ts';
import { createLog } from '../../sidecar/observe/log.ts';

const silent = createLog('silent');

describe('the watch for stalls', () => {
  let watch: StallWatch;
  let found: Standstill | undefined;
  let changes = 0;
  const at = (ms: number) => new Date(ms).toISOString();

  beforeEach(() => {
    mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_000_000 });
    found = undefined;
    changes = 0;
    watch = new StallWatch({
      look: () => found,
      onChange: () => {
        changes += 1;
      },
      log: silent,
    });
    watch.start();
  });
  afterEach(() => {
    watch.stop();
    mock.timers.reset();
  });

  test('says nothing of a short standstill', () => {
    found = { sinceMs: Date.now(), code: 'AZURE_UNREACHABLE', reason: 'No route.' };
    mock.timers.tick(29_000);
    found = undefined;
    mock.timers.tick(60_000);
    assert.deepEqual([watch.stall, changes], [undefined, 0]);
  });

  test('tells the beginning and the end of a long one, each once, and keeps it', () => {
    found = { sinceMs: Date.now(), code: 'AZURE_UNREACHABLE', reason: 'No route.' };
    mock.timers.tick(45_000);
    const begun = { since: at(1_000_000), code: 'AZURE_UNREACHABLE', reason: 'No route.' };
    assert.deepEqual([watch.stall, changes], [begun, 1]);
    found = undefined;
    mock.timers.tick(1_000);
    mock.timers.tick(60_000);
    assert.deepEqual([watch.stall, changes], [{ ...begun, until: at(1_046_000) }, 2]);
  });

  test('goes on from one cause to another as one stall', () => {
    found = { sinceMs: Date.now(), code: 'AZURE_UNREACHABLE', reason: 'No route.' };
    mock.timers.tick(40_000);
    found = { sinceMs: Date.now(), code: 'THINGWORX_UNAVAILABLE', reason: 'Busy.' };
    mock.timers.tick(10_000);
    assert.deepEqual([watch.stall?.code, watch.stall?.until, changes], ['AZURE_UNREACHABLE', undefined, 1]);
  });

  test('counts the trouble of a hub from its first error on', () => {
    const condition = new HubCondition({ log: silent, onChange: () => undefined, shared: () => [] });
    condition.opened();
    const trouble = () => condition.trouble;
    assert.equal(trouble(), undefined);
    const error = (message: string) => new ConnectorError('THINGWORX_UNREACHABLE', message);
    condition.setBlocked('send 0', error('first'));
    mock.timers.tick(20_000);
    condition.setBlocked('send 1', error('second'));
    condition.setBlocked('send 0', undefined);
    assert.deepEqual(
      [trouble()?.error.message, trouble()?.sinceMs, condition.state],
      ['second', 1_000_000, 'waiting'],
    );
    condition.setBlocked('send 1', undefined);
    assert.deepEqual([trouble(), condition.state], [undefined, 'running']);
  });
});
