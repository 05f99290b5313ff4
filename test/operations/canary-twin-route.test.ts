import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

describe('the canary of a hub that routes no twin changes', () => {
  const suspensions: string[] = [];
  const factory = new Factory({
    onSidecarLine: (line) => {
      if (line.includes('The canary is suspended.')) suspensions.push(line);
    },
    hubSettings: { canaryEnabled: true, canaryIntervalSeconds: 5, canaryTimeoutSeconds: 5 },
  });
  before(() => factory.start());
  after(() => factory.stop());

  const saysWhatIsMissing = () =>
    eventually(async () => {
      const hub = await factory.read(HUB_THING);
      assert.equal(hub.canaryState, 'failed', String(hub.canaryReason));
      assert.match(
        String(hub.canaryReason),
        /^twin: CANARY_TIMEOUT: .*does the IoT Hub route twin change events/,
      );
      const states = (hub.canaryPaths as { rows: Row[] }).rows.map(({ state }) => state);
      assert.deepEqual(states, ['ok', 'ok', 'failed']);
    });

  test('says which part of the way is missing, and that the others work', saysWhatIsMissing);

  test('does not take a slow answer of ThingWorx at the end of a round for an outage', async () => {
    const failures = async () => {
      const { rows } = (await factory.read(HUB_THING)).canaryPaths as { rows: Row[] };
      return Number(rows.find(({ path }) => path === 'twin')?.failures);
    };
    await factory.thingworxFault({
      action: 'delay',
      path: `Things/thingworx-canary-${HUB_THING}/Properties`,
      delayMs: 800,
    });
    try {
      const before = await failures();
      await eventually(async () => assert.ok((await failures()) >= before + 3));
      await saysWhatIsMissing();
    } finally {
      await factory.clearThingworxFaults();
    }
    assert.deepEqual(suspensions, []);
  });
});
