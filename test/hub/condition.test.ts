import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import type { ErrorCode } from '../../sidecar/errors/catalogue.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { HubCondition } from '../../sidecar/hub/condition.ts';
import { createLog } from '../../sidecar/observe/log.ts';

describe('the condition of a hub', () => {
  let condition: HubCondition;
  let shared: ConnectorError[];
  let lines: string[];
  const error = (code: ErrorCode, message: string = code) => new ConnectorError(code, message);
  const codes = () => condition.recentErrors.map(({ code, clearedAt }) => [code, clearedAt !== undefined]);

  afterEach(() => mock.timers.reset());
  beforeEach(() => {
    mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 });
    shared = [];
    lines = [];
    const log = createLog('info', { write: (line) => void lines.push(line) });
    condition = new HubCondition({ log, onChange: () => undefined, shared: () => shared });
    condition.opened();
  });

  test('shows what keeps the hub from running until that is over', () => {
    condition.setBlocked('send 0', error('THINGWORX_UNREACHABLE'));
    assert.equal(condition.lastError?.code, 'THINGWORX_UNREACHABLE');
    assert.deepEqual(codes(), [['THINGWORX_UNREACHABLE', false]]);
    condition.setBlocked('send 0', undefined);
    assert.equal(condition.lastError, undefined);
    assert.deepEqual(codes(), [['THINGWORX_UNREACHABLE', true]]);
    const [row] = condition.recentErrors;
    assert.match(row?.remedy ?? '', /THINGWORX_URL/);
  });

  test('shows problems that need somebody, its own and those of the sidecar, while it runs', () => {
    condition.setStanding('settings', error('MAPPINGS_INVALID'));
    shared = [error('STATE_UNWRITABLE')];
    assert.deepEqual([condition.state, condition.lastError?.code], ['running', 'MAPPINGS_INVALID']);
    condition.setStanding('settings', undefined);
    assert.equal(condition.lastError?.code, 'STATE_UNWRITABLE');
    shared = [];
    assert.equal(condition.lastError, undefined);
    assert.deepEqual(codes(), [
      ['MAPPINGS_INVALID', true],
      ['STATE_UNWRITABLE', true],
    ]);
  });

  test('forgets what passes by itself when it is not repeated for a minute', () => {
    assert.equal(condition.note(error('MESSAGES_SKIPPED')), true);
    mock.timers.tick(50_000);
    assert.equal(condition.note(error('MESSAGES_SKIPPED')), false);
    mock.timers.tick(59_000);
    assert.equal(condition.lastError?.code, 'MESSAGES_SKIPPED');
    mock.timers.tick(1_000);
    assert.equal(condition.lastError, undefined);
    assert.equal(condition.note(error('MESSAGES_SKIPPED')), true);
  });

  test('keeps the last twenty errors', () => {
    for (let number = 0; number < 25; number += 1) {
      condition.setBlocked('send 0', error('THINGWORX_UNAVAILABLE', `Failure ${number}.`));
      mock.timers.tick(1_000);
      condition.setBlocked('send 0', undefined);
      mock.timers.tick(10_000);
    }
    const { recentErrors } = condition;
    assert.deepEqual(
      [recentErrors.length, recentErrors[0]?.message, recentErrors.at(-1)?.message],
      [20, 'Failure 5.', 'Failure 24.'],
    );
  });

  test('writes one line per change, whatever repeats', () => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      condition.setBlocked('receiving', error('CONSUMER_GROUP_NOT_FOUND', `Attempt ${attempt}.`));
      condition.setStanding('settings', error('MAPPINGS_INVALID'));
    }
    condition.setStanding('settings', undefined);
    condition.setBlocked('receiving', undefined);
    assert.equal(lines.length, 5, lines.join(''));
  });

  test('continues at once after a failure that comes alone', () => {
    condition.setBlocked('send 0', error('THINGWORX_UNREACHABLE'));
    condition.setBlocked('send 0', undefined);
    assert.deepEqual([condition.state, condition.trouble], ['running', undefined]);
  });

  test('waits, once, while failures come and go, until none has come for ten seconds', () => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      condition.setBlocked(`send ${attempt % 3}`, error('THINGWORX_UNREACHABLE'));
      mock.timers.tick(300);
      condition.setBlocked(`send ${attempt % 3}`, undefined);
      mock.timers.tick(2_000);
    }
    assert.deepEqual([condition.state, condition.lastError?.code], ['waiting', 'THINGWORX_UNREACHABLE']);
    assert.equal(condition.trouble, undefined, 'messages move');
    assert.equal(lines.filter((line) => line.includes('Hub waiting')).length, 2, lines.join(''));
    mock.timers.tick(7_999);
    assert.equal(condition.state, 'waiting');
    mock.timers.tick(1);
    assert.deepEqual([condition.state, condition.lastError], ['running', undefined]);
    assert.match(lines.at(-1) ?? '', /Hub running/);
  });

  test('is not misled by a clock that jumps back', () => {
    condition.setBlocked('send 0', error('THINGWORX_UNREACHABLE'));
    condition.setBlocked('send 0', undefined);
    mock.timers.tick(20_000);
    mock.timers.setTime(1);
    condition.setBlocked('send 0', error('THINGWORX_UNREACHABLE'));
    condition.setBlocked('send 0', undefined);
    assert.equal(condition.state, 'running');
  });

  test('counts the time of a failure that has returned from its return on', () => {
    for (const at of [0, 2_000, 4_000]) {
      condition.setBlocked('send 0', error('THINGWORX_UNREACHABLE'));
      if (at < 4_000) condition.setBlocked('send 0', undefined);
      mock.timers.tick(2_000);
    }
    assert.equal(condition.trouble?.sinceMs, 1_004_000);
    condition.become('stopped');
    mock.timers.tick(60_000);
    assert.equal(condition.state, 'stopped');
  });
});
