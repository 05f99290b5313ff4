import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sidecarAddresses } from '../../sidecar/hub/introduction.ts';

const LOCAL = { host: '127.0.0.1', port: 8780, tls: false, hostNames: [], publicUrls: [] };

test('a sidecar on loopback has the addresses of loopback', () => {
  const expected = ['http://127.0.0.1:8780', 'http://localhost:8780', 'http://[::1]:8780'];
  assert.deepEqual(sidecarAddresses(LOCAL), expected);
  assert.deepEqual(sidecarAddresses({ ...LOCAL, host: 'localhost' }).sort(), expected.toSorted());
});

test('a sidecar that others reach has its names, with TLS', () => {
  const reach = { ...LOCAL, tls: true, port: 443 };
  assert.deepEqual(
    sidecarAddresses({
      ...reach,
      host: '10.0.0.7',
      hostNames: ['Sidecar.Example.com', 'not a name', 'fe80::1'],
    }),
    ['https://10.0.0.7', 'https://sidecar.example.com', 'https://[fe80::1]'],
  );
  assert.ok(!sidecarAddresses({ ...reach, host: '0.0.0.0' }).some((address) => address.includes('0.0.0.0')));
});

test('a sidecar on every interface has its names before those of loopback', () => {
  const reach = { ...LOCAL, host: '0.0.0.0', hostNames: ['b.example.com'] };
  assert.equal(sidecarAddresses(reach)[0], 'http://b.example.com:8780');
  assert.equal(sidecarAddresses(reach).length, 4);
});

test('public addresses take the place of all others', () => {
  const publicUrls = ['https://Gate.example:443/sidecar/', 'http://127.0.0.1:9000'];
  assert.deepEqual(sidecarAddresses({ ...LOCAL, publicUrls }), [
    'https://gate.example/sidecar',
    'http://127.0.0.1:9000',
  ]);
});
