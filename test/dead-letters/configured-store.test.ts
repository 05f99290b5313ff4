import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type HubSettings, withDefaults } from '../../sidecar/contract/hub-settings.ts';
import { LetterBox } from '../../sidecar/dead-letters/configured-store.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';
import { letter, listeningLog, scratchDirectory, until } from './letters.ts';

describe('letter box', () => {
  let azurite: Azurite;
  let box: LetterBox;
  let directory: string;
  let remove: () => Promise<void>;
  let container = 0;

  const settings = (storageConnectionString?: string): HubSettings => ({
    ...withDefaults({ deadLetterContainer: `letters-${container}` }),
    ...(storageConnectionString === undefined ? {} : { storageConnectionString }),
  });
  const ids = async () => (await box.store.list({}, { limit: 100 })).letters.map(({ id }) => id);

  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite.stop());
  beforeEach(async () => {
    container += 1;
    ({ directory, remove } = await scratchDirectory());
    box = new LetterBox({
      hubThing: 'hub',
      stateDirectory: directory,
      log: listeningLog().log,
      onWarning: () => undefined,
    });
  });
  afterEach(async () => {
    await box.close();
    await remove();
  });

  test('refuses letters before it has settings and after it is closed', async () => {
    await assert.rejects(box.append([letter(1)]), { code: 'STOPPING' });
    await box.use(settings());
    await box.append([letter(1)]);
    await box.close();
    await box.close();
    await assert.rejects(box.append([letter(2)]), { code: 'STOPPING' });
  });

  test('keeps letters in files without storage, and the same ones when it is opened again', async () => {
    await box.use(settings());
    await box.append([letter(1)]);
    await box.use(settings());
    assert.deepEqual(await ids(), [letter(1).id]);
    await box.close();
    await box.use(settings());
    assert.deepEqual(await ids(), [letter(1).id]);
  });

  test('moves letters into the container once storage is set', async () => {
    await box.use(settings());
    await box.append([letter(1), letter(2)]);
    await box.use(settings(azurite.connectionString));
    await box.append([letter(3)]);
    await until(async () => (await ids()).length === 3);
    assert.deepEqual(await ids(), [letter(3).id, letter(2).id, letter(1).id]);
    assert.deepEqual((await box.store.get(letter(1).id))?.message, letter(1).message);
    await box.use(settings());
    await until(async () => (await ids()).length === 0);
  });
});
