import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { powerFigure, powerOf } from '../../scripts/bench/growth.ts';
import { performanceDoc } from '../../scripts/bench/performance-doc.ts';
import { type BenchRun, comparison } from '../../scripts/bench/run.ts';

const RUN: BenchRun = {
  date: '2026-01-01',
  version: '0.1.0',
  node: 'v24.0.0',
  processor: 'A processor',
  cores: 2,
  load: 0.1,
  messages: 1000,
  rounds: 3,
  figures: [
    { name: 'sidecar: CPU per message', values: [30, 20, 25], unit: 'µs' },
    { name: 'CPU per message, sidecar / bare loop', values: [1], unit: 'x', budget: '<= 1' },
  ],
};

describe('a stored run of the benchmark', () => {
  test('is compared by medians; a time on another machine is marked', () => {
    const now: BenchRun = {
      ...RUN,
      processor: 'Another processor',
      figures: [
        { name: 'sidecar: CPU per message', values: [50], unit: 'µs' },
        { name: 'CPU per message, sidecar / bare loop', values: [0.5], unit: 'x' },
        { name: 'something new', values: [7], unit: 'MB' },
      ],
    };
    const [micros, ratio, added] = comparison(now, RUN).map((line) => line.replaceAll(/ +/g, ' '));
    assert.equal(micros, 'sidecar: CPU per message 25.00 50.00 µs 2.00 x (another machine)');
    assert.equal(ratio, 'CPU per message, sidecar / bare loop 1.00 0.50 x 0.50 x');
    assert.equal(added, 'something new 7.00 MB new');
    assert.doesNotMatch(comparison(RUN, RUN).join('\n'), /another machine/);
  });

  test('becomes a page: the figures, and what one core carries', () => {
    const page = performanceDoc(RUN);
    assert.match(page, /\| sidecar: CPU per message \| 25\.00 µs \| 20\.00 to 30\.00 \| {2}\|/);
    assert.match(page, /processes 20,000 messages per second/);
    // 300,000,000 a day are 3,472 a second, of 25 µs each.
    assert.match(page, /\| S3 \| 300,000,000 \| 3,472 \| 8\.7 % \|/);
    assert.match(page, /\| 1,000,000 \| 16,667 \| 5 x S3 \| 1 \| 166,667 \| more than PTC documents/);
    assert.match(page, /\| 1,000 \| 17 \| 4 x S1 \| 1 \| 167 \| one platform with PostgreSQL \|/);
  });

  test('has the figures about growth in a section of their own', () => {
    const costs = [
      { size: 1_000, cost: 2 },
      { size: 10_000, cost: 4 },
    ];
    const page = performanceDoc({
      ...RUN,
      figures: [...RUN.figures, powerFigure('Things', 'memory', costs)],
    });
    const [before = '', after = ''] = page.split('## How costs grow');
    assert.doesNotMatch(before, /from 1,000 to 10,000 Things/);
    assert.match(after, /\| growth from 1,000 to 10,000 Things: memory \| 0\.30 power \| {2}\| <= 1\.1 \|/);
    assert.doesNotMatch(performanceDoc(RUN), /How costs grow/);
  });

  test('without the figure that the page needs is refused', () => {
    assert.throws(() => performanceDoc({ ...RUN, figures: [] }), /no figure "sidecar: CPU per message"/);
  });
});

describe('how a cost grows', () => {
  const costs = (cost: (size: number) => number, sizes = [10, 100, 1_000]) =>
    sizes.map((size) => ({ size, cost: cost(size) }));
  const rounded = (power: number) => Math.round(power * 100) / 100;

  test('is a power of the size', () => {
    assert.equal(rounded(powerOf(costs(() => 7))), 0);
    assert.equal(rounded(powerOf(costs((size) => 3 * size))), 1);
    assert.equal(rounded(powerOf(costs((size) => size ** 2))), 2);
  });

  test('is that of the step where it grows fastest: a large basic cost does not hide it', () => {
    assert.ok(powerOf(costs((size) => 5_000 + size ** 2)) > 1.8);
    assert.ok(powerOf(costs((size) => 5_000 + size ** 2, [10, 1_000])) < 1.2);
  });
});
