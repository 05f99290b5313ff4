import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Forecast } from '../../sidecar/tasks/forecast.ts';

const SECOND = 1_000;

describe('the forecast of a task', () => {
  const endsIn = (forecast: ReturnType<Forecast['of']>) =>
    Math.round(((forecast?.endsAtMs ?? Number.NaN) - Date.now()) / SECOND / 10) * 10;

  test('is the planned pace until there is a measurement', () => {
    const forecast = new Forecast();
    assert.equal(forecast.of(0, 1_000, 0), undefined);
    forecast.plan(10);
    assert.equal(forecast.of(0, undefined, 0), undefined, 'nobody knows how many there are');
    assert.equal(forecast.of(0, 1_000, 0)?.perSecond, 10);
    assert.equal(endsIn(forecast.of(0, 1_000, 0)), 100);
    forecast.sample(0, 0);
    assert.equal(forecast.of(100, 1_000, 2 * SECOND)?.perSecond, 10, 'two seconds say nothing');
    assert.equal(forecast.of(50, 1_000, 10 * SECOND)?.perSecond, 5);
  });

  test('counts from the first items on, and follows a pace that changes', () => {
    const forecast = new Forecast();
    // An export job has run for an hour before.
    let now = 3_600 * SECOND;
    let done = 0;
    for (let step = 0; step < 100; step += 1, now += 5 * SECOND, done += 500) forecast.sample(done, now);
    assert.equal(forecast.of(done, 1_000_000, now)?.perSecond, 100);
    for (let step = 0; step < 100; step += 1, now += 5 * SECOND, done += 50) forecast.sample(done, now);
    const slow = forecast.of(done, done + 1_000, now);
    assert.equal(slow?.perSecond, 10);
    assert.equal(endsIn(slow), 100);
  });

  test('is unknown when nothing moves', () => {
    const forecast = new Forecast();
    for (let step = 0; step < 100; step += 1) forecast.sample(40, step * 5 * SECOND);
    assert.equal(forecast.of(40, 100, 500 * SECOND), undefined);
  });
});
