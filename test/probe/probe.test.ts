import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { PLATFORM_ASSUMPTIONS } from '../../sidecar/probe/assumptions.ts';
import { probe } from '../../sidecar/probe/probe.ts';
import { startThingworx, type ThingworxEmulator } from '../emulators/thingworx/emulator.ts';
import { choices, defaultSwitches, type Switches } from '../emulators/thingworx/switches.ts';
import { Client } from '../emulators/thingworx-tests/platform-support.ts';

/**
 * What the probe is to find with these switches. Two positions of contentLoaderPassword look alike from outside: with `clear` another server
 * gets what the script holds.
 */
function expected(switches: Switches): Record<string, string> {
  const { contentLoaderPassword, passwordInScripts, ...rest } = switches;
  const sent = { decrypts: 'secret', ciphertext: 'ciphertext', masked: 'mask', clear: 'ciphertext' } as const;
  return {
    ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)])),
    passwordInScripts,
    contentLoaderPassword: passwordInScripts === 'clear' ? 'secret' : sent[contentLoaderPassword],
  };
}

describe('the probe', () => {
  let emulator: ThingworxEmulator;
  let client: Client;

  before(async () => {
    emulator = await startThingworx({ scriptWorkers: 1, scriptTimeoutMs: 3_000 });
    client = new Client(emulator);
  });
  after(() => emulator.stop());

  async function run(options: Record<string, boolean> = {}) {
    const output = new PassThrough();
    const written = text(output);
    const { name, password } = emulator.administrator;
    const findings = await probe(
      options,
      {
        THINGWORX_URL: emulator.url,
        THINGWORX_ADMINISTRATOR: name,
        THINGWORX_ADMINISTRATOR_PASSWORD: password,
      },
      { input: new PassThrough(), output },
    );
    output.end();
    return { findings: findings as Record<string, string>, output: await written };
  }

  const entities = () =>
    [...emulator.platform.store.everything()]
      .map(({ collection, name }) => `${collection}/${name}`)
      .toSorted();

  test('has an assumption for every switch of the emulator, and names no other', () => {
    const named = Object.values(PLATFORM_ASSUMPTIONS).flatMap((one) =>
      'emulatorSwitch' in one ? [one.emulatorSwitch] : [],
    );
    assert.deepEqual(named.toSorted(), Object.keys(choices).toSorted());
  });

  const positions = (Object.keys(choices) as (keyof Switches)[]).flatMap((name) =>
    choices[name].filter((value) => value !== defaultSwitches[name]).map((value) => [name, value] as const),
  );
  for (const [name, value] of [['nothing', ''] as const, ...positions]) {
    test(`finds ${name} ${value} and nothing else, and leaves nothing behind`, async () => {
      const before = entities();
      const changes = name === 'nothing' ? {} : { [name]: value };
      await client.control('PUT', '/switches', changes);
      try {
        const { findings, output } = await run();
        const wanted = expected({ ...defaultSwitches, ...changes } as Switches);
        for (const [question, found] of Object.entries(wanted))
          assert.equal(findings[question], found, `${question}\n${output}`);
        assert.equal(findings['equalTimes'], 'no');
        assert.equal(findings['olderTimes'], 'no');
        assert.deepEqual(entities(), before);
      } finally {
        await client.control('PUT', '/switches', defaultSwitches);
      }
    });
  }

  test('says what follows from what differs from the assumption', async () => {
    await client.control('PUT', '/switches', { contentLoaderPassword: 'masked' });
    const { output } = await run();
    await client.control('PUT', '/switches', defaultSwitches);
    const [table = '', notes = ''] = output.split('\nWhat follows\n');
    assert.equal(table.trim().split('\n').length - 2, Object.keys(PLATFORM_ASSUMPTIONS).length - 1);
    assert.match(
      notes,
      new RegExp(`^${PLATFORM_ASSUMPTIONS.contentLoaderPassword.question.replace('?', '\\?')}\n`),
    );
    assert.ok(notes.includes('secretReferences'));
  });

  test('with --long finds the time limit of scripts', async () => {
    const { findings } = await run({ long: true });
    const seconds = Number(findings['scriptTimeLimit']);
    assert.ok(seconds >= 3 && seconds < 100, String(seconds));
  });

  test('goes on without the questions that the import policy forbids to ask, and removes what an interrupted run left', async () => {
    const strict = await startThingworx({ importPolicy: { importEnabled: false }, scriptWorkers: 1 });
    try {
      const { name, password } = strict.administrator;
      const output = new PassThrough();
      const written = text(output);
      const environment = {
        THINGWORX_URL: strict.url,
        THINGWORX_ADMINISTRATOR: name,
        THINGWORX_ADMINISTRATOR_PASSWORD: password,
      };
      await new Client(strict).result('Resources/EntityServices', 'CreateUser', {
        name: 'AzureIoTProbe.User',
        password: 'a-Long-Enough-1',
      });
      const findings = await probe({}, environment, { input: new PassThrough(), output });
      output.end();
      assert.equal(findings.nestedRights, 'callerOrSystem');
      assert.equal(findings.extraFiles, undefined);
      assert.match(await written, /experiments on extensions ended early: THINGWORX_REJECTED/);
    } finally {
      await strict.stop();
    }
  });
});
