import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, Factory, HUB_THING } from '../operations/factory.ts';
import { readingsOf } from './observe.ts';

const lines: string[] = [];
const factory = new Factory({
  devices: 2,
  consumerGroups: ['second', 'third'],
  onSidecarLine: (line) => lines.push(line),
});
const { system } = factory;

before(() => factory.start());
after(() => factory.stop());

const change = async (settings: Record<string, unknown>) => {
  await system.platform.setProperties(HUB_THING, settings);
  await factory.hub('Connect');
};

/** Changes settings while messages wait. They must arrive, and each once. */
async function moveAcross(settings: Record<string, unknown>): Promise<void> {
  await change({ enabled: false });
  await system.waitForState('stopped');
  for (const device of system.devices) for (let n = 0; n < 5; n += 1) await device.sendReading();
  await change({ ...settings, enabled: true });
  await system.waitForState('running');
  for (const device of system.devices)
    await eventually(async () => {
      const values = await readingsOf(system, device.deviceId);
      assert.deepEqual(
        values.map(({ values: { count } }) => count),
        device.sent.map(({ count }) => count),
      );
    });
}

const skipped = async () => {
  const metrics = await (await fetch(`${system.sidecar.url}/metrics`)).text();
  return Number(/^azure_iot_messages_skipped_total\{.*\} (\d+)$/m.exec(metrics)?.[1]);
};

test('messages that wait arrive when the checkpoints move: to a container, to another, and to files', async () => {
  const { storageConnectionString } = system.cloud;
  await moveAcross({ storageConnectionString });
  await moveAcross({ checkpointContainer: 'elsewhere' });
  await moveAcross({ storageConnectionString: '' });
  await moveAcross({ consumerGroup: 'second' });
  assert.equal(await skipped(), 0);
});

test('messages before the start position are counted, logged and told on the hub Thing, and ReplayEvents gets them', async () => {
  await factory.listen(HUB_THING, 'MessagesSkipped');
  const sent = system.devices.reduce((sum, device) => sum + device.sent.length, 0);
  const startPosition = new Date().toISOString();
  await change({ enabled: false });
  await system.waitForState('stopped');
  await change({ consumerGroup: 'third', startPosition, enabled: true });
  await eventually(async () => assert.ok((await skipped()) >= sent));
  const count = await skipped();
  const told = await eventually(async () => {
    const events = await factory.heard(HUB_THING, 'MessagesSkipped');
    assert.equal(
      events.reduce((sum, { messages }) => sum + Number(messages), 0),
      count,
    );
    return events;
  });
  assert.match(String(told[0]?.['message']), /has no checkpoint.*not read.*ReplayEvents/);
  assert.equal(lines.filter((line) => line.includes('"MESSAGES_SKIPPED"')).length, told.length);
  const { lastError } = (await system.status()) as { lastError?: { code: string } };
  assert.equal(lastError?.code, 'MESSAGES_SKIPPED');

  const from = new Date(Date.now() - 3_600_000).toISOString();
  const to = new Date(Math.max(...told.map(({ until }) => Date.parse(String(until))))).toISOString();
  const task = await factory.hub<string>('ReplayEvents', { from, to });
  const { counts } = await eventually(async () => {
    const record = await factory.hub<{ state: string; counts: Record<string, number> }>('GetTask', { task });
    assert.equal(record.state, 'completed');
    return record;
  });
  assert.equal(
    Object.values(counts).reduce((sum, value) => sum + value, 0),
    count,
  );
});
