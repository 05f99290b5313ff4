import assert from 'node:assert/strict';
import { test } from 'node:test';
import common from 'azure-iot-common';
import { parseIotHub } from '../../../sidecar/azure/connection-string.ts';
import { hubToken, policyName, sasToken } from '../../../sidecar/azure/iot-hub/authorization.ts';

const KEY = Buffer.from('a key that is thirty-two bytes..').toString('base64');

/** The members of a token, order aside. */
function members(token: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(token.replace(/^SharedAccessSignature /, '')));
}

test('tokens are those of the SDK', () => {
  const resource = 'hub.azure-devices.net/messages/events';
  const theirs = common.SharedAccessSignature.create(
    encodeURIComponent(resource),
    'service',
    KEY,
    1_900_000_000,
  ).toString();
  assert.deepEqual(members(sasToken(resource, 'service', KEY, 1_900_000_000)), members(theirs));
});

test('a hub token is for the host without its port and ends after its lifetime', () => {
  const hub = parseIotHub(`HostName=hub.example:8443;SharedAccessKeyName=service;SharedAccessKey=${KEY}`);
  const token = members(hubToken(hub, '', 600, 1_000_000));
  assert.equal(token.sr, 'hub.example');
  assert.equal(token.se, '1600');
  assert.equal(token.skn, 'service');
  assert.equal(policyName(hub), 'service');
});

test('a given signature is handed on until it expires', () => {
  const signature = 'SharedAccessSignature sr=hub.example&sig=x&se=2000&skn=read%20er';
  const hub = parseIotHub(`HostName=hub.example;SharedAccessSignature=${signature}`);
  assert.equal(hubToken(hub, '', 600, 1_000_000), signature);
  assert.equal(policyName(hub), 'read er');
  assert.throws(() => hubToken(hub, '', 600, 2_000_000), {
    code: 'AZURE_UNAUTHORIZED',
    message: /expired at 1970/,
  });
  const endless = parseIotHub('HostName=hub.example;SharedAccessSignature=SharedAccessSignature sr=a&sig=b');
  assert.throws(() => hubToken(endless, '', 600), { code: 'CONNECTION_STRING_INVALID' });
});
