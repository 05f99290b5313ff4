import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, Factory, HUB_THING } from './factory.ts';

const lines: string[] = [];
const factory = new Factory({ onSidecarLine: (line) => void lines.push(line) });
before(() => factory.start());
after(() => factory.stop());

async function seen(): Promise<unknown[]> {
  const { url } = factory.system.sidecar;
  const { warnings } = (await (await fetch(`${url}/health/ready`)).json()) as { warnings: string[] };
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const { lastErrorCode } = await factory.read(HUB_THING);
  return [
    /STATE_DIR|state directory/.test(warnings.join()),
    /^azure_iot_state_directory_writable (\d)$/m.exec(metrics)?.[1],
    lastErrorCode,
  ];
}

test('a state directory that fails while the sidecar runs shows in health, metric and status until it is over', async () => {
  const state = path.join(path.dirname(factory.system.cloud.caFile), '..', '..', 'state');
  assert.deepEqual(await seen(), [false, '1', '']);
  // A file in its place keeps everybody from writing, whatever rights the user of the test has.
  await rename(state, `${state}-away`);
  await writeFile(state, '');
  try {
    await eventually(async () => assert.deepEqual(await seen(), [true, '0', 'STATE_UNWRITABLE']), 120_000);
  } finally {
    await rm(state);
    await rename(`${state}-away`, state);
  }
  await eventually(async () => assert.deepEqual(await seen(), [false, '1', '']), 120_000);
  assert.equal(lines.filter((line) => line.includes('"STATE_UNWRITABLE"')).length, 1);
  const { recentErrors } = (await factory.system.status()) as { recentErrors?: { rows: { code: string }[] } };
  assert.ok(recentErrors?.rows.some(({ code }) => code === 'STATE_UNWRITABLE'));
});
