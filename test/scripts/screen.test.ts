import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { render, renderPlant, Screen } from '../../scripts/local/screen.ts';

function terminal(isTTY: boolean, columns: number) {
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  return { written, out: { isTTY, columns, write: write as NodeJS.WriteStream['write'] } };
}

describe('what npm start shows', () => {
  test('is drawn over what it showed before, also where lines are wider than the terminal', () => {
    const { written, out } = terminal(true, 10);
    const screen = new Screen(out);
    screen.show(['short', '', 'x'.repeat(25)]);
    screen.show(['second']);
    assert.deepEqual(written, [
      `\x1b[J${['short', '', 'x'.repeat(25)].join('\n')}\n`,
      '\x1b[5A\x1b[Jsecond\n',
    ]);
  });

  test('is printed now and then where there is no terminal, and at the end', () => {
    const { written, out } = terminal(false, 80);
    const screen = new Screen(out);
    for (const line of ['first', 'too soon']) screen.show([line]);
    screen.show(['last'], { last: true });
    assert.deepEqual(written, ['first\n\n', 'last\n\n']);
  });

  test('names the state with its reason, and counts Things that have no room', () => {
    const things = new Map(
      Array.from({ length: 14 }, (_, index) => [`machine-${index}`, { temperature: index }]),
    );
    const status = {
      state: 'waiting',
      reason: 'ThingWorx does not answer',
      counters: { received: 3 },
      lag: 7,
    };
    const lines = render({ sent: 5, status, things, addresses: [['ThingWorx', 'http://x/']] });
    assert.ok(lines.includes('state waiting (ThingWorx does not answer)'));
    assert.ok(lines.includes('… and 2 more Things'));
    assert.ok(lines.some((line) => /^sent 5 {3}received 3 /.test(line)));
    assert.ok(lines.some((line) => /^dead letters 0 .* lag 7$/.test(line)));
    assert.match(lines.at(-1) ?? '', /^ThingWorx +http:\/\/x\/$/);
  });

  test('keeps a table of many machines within the width of a small terminal', () => {
    const things = new Map(
      ['machine-01', 'machine-10000'].map((name) => [
        name,
        { temperature: 20.25, humidity: 50.1, count: 99_999, running: false, label: `${name} #99999` },
      ]),
    );
    const status = {
      state: 'running',
      lag: 100_000,
      counters: { received: 1_000_000, delivered: 1_000_000, deadLettered: 1_000, inFlight: 10_000 },
    };
    const lines = render({ sent: 1_000_000, status, things, addresses: [] });
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
  });

  test('names the properties of machines that differ, within the width of a small terminal', () => {
    const things = new Map<string, Record<string, unknown>>([
      ['pump-01', { flow: 30.6, running: true }],
      ['oven-02', { state: 'x'.repeat(200) }],
    ]);
    const lines = renderPlant({ sent: 1, status: { state: 'running' }, things, addresses: [] });
    assert.ok(lines.some((line) => /^pump-01 +flow 30.6 +running true$/.test(line)));
    assert.ok(lines.every((line) => line.length <= 80));
  });
});
