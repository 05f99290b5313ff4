import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, Factory } from './factory.ts';

const KEY = 'azure-iot-sidecar';
const factory = new Factory({ sidecarEnvironment: { THINGWORX_APP_KEY_NAME: KEY } });
before(() => factory.start());
after(() => factory.stop());

test('the expiry of the application key is a metric, and a warning in its last two weeks', async () => {
  const { platform, sidecar } = factory.system;
  await factory.hub('GrantPermissions', { applicationKey: KEY });
  const restart = async () => {
    await sidecar.kill();
    await sidecar.start();
  };
  const expiry = async () => {
    const text = await (await fetch(`${sidecar.url}/metrics`)).text();
    return Number(/^azure_iot_application_key_expiry_timestamp_seconds (\S+)$/m.exec(text)?.[1]);
  };
  const warnings = async () => {
    const answer = await fetch(`${sidecar.url}/health/ready`);
    return ((await answer.json()) as { warnings: string[] }).warnings.join();
  };
  await restart();
  await eventually(async () => {
    const days = ((await expiry()) * 1000 - Date.now()) / 86_400_000;
    assert.ok(days > 360 && days <= 365, `${days}`);
  });
  assert.doesNotMatch(await warnings(), /expires/);
  const soon = Date.now() + 3 * 86_400_000;
  await platform.invokeOn('ApplicationKeys', KEY, 'SetExpirationDate', { expirationDate: soon });
  await restart();
  await eventually(async () => {
    assert.equal(Math.round(await expiry()), Math.round(soon / 1000));
    assert.match(await warnings(), /The application key azure-iot-sidecar expires at /);
    const { lastError } = (await factory.system.status()) as { lastError?: { code: string } };
    assert.equal(lastError?.code, 'APPLICATION_KEY_EXPIRES');
  });
});
