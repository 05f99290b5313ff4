import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Factory } from './factory.ts';

const STORAGE_THING = 'Plant.Storage';
const FILES_THING = 'Plant.Files';
const CONTENT = 'firmware 2.0';

/** Files of a container on their way to devices, with the whole product as it is installed. */
describe('a file for a device', () => {
  const factory = new Factory();
  before(async () => {
    await factory.start();
    await factory.createStorage(STORAGE_THING);
    await factory.createContainer(FILES_THING, STORAGE_THING, 'firmware');
    await factory.call(FILES_THING, 'SaveText', { path: '/v2/app.bin', content: CONTENT });
  });
  after(() => factory.stop());

  test('goes by a direct method, and the answer of the device comes back', async () => {
    await factory.createDevice('by-method');
    const client = await factory.connect('by-method');
    client.onDeviceMethod('install', async (request, response) => {
      const { url, contentMd5, information } = request.payload;
      const content = Buffer.from(await (await fetch(url)).arrayBuffer());
      const right = createHash('md5').update(content).digest('base64') === contentMd5;
      await response.send(right ? 200 : 500, { content: content.toString(), information });
    });
    const answer = await factory.call('by-method', 'SendFileToDevice', {
      repository: FILES_THING,
      path: '/v2/app.bin',
      methodName: 'install',
      information: { version: 2 },
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.payload, { content: CONTENT, information: { version: 2 } });
  });

  test('goes by a message that names what feedback will name', async () => {
    await factory.createDevice('by-message');
    const next = factory.inbox(await factory.connect('by-message'));
    const arrived = next();
    const answer = await factory.call('by-message', 'SendFileToDevice', {
      repository: FILES_THING,
      path: '/v2/app.bin',
    });
    const message = await arrived;
    assert.equal(message.messageId, answer.messageId);
    const { url, name, size } = JSON.parse(message.data.toString());
    assert.deepEqual([name, size], ['app.bin', CONTENT.length]);
    assert.equal(await (await fetch(url)).text(), CONTENT);
  });

  test('that is not there is refused before the device hears of it', async () => {
    await factory.createDevice('nothing');
    await assert.rejects(
      factory.call('nothing', 'SendFileToDevice', {
        repository: FILES_THING,
        path: '/none',
        methodName: 'install',
      }),
      /FILE_NOT_FOUND: /,
    );
  });

  test('is still served by a sidecar that was started again, without anyone calling', async () => {
    const { sidecar } = factory.system;
    await sidecar.kill();
    await sidecar.start();
    for (let tries = 0; ; tries += 1) {
      try {
        assert.equal(await factory.call(FILES_THING, 'LoadText', { path: '/v2/app.bin' }), CONTENT);
        return;
      } catch (error) {
        if (tries === 300) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  });
});
