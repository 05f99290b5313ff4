import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { HUB_THING } from '../../scripts/local/system.ts';
import { accounts, eventually, readingsOf } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly code?: string;
  readonly err?: { readonly code?: string };
}

/** What goes wrong on the way, and what an operator sees of it: in the log, in GetStatus, and nothing lost that was good. */
describe('faults on the delivery pipeline', () => {
  const lines: LogLine[] = [];
  const system = new WatchedSystem({
    devices: 2,
    onSidecarLine: (line) => lines.push(JSON.parse(line) as LogLine),
  });

  before(() => system.start());
  after(() => system.stop());
  beforeEach(() => {
    lines.length = 0;
  });

  async function thingworxFault(rule: Record<string, unknown>): Promise<void> {
    const answer = await fetch(`${system.cloud.thingworxControlUrl}/faults`, {
      method: 'POST',
      body: JSON.stringify(rule),
    });
    assert.ok(answer.ok, await answer.text());
  }

  async function clearFaults(): Promise<void> {
    await fetch(`${system.cloud.thingworxControlUrl}/faults`, { method: 'DELETE' });
  }

  const device = (index: number) => system.devices[index] ?? assert.fail('There is no such device.');

  /** Sends a reading after whatever was sent before, and waits until it is on the Thing. */
  async function goodStillArrives(): Promise<void> {
    await device(0).sendReading();
    await eventually(async () => {
      const values = await system.platform.properties(device(0).deviceId);
      assert.equal(values['count'], device(0).sent.at(-1)?.count);
    });
  }

  const told = (code: string) => lines.filter((line) => line.code === code || line.err?.code === code);

  test('a body that is not JSON goes to the dead letters, named in log and status', async () => {
    const { deadLettered } = await accounts(system);
    await device(0).send('temperature=21.5');
    await goodStillArrives();
    await eventually(async () => assert.equal((await accounts(system)).deadLettered, deadLettered + 1));
    const status = await system.status();
    assert.equal((status['deadLetteredByReason'] as Record<string, number>)['BODY_NOT_JSON'], 1);
    assert.equal(told('BODY_NOT_JSON').length, 1);
  });

  test('a device without a Thing goes to the dead letters, told once and not per message', async () => {
    const { deadLettered } = await accounts(system);
    const stranger = await system.addDevice('stranger');
    for (let count = 0; count < 5; count += 1) await stranger.sendReading();
    await goodStillArrives();
    await eventually(async () => assert.equal((await accounts(system)).deadLettered, deadLettered + 5));
    assert.equal(told('THING_UNKNOWN').length, 1);
    assert.match(told('THING_UNKNOWN')[0]?.msg ?? '', /stranger/);
  });

  test('an unknown property is left out, counted and told once; the values beside it arrive', async () => {
    const { deadLettered } = await accounts(system);
    await device(1).send('{"temperature":99.5,"firmware":"1.2"}');
    await device(1).send('{"temperature":98.5,"firmware":"1.2"}');
    await eventually(async () =>
      assert.equal((await system.platform.properties(device(1).deviceId))['temperature'], 98.5),
    );
    assert.equal((await accounts(system)).deadLettered, deadLettered);
    const status = await system.status();
    assert.equal((status['ignoredByReason'] as Record<string, number>)['PROPERTY_UNKNOWN'], 2);
    assert.equal(told('PROPERTY_UNKNOWN').length, 1);
  });

  test('a value of the wrong type is refused with a reason; the message is kept whole', async () => {
    const { deadLettered } = await accounts(system);
    await device(1).send('{"temperature":"warm","humidity":41}');
    await eventually(async () => assert.equal((await accounts(system)).deadLettered, deadLettered + 1));
    assert.equal((await system.platform.properties(device(1).deviceId))['humidity'], 41);
    assert.equal(told('VALUE_WRONG_TYPE').length, 1);
  });

  for (const [what, rule] of [
    ['is gone', { action: 'drop', path: '/Services/(ReceiveUpdates|DescribeThings)' }],
    ['answers 503', { action: 'status', status: 503, path: '/Services/(ReceiveUpdates|DescribeThings)' }],
    [
      'refuses the application key',
      { action: 'status', status: 401, path: '/Services/(ReceiveUpdates|DescribeThings)' },
    ],
    ['breaks off its answers', { action: 'half', path: '/Services/ReceiveUpdates' }],
    ['works but never answers', { action: 'dropAnswer', path: '/Services/ReceiveUpdates' }],
    [
      'fails every script',
      {
        action: 'status',
        status: 500,
        body: 'Unable to Invoke Service ReceiveUpdates',
        path: '/Services/ReceiveUpdates',
      },
    ],
  ] as const) {
    test(`ThingWorx ${what}: the hub waits, says so once, and delivers everything afterwards`, async () => {
      const { deadLettered } = await accounts(system);
      await thingworxFault(rule);
      for (let count = 0; count < 20; count += 1) await device(0).sendReading();
      await eventually(async () => assert.equal((await system.status())['state'], 'waiting'));
      await clearFaults();
      await eventually(async () => assert.equal((await system.status())['state'], 'running'));
      await eventually(async () => {
        const counts = new Set(
          (await readingsOf(system, device(0).deviceId)).map(({ values }) => values.count),
        );
        assert.deepEqual(
          device(0)
            .sent.map(({ count }) => count)
            .filter((count) => !counts.has(count)),
          [],
        );
      });
      assert.equal(
        (await accounts(system)).deadLettered,
        deadLettered,
        'An outage puts nothing into the dead letters.',
      );
      assert.equal(
        lines.filter((line) => line.level === 'warn' && line.msg.startsWith('Hub waiting')).length,
        1,
      );
    });
  }

  test('at the end the accounts add up, and the hub Thing shows them', async () => {
    await eventually(async () => {
      const { received, delivered, ignored, deadLettered, released, inFlight } = await accounts(system);
      assert.equal(inFlight, 0);
      assert.equal(received, delivered + ignored + deadLettered + released);
      const hub = await system.platform.properties(HUB_THING);
      assert.equal(hub['messagesDeadLettered'], deadLettered);
    });
  });
});
