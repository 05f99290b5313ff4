import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HUB_THING, type LocalSystem } from '../../scripts/local/system.ts';
import { ConnectProxy } from '../lib/connect-proxy.ts';
import { eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

describe('a sidecar behind a proxy, and a firewall that lets only port 443 through', () => {
  const proxy = new ConnectProxy('user:pass-word');
  let system: LocalSystem;
  before(async () => {
    await proxy.start();
    system = new WatchedSystem({
      devices: 1,
      localCheckpoints: true,
      hubSettings: { amqpTransport: 'amqp-websockets' },
      sidecarEnvironment: { HTTPS_PROXY: proxy.url },
    });
    await system.start();
  });
  after(async () => {
    await system?.stop();
    await proxy.stop();
  });

  const arrives = async (count: number) => {
    const [machine] = system.devices;
    assert.ok(machine);
    await machine.send(JSON.stringify({ count }));
    await eventually(async () => {
      assert.equal((await system.platform.properties(machine.deviceId))['count'], count);
    });
  };

  test('telemetry arrives in WebSockets through the proxy, and past it over AMQP when the setting changes', async () => {
    await arrives(1);
    assert.ok(proxy.targets.length > 0);
    await system.platform.setProperties(HUB_THING, { amqpTransport: 'amqp' });
    await system.platform.invoke(HUB_THING, 'Connect');
    await system.waitForState('running');
    await arrives(2);
  });
});
