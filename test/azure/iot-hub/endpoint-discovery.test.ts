import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { parseEventHub, parseIotHub } from '../../../sidecar/azure/connection-string.ts';
import { openEventSource } from '../../../sidecar/azure/event-hubs/event-source.ts';
import { discoverEventHub } from '../../../sidecar/azure/iot-hub/endpoint-discovery.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { Recorder, until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';

describe('endpoint discovery', () => {
  let hub: IotHubEmulator;
  before(async () => {
    hub = await startTrustedHub({ partitionCount: 2, hubName: 'found-hub' });
  });
  after(async () => {
    await hub.stop();
  });

  test('the redirect gives namespace, port and entity path; the same policy opens it', async () => {
    const found = await discoverEventHub(parseIotHub(hub.connectionString('service')));
    const endpoint = parseEventHub(found);
    assert.equal(endpoint.port, hub.port);
    assert.equal(endpoint.entityPath, 'found-hub');
    assert.ok(endpoint.access?.kind === 'key' && endpoint.access.keyName === 'service');
    const recorder = new Recorder();
    const source = await openEventSource({
      endpoint: { kind: 'connectionString', connectionString: found },
      consumerGroup: '$Default',
      handlers: recorder,
      startPosition: { from: 'earliest' },
    });
    try {
      const properties = {
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        application: { alert: 'no' },
      };
      await hub.stream.append({
        source: 'Telemetry',
        deviceId: 'dev-1',
        body: Buffer.from('{"a":1}'),
        properties,
      });
      await until('the event', () => recorder.events.length === 1);
      const event = recorder.events[0]?.event;
      assert.equal(event?.body.toString(), '{"a":1}');
      assert.equal(event?.systemProperties['iothub-connection-device-id'], 'dev-1');
      assert.equal(event?.systemProperties.contentEncoding, 'utf-8');
      assert.deepEqual(event?.applicationProperties, { alert: 'no' });
    } finally {
      await source.stop();
    }
  });

  test('a wrong key, an unknown policy and a policy without the right are refused', async () => {
    const wrong = hub
      .connectionString()
      .replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.from('no').toString('base64')}`);
    await assert.rejects(discoverEventHub(parseIotHub(wrong)), { code: 'AZURE_UNAUTHORIZED' });
    const unknown = hub
      .connectionString()
      .replace('SharedAccessKeyName=iothubowner', 'SharedAccessKeyName=nobody');
    await assert.rejects(discoverEventHub(parseIotHub(unknown)), { code: 'AZURE_UNAUTHORIZED' });
    await assert.rejects(discoverEventHub(parseIotHub(hub.connectionString('registryRead'))), {
      code: 'AZURE_UNAUTHORIZED',
    });
  });

  test('a ready-made signature cannot find it, and says what to give instead', async () => {
    const signed = parseIotHub(
      'HostName=localhost;SharedAccessSignature=SharedAccessSignature sr=x&sig=y&se=9999999999&skn=service',
    );
    await assert.rejects(discoverEventHub(signed), {
      code: 'CONNECTION_STRING_INVALID',
      message: /SharedAccessKeyName/,
    });
  });

  test('nobody there, nobody speaking, closed at once, cancelled', async (t) => {
    const at = (port: number) => parseIotHub(hub.connectionString().replace(`:${hub.port}`, `:${port}`));
    await assert.rejects(discoverEventHub(at(1)), { code: 'AZURE_UNREACHABLE' });
    const mute = net.createServer(() => {});
    t.after(() => mute.close());
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    const started = performance.now();
    await assert.rejects(discoverEventHub(at(port), { timeoutMs: 200 }), { code: 'AZURE_TIMEOUT' });
    assert.ok(performance.now() - started < 20_000);
    const gone = discoverEventHub(at(port), { signal: AbortSignal.timeout(100) });
    await assert.rejects(gone, { code: 'AZURE_TIMEOUT' });
    await assert.rejects(discoverEventHub(at(port), { signal: AbortSignal.abort() }), {
      code: 'AZURE_CANCELLED',
    });
    mute.on('connection', (socket) => socket.destroy());
    await assert.rejects(discoverEventHub(at(port)), { code: 'AZURE_UNREACHABLE' });
  });
});
