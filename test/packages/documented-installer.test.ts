import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { Channel } from '../../sidecar/packages/channel.ts';
import { until } from '../azure/helpers.ts';
import { startTrustedHub } from '../azure/iot-hub/hub-emulator.ts';
import { connectDevice, openClients } from '../azure/iot-hub/hub-support.ts';

const PAGE = path.join(import.meta.dirname, '..', '..', 'docs', 'software-packages.md');

test('the installer in docs/software-packages.md does what the page says', async (t) => {
  const hub = await startTrustedHub();
  const clients = await openClients(hub);
  await clients.registry.createDevice({ deviceId: 'dev' });
  const client = await connectDevice(hub, clients, 'dev');
  // The device client goes first: it waits four minutes for a hub that is gone.
  t.after(async () => {
    await client.close();
    await clients.close();
    await hub.stop();
  });
  const code = [...(await readFile(PAGE, 'utf8')).matchAll(/```js\n([\s\S]*?)```/g)].at(-1)?.[1] ?? '';
  const installed: string[] = [];
  const install = async ({ version }: { version: string }) => {
    installed.push(version);
    if (version === 'broken') throw new Error('It does not fit.');
  };
  new Function('client', 'twin', 'install', 'last', code)(client, await client.getTwin(), install, undefined);
  const channel = new Channel({ clients: async () => clients, storages: undefined as never });
  const order = async (deploymentId: string, more: Record<string, unknown>) =>
    (
      await clients.invokeMethod({
        deviceId: 'dev',
        methodName: 'installPackage',
        payload: { deploymentId, name: 'vision', ...more },
      })
    ).status;
  const reported = async (id: string) =>
    await channel.readReport({ deviceId: 'dev', name: 'vision', id } as never, new AbortController().signal);

  assert.equal(await order('1', { version: '2' }), 202);
  await until('the report', async () => (await reported('1'))?.state === 'installed');
  assert.equal(await order('1', { version: '2' }), 202);
  assert.equal(await order('1', { cancel: true }), 409);
  assert.equal(await order('2', { version: 'broken' }), 202);
  await until('the failure', async () => (await reported('2'))?.state === 'failed');
  assert.equal((await reported('2'))?.message, 'It does not fit.');
  assert.deepEqual(installed, ['2', 'broken']);
});
