import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { DeviceThings } from '../../sidecar/thingworx/device-things.ts';
import { ThingCreator } from '../../sidecar/thingworx/thing-creator.ts';
import { listeningLog } from '../dead-letters/letters.ts';
import { FakeThingworx } from '../ingest/fake-thingworx.ts';

const { signal } = new AbortController();
let thingworx: FakeThingworx;
let client: ThingworxClient;

beforeEach(async () => {
  thingworx = new FakeThingworx();
  await thingworx.start();
  client = new ThingworxClient({ url: thingworx.url, appKey: 'key' });
});
afterEach(async () => {
  await client.close();
  await thingworx.stop();
});

test('an answer without its lists is refused: FindDeviceThings, CreateThings', async () => {
  const things = new DeviceThings({ client, hubThing: 'hub' });
  await assert.rejects(things.find(['dev-1']), { code: 'THINGWORX_UNAVAILABLE' });
  const { log } = listeningLog();
  const readTwin = () => Promise.reject(new ConnectorError('DEVICE_NOT_FOUND', 'There is no such device.'));
  const creator = new ThingCreator({ client, hubThing: 'hub', onThing: () => undefined, readTwin, log });
  await assert.rejects(creator.create([], signal), { code: 'THINGWORX_UNAVAILABLE' });
});
