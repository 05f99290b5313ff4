import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { Switches } from '../thingworx/switches.ts';
import { allow, operator, show } from './platform-operator.ts';
import { type Client, entities, property, shapeBlocks, thing, withPlatform } from './platform-support.ts';

/** A server that answers with the password of the login that it was sent. */
async function startEcho(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="echo"' }).end();
      return;
    }
    const [, ...password] = Buffer.from(authorization.split(' ')[1] ?? '', 'base64')
      .toString()
      .split(':');
    response
      .setHeader('Content-Type', 'application/json')
      .end(JSON.stringify({ password: password.join(':') }));
  });
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const SECRET = 's3cret';

/** A Thing with a secret, and services that log in somewhere with it. */
async function importSafe(client: Client, echo: string): Promise<void> {
  const send = (password: string) =>
    `result = Resources["ContentLoaderFunctions"].GetJSON({ url: "${echo}", username: "u", password: ${password} }).password;`;
  const decrypted = 'Resources["EncryptionServices"].DecryptPropertyValue({ data: me.secret })';
  const blocks = shapeBlocks({
    properties: property('secret', 'PASSWORD', { isPersistent: true }) + property('text', 'STRING'),
    services: [
      { name: 'Send', result: 'STRING', code: send('me.secret') },
      { name: 'SendText', result: 'STRING', code: send('me.text') },
      { name: 'SendDecrypted', result: 'STRING', code: send(decrypted) },
    ],
  });
  await client.importXml(entities(thing('Safe', 'GenericThing', blocks)));
  assert.equal((await client.write('Safe', { secret: SECRET, text: 'plain' })).status, 200);
}

describe('a PASSWORD handed to ContentLoaderFunctions', () => {
  const cases: [
    Pick<Switches, 'contentLoaderPassword' | 'passwordInScripts'>,
    'secret' | 'ciphertext' | 'mask',
  ][] = [
    [{ contentLoaderPassword: 'decrypts', passwordInScripts: 'encrypted' }, 'secret'],
    [{ contentLoaderPassword: 'decrypts', passwordInScripts: 'masked' }, 'secret'],
    [{ contentLoaderPassword: 'decrypts', passwordInScripts: 'clear' }, 'secret'],
    [{ contentLoaderPassword: 'ciphertext', passwordInScripts: 'encrypted' }, 'ciphertext'],
    [{ contentLoaderPassword: 'ciphertext', passwordInScripts: 'masked' }, 'ciphertext'],
    [{ contentLoaderPassword: 'ciphertext', passwordInScripts: 'clear' }, 'secret'],
    [{ contentLoaderPassword: 'masked', passwordInScripts: 'encrypted' }, 'mask'],
    [{ contentLoaderPassword: 'masked', passwordInScripts: 'masked' }, 'mask'],
    [{ contentLoaderPassword: 'masked', passwordInScripts: 'clear' }, 'secret'],
    [{ contentLoaderPassword: 'clear', passwordInScripts: 'encrypted' }, 'ciphertext'],
    [{ contentLoaderPassword: 'clear', passwordInScripts: 'masked' }, 'secret'],
    [{ contentLoaderPassword: 'clear', passwordInScripts: 'clear' }, 'secret'],
  ];
  test('arrives as the switches say, and a text always as it is', async (t) => {
    const echo = await startEcho(t);
    await withPlatform({}, async (client, emulator) => {
      await importSafe(client, echo);
      for (const [switches, expected] of cases) {
        await client.control('PUT', '/switches', switches);
        const sent = await client.result('Things/Safe', 'Send');
        const kind =
          sent === SECRET
            ? 'secret'
            : sent === '********'
              ? 'mask'
              : emulator.platform.cipher.decrypt(sent) === SECRET
                ? 'ciphertext'
                : sent;
        assert.equal(kind, expected, JSON.stringify(switches));
        assert.equal(await client.result('Things/Safe', 'SendText'), 'plain', JSON.stringify(switches));
      }
    });
  });
});

describe('DecryptPropertyValue', () => {
  test('is missing unless the switch says otherwise', async (t) => {
    const echo = await startEcho(t);
    await withPlatform({}, async (client) => {
      await importSafe(client, echo);
      const answer = await client.service('Things/Safe', 'SendDecrypted');
      assert.equal(answer.status, 500);
      assert.match(answer.text, /DecryptPropertyValue|is not a function/);
      const services = 'Resources/EncryptionServices';
      const look = async () =>
        (await client.get(`/${services}/ServiceDefinitions/DecryptPropertyValue`)).status;
      assert.equal(await look(), 404);
      assert.equal((await client.service(services, 'DecryptPropertyValue', { data: 'x' })).status, 404);
      // While it runs.
      await client.control('PUT', '/switches', { decryptPropertyValue: 'byRight' });
      assert.equal(await look(), 200);
      assert.equal(await client.result('Things/Safe', 'SendDecrypted'), SECRET);
      await client.control('PUT', '/switches', { decryptPropertyValue: 'missing' });
      assert.equal(await look(), 404);
      assert.equal((await client.service('Things/Safe', 'SendDecrypted')).status, 500);
    });
  });

  test('gives the secret to those with the right, in scripts also when the System user has it', async (t) => {
    const echo = await startEcho(t);
    await withPlatform({ switches: { decryptPropertyValue: 'byRight' } }, async (client) => {
      await importSafe(client, echo);
      assert.equal(await client.result('Things/Safe', 'SendDecrypted'), SECRET, 'an administrator may');
      const key = await operator(client);
      await show(client, 'Things/Safe');
      for (const type of ['ServiceInvoke', 'PropertyRead']) await allow(client, 'Things/Safe', type);
      const call = () => client.service('Things/Safe', 'SendDecrypted', {}, { key });
      const encrypted = {
        data: await client.result('Resources/EncryptionServices', 'EncryptPropertyValue', { data: 'x' }),
      };
      const direct = () =>
        client.service('Resources/EncryptionServices', 'DecryptPropertyValue', encrypted, { key });
      assert.match(
        (await call()).text,
        /Not authorized for ServiceInvoke on DecryptPropertyValue in EncryptionServices/,
      );
      assert.equal((await direct()).status, 403);
      const services = 'Resources/EncryptionServices';
      const system = { principal: 'System', principalType: 'User' };
      await allow(client, services, 'ServiceInvoke', 'DecryptPropertyValue', system);
      assert.deepEqual((await call()).json?.rows, [{ result: SECRET }]);
      assert.equal((await direct()).status, 403, 'a caller from outside needs it, too');
      await allow(client, services, 'ServiceInvoke', 'DecryptPropertyValue');
      assert.deepEqual((await direct()).json?.rows, [{ result: 'x' }]);
      const clear = await client.service('Resources/EncryptionServices', 'DecryptPropertyValue', {
        data: 'no',
      });
      assert.match(clear.text, /Unable to decrypt/);
    });
  });
});
