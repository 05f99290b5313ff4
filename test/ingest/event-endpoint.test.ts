import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HubSettings, withDefaults } from '../../sidecar/contract/hub-settings.ts';
import { eventEndpoint } from '../../sidecar/ingest/event-endpoint.ts';

const { signal } = new AbortController();

function settings(given: Partial<HubSettings>): HubSettings {
  return { ...withDefaults({}), ...given };
}

describe('the endpoint for events', () => {
  const access = 'SharedAccessKeyName=a;SharedAccessKey=YQ==';
  const address = 'Endpoint=sb://ns.servicebus.windows.net:5671/;EntityPath=hub';

  test('is the connection string that is set, with the transport that is set', async () => {
    const endpoint = await eventEndpoint(
      settings({ eventHubConnectionString: `${address};${access}`, amqpTransport: 'amqp-websockets' }),
      signal,
    );
    assert.ok(endpoint.kind === 'connectionString');
    assert.equal(endpoint.transport, 'amqp-websockets');
    assert.match(endpoint.connectionString, /SharedAccessKey=YQ==/);
  });

  test('is signed in to with Microsoft Entra ID when it names no key', async () => {
    const endpoint = await eventEndpoint(settings({ eventHubConnectionString: address }), signal);
    assert.ok(endpoint.kind === 'entra');
    assert.equal(endpoint.namespace, 'ns.servicebus.windows.net:5671');
    assert.equal(endpoint.eventHubName, 'hub');
    assert.equal(typeof endpoint.credential.getToken, 'function');
  });

  test('is missing without any way to find it', async () => {
    const hostName = 'hub.azure-devices.net';
    await assert.rejects(eventEndpoint(settings({ hostName }), signal), {
      code: 'SETTING_MISSING',
      message: /eventHubConnectionString is not set/,
    });
  });
});
