import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ConnectorError } from '../sidecar/errors/connector-error.ts';
import { isExposed, loadSettings } from '../sidecar/settings.ts';

const MINIMUM = {
  THINGWORX_URL: 'https://platform.example/Thingworx',
  THINGWORX_APP_KEY: 'an-application-key',
  SIDECAR_STATE_DIR: '/var/lib/azure-iot-sidecar',
};

let directory = '';
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'settings-'));
});
after(() => rm(directory, { recursive: true }));

function failure(environment: Record<string, string>): ConnectorError {
  try {
    loadSettings(environment);
  } catch (error) {
    assert.ok(error instanceof ConnectorError);
    return error;
  }
  return assert.fail('The settings were accepted.');
}

describe('settings', () => {
  test('need no more than the address of ThingWorx and an application key', () => {
    const settings = loadSettings(MINIMUM);
    assert.equal(settings.thingworxUrl, 'https://platform.example/Thingworx');
    assert.equal(settings.host, '127.0.0.1');
    assert.equal(settings.port, 8780);
    assert.equal(settings.logLevel, 'info');
    assert.equal(settings.eventReceiver, 'own');
    assert.equal(settings.sidecarToken, undefined);
  });

  test('keep the state below the home directory, never below the shared temporary folder', () => {
    const { SIDECAR_STATE_DIR: _, ...bare } = MINIMUM;
    const home = loadSettings({ ...bare, HOME: '/home/azure' });
    assert.equal(home.stateDirectory, '/home/azure/.local/state/azure-iot-sidecar');
    const error = failure(bare);
    assert.equal(error.code, 'SETTING_MISSING');
    assert.match(error.message, /SIDECAR_STATE_DIR is not set and there is no home directory/);
  });

  for (const [name, value] of [
    ['DEBUG', '*'],
    ['DEBUG', 'rhea:frames'],
    ['DEBUG', 'express,azure-iothub:*'],
    ['NODE_DEBUG', 'http'],
    ['NODE_DEBUG', 'undici'],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0'],
  ] as const) {
    test(`refuse ${name}=${value}, which shows secrets or trusts everybody`, () => {
      const error = failure({ ...MINIMUM, [name]: value });
      assert.equal(error.code, 'SETTING_INVALID');
      assert.match(error.message, new RegExp(`^${name}`));
    });
  }

  test('allow unverified TLS only when that is said in words', () => {
    const trial = { ...MINIMUM, NODE_TLS_REJECT_UNAUTHORIZED: '0', SIDECAR_ALLOW_UNVERIFIED_TLS: 'true' };
    assert.equal(loadSettings(trial).port, 8780);
  });

  for (const [given, expected] of [
    ['https://platform.example', 'https://platform.example/Thingworx'],
    ['https://platform.example/', 'https://platform.example/Thingworx'],
    ['http://platform.example:8080/Thingworx/', 'http://platform.example:8080/Thingworx'],
    ['https://gate.example/plant7/Thingworx', 'https://gate.example/plant7/Thingworx'],
  ] as const) {
    test(`take ${given} for ${expected}`, () => {
      assert.equal(loadSettings({ ...MINIMUM, THINGWORX_URL: given }).thingworxUrl, expected);
    });
  }

  for (const [what, environment, code, words] of [
    ['no address', { THINGWORX_APP_KEY: 'k' }, 'SETTING_MISSING', /THINGWORX_URL is not set; expected/],
    ['no address but a blank', { ...MINIMUM, THINGWORX_URL: '  ' }, 'SETTING_MISSING', /THINGWORX_URL/],
    [
      'a word for an address',
      { ...MINIMUM, THINGWORX_URL: 'platform' },
      'SETTING_INVALID',
      /THINGWORX_URL is not an address/,
    ],
    [
      'another scheme',
      { ...MINIMUM, THINGWORX_URL: 'ws://platform.example' },
      'SETTING_INVALID',
      /scheme ws/,
    ],
    [
      'a login in the address',
      { ...MINIMUM, THINGWORX_URL: 'https://u:hidden@platform.example' },
      'SETTING_INVALID',
      /no login/,
    ],
    [
      'no key',
      { THINGWORX_URL: MINIMUM.THINGWORX_URL },
      'SETTING_MISSING',
      /THINGWORX_APP_KEY or THINGWORX_APP_KEY_FILE/,
    ],
    [
      'a key of two words',
      { ...MINIMUM, THINGWORX_APP_KEY: 'two words' },
      'SETTING_INVALID',
      /THINGWORX_APP_KEY must be one word/,
    ],
    [
      'a key file that is not there',
      { THINGWORX_URL: MINIMUM.THINGWORX_URL, THINGWORX_APP_KEY_FILE: '/nonexistent/key' },
      'SETTING_INVALID',
      /THINGWORX_APP_KEY_FILE/,
    ],
    [
      'a token that can be guessed',
      { ...MINIMUM, SIDECAR_TOKEN: 'hidden-15-chars' },
      'SETTING_INVALID',
      /SIDECAR_TOKEN has 15 characters; expected at least 16/,
    ],
    [
      'a port out of range',
      { ...MINIMUM, SIDECAR_PORT: '70000' },
      'SETTING_INVALID',
      /SIDECAR_PORT is "70000"; expected a port number/,
    ],
    ['a port that is no number', { ...MINIMUM, SIDECAR_PORT: 'http' }, 'SETTING_INVALID', /SIDECAR_PORT/],
    [
      'an address that others reach, without TLS',
      { ...MINIMUM, SIDECAR_HOST: '0.0.0.0' },
      'SETTING_INVALID',
      /SIDECAR_HOST is 0\.0\.0\.0.*SIDECAR_TLS_CERT_FILE/,
    ],
    [
      'a public address that is none',
      { ...MINIMUM, SIDECAR_PUBLIC_URL: 'https://a.example, sidecar' },
      'SETTING_INVALID',
      /SIDECAR_PUBLIC_URL is not an address/,
    ],
    [
      'a public address over which the token would travel in clear',
      { ...MINIMUM, SIDECAR_PUBLIC_URL: 'http://sidecar.example:8780' },
      'SETTING_INVALID',
      /SIDECAR_PUBLIC_URL has no TLS, and sidecar\.example:8780 is another machine/,
    ],
    [
      'a login in the public address',
      { ...MINIMUM, SIDECAR_PUBLIC_URL: 'https://u:hidden@sidecar.example' },
      'SETTING_INVALID',
      /SIDECAR_PUBLIC_URL must hold no login/,
    ],
    [
      'a receiver of traces that is no address',
      { ...MINIMUM, SIDECAR_TRACES_URL: 'collector:4318' },
      'SETTING_INVALID',
      /SIDECAR_TRACES_URL is not the base address of an OTLP receiver/,
    ],
    [
      'a login in the address of the receiver of traces',
      { ...MINIMUM, SIDECAR_TRACES_URL: 'https://u:hidden@collector.example' },
      'SETTING_INVALID',
      /SIDECAR_TRACES_URL is not the base address/,
    ],
    [
      'an unknown receiver of events',
      { ...MINIMUM, SIDECAR_EVENT_RECEIVER: 'fast' },
      'SETTING_INVALID',
      /SIDECAR_EVENT_RECEIVER is "fast"; expected one of own, sdk/,
    ],
    [
      'a certificate without its key',
      { ...MINIMUM, SIDECAR_TLS_CERT_FILE: import.meta.filename },
      'SETTING_MISSING',
      /SIDECAR_TLS_KEY_FILE is not set/,
    ],
    [
      'a certificate that is none',
      { ...MINIMUM, SIDECAR_TLS_CERT_FILE: import.meta.filename, SIDECAR_TLS_KEY_FILE: import.meta.filename },
      'SETTING_INVALID',
      /must hold a certificate and the key/,
    ],
    [
      'an unknown log level',
      { ...MINIMUM, LOG_LEVEL: 'loud' },
      'SETTING_INVALID',
      /LOG_LEVEL is "loud"; expected one of/,
    ],
  ] as const) {
    test(`refuse ${what}, in one line that names the setting`, () => {
      const error = failure(environment);
      assert.equal(error.code, code);
      assert.match(error.message, words);
      assert.doesNotMatch(error.message, /\n|hidden/);
    });
  }

  for (const [url, exposed] of [
    ['http://platform.example/Thingworx', true],
    ['http://10.0.0.8:8080/Thingworx', true],
    ['https://platform.example/Thingworx', false],
    ['http://localhost:8080/Thingworx', false],
    ['http://127.0.0.1:8080/Thingworx', false],
    ['http://[::1]:8080/Thingworx', false],
  ] as const) {
    test(`${exposed ? 'see' : 'do not see'} that ${url} shows the application key to the network`, () => {
      assert.equal(isExposed(loadSettings({ ...MINIMUM, THINGWORX_URL: url }).thingworxUrl), exposed);
    });
  }

  test('may stand in a file, over which the environment wins', async () => {
    const file = path.join(directory, 'config.json');
    await writeFile(file, JSON.stringify({ ...MINIMUM, SIDECAR_PORT: 9000, LOG_LEVEL: 'warn' }));
    const settings = loadSettings({ AZURE_IOT_SIDECAR_CONFIG: file, LOG_LEVEL: 'debug' });
    assert.equal(settings.port, 9000);
    assert.equal(settings.logLevel, 'debug');
  });

  for (const [what, content, words] of [
    ['no JSON', '{', /is not JSON/],
    ['an array', '[]', /one JSON object/],
    [
      'a key that is no setting',
      '{"THINGWORX_APPKEY":"x"}',
      /THINGWORX_APPKEY .* is no setting; expected one of/,
    ],
    ['a value that is no text', '{"SIDECAR_HOST":{}}', /SIDECAR_HOST .* must be a string or a number/],
  ] as const) {
    test(`refuse a file with ${what}`, async () => {
      const file = path.join(directory, `${what.replace(/ /g, '-')}.json`);
      await writeFile(file, content);
      const error = failure({ AZURE_IOT_SIDECAR_CONFIG: file });
      assert.equal(error.code, 'SETTING_INVALID');
      assert.match(error.message, words);
    });
  }
});
