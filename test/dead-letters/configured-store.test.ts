import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type HubSettings, withDefaults } from '../../sidecar/contract/hub-settings.ts';
import { ConfiguredDeadLetterStore } from '../../sidecar/dead-letters/configured-store.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';
import { letter, listeningLog, scratchDirectory, until } from './letters.ts';

describe('configured dead-letter store', () => {
  let azurite: Azurite;
  let store: ConfiguredDeadLetterStore;
  let directory: string;
  let remove: () => Promise<void>;
  let container = 0;

  const settings = (storageConnectionString?: string): HubSettings => ({
    ...withDefaults({ deadLetterContainer: `letters-${container}` }),
    ...(storageConnectionString === undefined ? {} : { storageConnectionString }),
  });
  const ids = async () => (await store.store.list({}, { limit: 100 })).letters.map(({ id }) => id);

  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite.stop());
  beforeEach(async () => {
    container += 1;
    ({ directory, remove } = await scratchDirectory());
    store = new ConfiguredDeadLetterStore({
      hubThing: 'hub',
      stateDirectory: directory,
      log: listeningLog().log,
      onWarning: () => undefined,
    });
  });
  afterEach(async () => {
    await store.close();
    await remove();
  });

  test('refuses letters before it has settings and after it is closed', async () => {
    await assert.rejects(store.append([letter(1)]), { code: 'STOPPING' });
    await store.use(settings());
    await store.append([letter(1)]);
    await store.close();
    await store.close();
    await assert.rejects(store.append([letter(2)]), { code: 'STOPPING' });
  });

  test('keeps letters in files without storage, and the same ones when it is opened again', async () => {
    await store.use(settings());
    await store.append([letter(1)]);
    await store.use(settings());
    assert.deepEqual(await ids(), [letter(1).id]);
    await store.close();
    await store.use(settings());
    assert.deepEqual(await ids(), [letter(1).id]);
  });

  test('moves letters into the container once storage is set', async () => {
    await store.use(settings());
    await store.append([letter(1), letter(2)]);
    await store.use(settings(azurite.connectionString));
    await store.append([letter(3)]);
    await until(async () => (await ids()).length === 3);
    assert.deepEqual(await ids(), [letter(3).id, letter(2).id, letter(1).id]);
    assert.deepEqual((await store.store.get(letter(1).id))?.message, letter(1).message);
    await store.use(settings());
    await until(async () => (await ids()).length === 0);
  });
});
