import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import { forEachConcurrently } from '../../../sidecar/lib/concurrency.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { range } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { openClients } from './hub-support.ts';

const OPERATIONS = 10_000;
const PARALLEL = 32;
/** 1,000 changes of twins per second. The clients use five seconds of that at once, the hub allows for some more. */
const S3 = { tier: 'S3', units: 4 } as const;
/** 50 changes per second, which any machine is quicker than. */
const S2 = { tier: 'S2', units: 1 } as const;

describe(`${OPERATIONS} operations on a hub that keeps the rates of its tier`, () => {
  let hub: IotHubEmulator;
  before(async () => {
    hub = await startTrustedHub();
    const clients = await openClients(hub);
    for (const index of range(20)) await clients.registry.createDevice({ deviceId: `dev-${index}` });
    await clients.close();
  });
  after(() => hub.stop());

  const refused = (): Record<string, number> =>
    (hub.state.quotas.describe() as { refused: Record<string, number> }).refused;

  /** Changes the tags of the devices in turn. */
  async function change(clients: HubClients, operations: number): Promise<void> {
    await forEachConcurrently(range(operations), PARALLEL, async (index) => {
      await clients.twins.patch(
        { deviceId: `dev-${index % 20}` },
        { tags: { index } },
        { timeoutMs: 120_000 },
      );
    });
  }

  /** Every change makes a twin one version newer. */
  const versions = () =>
    range(20).reduce((sum, index) => sum + hub.state.twins.require(`dev-${index}`).version, 0);

  test('clients that know the tier meet no refusal', async () => {
    hub.state.quotas.throttle({ ...S3, burstSeconds: 6 });
    const clients = await openClients(hub, 'iothubowner', S3);
    const before = versions();
    await change(clients, OPERATIONS);
    await clients.close();
    assert.deepEqual(refused(), {});
    assert.equal(versions() - before, OPERATIONS, 'each was made once');
  });

  test('clients that do not know it rest when the hub refuses, and nothing is lost or done twice', async () => {
    hub.state.quotas.throttle({ ...S2, burstSeconds: 1 });
    const clients = await openClients(hub);
    const before = versions();
    const started = performance.now();
    await change(clients, OPERATIONS / 40);
    await clients.close();
    const seconds = (performance.now() - started) / 1000;
    assert.equal(versions() - before, OPERATIONS / 40, 'those that were refused were made later, once');
    const { twinWrite = 0 } = refused();
    assert.ok(twinWrite > 0);
    // After a refusal all rest: it meets no more than were under way then.
    assert.ok(twinWrite <= PARALLEL * Math.ceil(seconds), `${twinWrite} refusals in ${seconds} s`);
  });
});
