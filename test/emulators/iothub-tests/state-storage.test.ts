import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as tls from 'node:tls';
import { type ContainerClient, ContainerSASPermissions } from '@azure/storage-blob';
import avsc from 'avsc';
import type * as Device from 'azure-iot-device';
import { openAuthority } from '../authority.ts';
import { type Azurite, startAzurite } from '../azurite.ts';
import { openAccount, type StorageAccount } from '../iothub/storage.ts';
import { redirectPort443 } from '../port-443.ts';
import { deviceToken, type Harness, startHarness } from './state-harness.ts';

const require = createRequire(import.meta.url);
const { Client } = require('azure-iot-device') as typeof Device;
const { Http } = require('azure-iot-device-http') as { Http: never };

interface Avro {
  schema: { name: string };
  // biome-ignore lint/suspicious/noExplicitAny: records are looked into by name
  records: any[];
}

async function readAvro(bytes: Buffer): Promise<Avro> {
  const decoder = new avsc.streams.BlockDecoder();
  const records: unknown[] = [];
  let schema: unknown;
  decoder.on('metadata', (type: avsc.Type) => {
    schema = type.schema();
  });
  decoder.on('data', (record: unknown) => records.push(record));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  decoder.on('end', resolve);
  decoder.on('error', reject);
  decoder.end(bytes);
  await promise;
  return { schema: schema as Avro['schema'], records };
}

describe('what the hub does with a storage account', () => {
  let scratch: string;
  let azurite: Azurite;
  let account: StorageAccount;
  let hub: Harness;
  let container: (name: string) => ContainerClient;
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'hub-storage-'));
    const authority = await openAuthority(scratch);
    azurite = await startAzurite({ https: { cert: authority.certificate, key: authority.key } });
    account = { connectionString: azurite.connectionString, ca: authority.ca };
    container = (name) => openAccount(account).service.getContainerClient(name);
    hub = await startHarness({
      storageCa: authority.ca,
      uploads: { account, containerName: 'uploads' },
      capture: { account, containerName: 'capture', namespace: 'ns', eventHub: 'eh' },
      endpoints: [
        { name: 'avro', account, containerName: 'routed' },
        { name: 'deflate', account, containerName: 'deflate', encoding: 'avrodeflate', maxChunkBytes: 700 },
        { name: 'json', account, containerName: 'json', encoding: 'json', fileNameFormat: jsonFormat },
      ],
      routes: [
        { name: 'alerts', source: 'Telemetry', condition: "level = 'alert'", endpointNames: ['avro'] },
        { name: 'hot', source: 'Telemetry', condition: '$body.temp > 30', endpointNames: ['json'] },
        {
          name: 'all-big',
          source: 'Telemetry',
          condition: "kind = 'big'",
          endpointNames: ['deflate', 'events'],
        },
        { name: 'twins', source: 'twinChangeEvents', endpointNames: ['json'] },
        { name: 'site', source: 'Telemetry', condition: "$twin.tags.site = 'x'", endpointNames: ['json'] },
        { name: 'off', source: 'Telemetry', endpointNames: ['avro'], isEnabled: false },
      ],
    });
  });
  after(async () => {
    await hub.stop();
    await azurite.stop();
    await rm(scratch, { recursive: true, force: true });
  });
  const jsonFormat = '{iothub}/{YYYY}-{MM}-{DD}/{HH}/{mm}/{partition}.json';

  async function device(
    deviceId: string,
  ): Promise<{ key: string; send: (body: string, headers?: Record<string, string>) => Promise<void> }> {
    const created = (await hub.registry.create({ deviceId })).responseBody;
    const key = created.authentication?.symmetricKey?.primaryKey ?? '';
    const authorization = deviceToken(deviceId, key);
    return {
      key,
      async send(body, headers = {}) {
        const path = `/devices/${deviceId}/messages/events`;
        const answer = await hub.call('POST', path, { authorization, raw: Buffer.from(body), headers });
        assert.equal(answer.status, 204);
      },
    };
  }
  const json = { 'iothub-contenttype': 'application/json', 'iothub-contentencoding': 'utf-8' };

  async function blobs(name: string): Promise<{ name: string; bytes: Buffer }[]> {
    const found = [];
    for await (const item of container(name).listBlobsFlat()) {
      found.push({
        name: item.name,
        bytes: await container(name).getBlobClient(item.name).downloadToBuffer(),
      });
    }
    return found;
  }

  test('a device uploads a file with its SDK, and the services are told', async () => {
    const { key } = await device('uploader');
    const client = Client.fromConnectionString(
      `HostName=localhost;DeviceId=uploader;SharedAccessKey=${key}`,
      Http,
    );
    // The SDK's upload knows neither port nor authority: its requests to port 443 are sent on to the harness.
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), hub.authority.ca, account.ca ?? '']);
    const restore = redirectPort443(hub.port);
    try {
      const content = Buffer.alloc(300_000, 'x');
      await client.uploadToBlob('logs/day 1.txt', Readable.from([content]) as never, content.length);
      const blob = container('uploads').getBlobClient('uploader/logs/day 1.txt');
      assert.equal((await blob.downloadToBuffer()).length, 300_000);
      const [notification] = hub.wire.files;
      assert.equal(notification?.deviceId, 'uploader');
      assert.equal(notification?.blobName, 'uploader/logs/day 1.txt');
      assert.equal(notification?.blobSizeInBytes, 300_000);
      assert.match(notification?.blobUri ?? '', /\/devstoreaccount1\/uploads\/uploader\/logs\/day%201.txt$/);
    } finally {
      restore();
      await client.close();
    }
  });

  test('uploads are limited to ten, end with their answer, and need a blob to succeed', async () => {
    const { key } = await device('many');
    const authorization = deviceToken('many', key);
    const begin = () => hub.call('POST', '/devices/many/files', { authorization, body: { blobName: 'f' } });
    const tickets = [];
    for (let count = 0; count < 10; count += 1) tickets.push((await begin()).json);
    const eleventh = await begin();
    assert.equal(eleventh.status, 403);
    assert.match(eleventh.json.Message, /DeviceMaximumActiveFileUploadLimitExceeded/);
    const [first, second] = tickets;
    assert.equal(first.containerName, 'uploads');
    assert.equal(first.blobName, 'many/f');
    assert.match(first.sasToken, /^\?.*sp=rw/);
    const complete = (body: unknown, suffix = '') =>
      hub.call('POST', `/devices/many/files/notifications${suffix}`, { authorization, body });
    const missing = await complete({ correlationId: first.correlationId, isSuccess: true, statusCode: 200 });
    assert.match(missing.json.Message, /InvalidStorageEndpointOrBlob/);
    const failed = { isSuccess: false, statusCode: 500, statusDescription: 'gave up' };
    const told = hub.wire.files.length;
    assert.equal((await complete(failed, `/${encodeURIComponent(second.correlationId)}`)).status, 204);
    assert.equal(hub.wire.files.length, told);
    assert.equal((await begin()).status, 200);
    assert.match(
      (await complete({ correlationId: 'nonsense', isSuccess: true })).json.Message,
      /InvalidFileUploadCorrelationId/,
    );
    assert.match((await complete({ correlationId: 'x' })).json.Message, /InvalidFileUploadCompletionStatus/);
    assert.match(
      (await begin().then(() => hub.call('POST', '/devices/many/files', { authorization, body: {} }))).json
        .Message,
      /ArgumentInvalid/,
    );
  });

  test('exports the registry and imports it again', async () => {
    await hub.registry.create({ deviceId: 'exported', statusReason: 'why' });
    hub.state.twins.patch('exported', undefined, { tags: { a: 1 }, properties: { desired: { b: 2 } } });
    hub.state.twins.patchReported('exported', undefined, { c: 3 });
    const box = container('export');
    await box.create();
    const uri = await box.generateSasUrl({
      permissions: ContainerSASPermissions.parse('rwdl'),
      expiresOn: new Date(Date.now() + 3600_000),
    });
    const ended = async (jobId: string) => {
      for (let turn = 0; turn < 500; turn += 1) {
        const { json: job } = await hub.call('GET', `/jobs/${jobId}`);
        if (job.endTimeUtc) return job;
        await delay(20);
      }
      throw new Error('the job does not end');
    };
    const exported = (await hub.registry.exportDevicesToBlob(uri, false)) as unknown as { jobId: string };
    const second = await hub.call('POST', '/jobs/create', {
      body: { type: 'export', outputBlobContainerUri: uri },
    });
    assert.equal(second.status, 403);
    assert.match(second.json.Message, /JobQuotaExceeded/);
    assert.equal((await ended(exported.jobId)).status, 'completed');
    const text = (await box.getBlobClient('devices.txt').downloadToBuffer()).toString('utf8');
    const lines = text
      .trim()
      .split('\r\n')
      .map((line) => JSON.parse(line));
    const line = lines.find((entry) => entry.id === 'exported');
    assert.equal(line.statusReason, 'why');
    assert.deepEqual(line.tags, { a: 1 });
    assert.equal(line.properties.desired.b, 2);
    assert.ok(line.authentication.symmetricKey.primaryKey);

    await hub.registry.delete('exported');
    const broken = `${JSON.stringify(line)}\r\n{"id":"bad id","importMode":"create"}\r\nnonsense\r\n`;
    await box.getBlockBlobClient('devices.txt').upload(broken, Buffer.byteLength(broken));
    const imported = (await hub.registry.importDevicesFromBlob(uri, uri)) as unknown as { jobId: string };
    const job = await ended(imported.jobId);
    assert.equal(job.status, 'completed');
    const twin = (await hub.registry.getTwin('exported')).responseBody;
    assert.deepEqual(twin.tags, { a: 1 });
    assert.equal(twin.properties.desired.b, 2);
    assert.equal(twin.properties.reported.c, 3);
    const back = hub.state.identities.get('exported')?.authentication.symmetricKey.primaryKey;
    assert.equal(back, line.authentication.symmetricKey.primaryKey);
    const log = (await box.getBlobClient('importErrors.log').downloadToBuffer())
      .toString('utf8')
      .trim()
      .split('\r\n');
    assert.deepEqual(
      log.map((entry) => JSON.parse(entry).errorCode),
      ['ArgumentInvalid', 'DeserializationError'],
    );
    const jobs = (await hub.registry.listJobs()).responseBody as unknown as { jobId: string }[];
    assert.equal(jobs.length, 2);
    const wrong = await hub.call('POST', '/jobs/create', {
      body: { type: 'export', outputBlobContainerUri: uri.replace(/sig=[^&]*/, 'sig=AAAA') },
    });
    const failed = await ended(wrong.json.jobId);
    assert.equal(failed.status, 'failed');
    assert.ok(failed.failureReason);
  });

  test('routes by application property to Avro in the hub’s file names', async () => {
    const { send } = await device('router');
    hub.wire.events.length = 0;
    await send('{"temp":1}', { ...json, 'iothub-app-Level': 'alert', 'iothub-messageid': 'm1' });
    await send('{"temp":2}', json);
    assert.equal(hub.wire.events.length, 1, 'what a route took does not fall back to the built-in endpoint');
    await hub.state.routing.flush();
    const [blob] = await blobs('routed');
    assert.match(blob?.name ?? '', /^localhost\/0[0-3]\/\d{4}\/\d\d\/\d\d\/\d\d\/\d\d$/);
    const { records, schema } = await readAvro(blob?.bytes ?? Buffer.alloc(0));
    assert.equal(schema.name, 'Microsoft.Azure.Devices.Message');
    assert.equal(records.length, 1);
    assert.deepEqual(records[0].Properties, { Level: 'alert' });
    assert.equal(records[0].SystemProperties.connectionDeviceId, 'router');
    assert.equal(records[0].SystemProperties.messageId, 'm1');
    assert.equal(records[0].SystemProperties.contentType, 'application/json');
    assert.equal(Buffer.from(records[0].Body.bytes ?? records[0].Body).toString(), '{"temp":1}');
  });

  test('routes by body, twin and source to lines of JSON', async () => {
    const { send } = await device('jsonner');
    await send('{"temp":31,"text":"ü"}', json);
    await send('{"temp":99}');
    await send('{"temp":5}', json);
    hub.state.twins.patch('jsonner', undefined, { tags: { site: 'x' } });
    await send('plain');
    await hub.state.routing.flush();
    const all = await blobs('json');
    assert.match(all[0]?.name ?? '', /^localhost\/\d{4}-\d\d-\d\d\/\d\d\/\d\d\/0[0-3]\.json$/);
    const lines = all.flatMap(({ bytes }) =>
      bytes
        .toString('utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
    const mine = lines.filter((line) => line.SystemProperties.connectionDeviceId === 'jsonner');
    assert.deepEqual(
      mine.filter((line) => line.Properties.opType === undefined).map((line) => line.Body),
      [{ temp: 31, text: 'ü' }, Buffer.from('plain').toString('base64')],
    );
    const change = mine.find((line) => line.Properties.opType === 'updateTwin');
    assert.deepEqual(change.Body.tags, { site: 'x' });
    assert.match(change.EnqueuedTimeUtc, /^\d{4}-.*Z$/);
  });

  test('starts a new blob when one is full, and never overwrites one', async () => {
    const { send } = await device('filler');
    hub.wire.events.length = 0;
    for (let count = 0; count < 6; count += 1)
      await send(`${count}`.repeat(200), { 'iothub-app-kind': 'big' });
    assert.equal(hub.wire.events.length, 6, 'this route names the built-in endpoint too');
    await hub.state.routing.flush();
    const written = await blobs('deflate');
    assert.equal(written.length, 3);
    const records = (await Promise.all(written.map(({ bytes }) => readAvro(bytes)))).flatMap(
      (file) => file.records,
    );
    assert.equal(records.length, 6);
    assert.equal(hub.state.routing.endpoint('deflate')?.lastError, undefined);
  });

  test('captures the built-in endpoint', async () => {
    const { send } = await device('captured');
    await send('{"n":1}', { ...json, 'iothub-app-a': 'b' });
    await send('{"n":2}', json);
    await hub.state.capture?.flush();
    const files = await blobs('capture');
    assert.ok(files.every(({ name }) => /^ns\/eh\/[0-3]\/\d{4}(\/\d\d){5}\.avro$/.test(name)));
    const read = await Promise.all(files.map(({ bytes }) => readAvro(bytes)));
    assert.equal(read[0]?.schema.name, 'Microsoft.ServiceBus.Messaging.EventData');
    const text = (value: { string?: string } | string) => (typeof value === 'string' ? value : value?.string);
    const mine = read
      .flatMap((file) => file.records)
      .filter((record) => text(record.SystemProperties['iothub-connection-device-id']) === 'captured');
    assert.equal(mine.length, 2);
    assert.equal(text(mine[0].Properties.a), 'b');
    assert.match(mine[0].EnqueuedTimeUtc, /^\d{1,2}\/\d{1,2}\/\d{4} \d{1,2}:\d\d:\d\d [AP]M$/);
    assert.equal(mine[1].SequenceNumber, mine[0].SequenceNumber + 1);
  });

  test('keeps what it could not write until the account is back', async () => {
    const gone = await startAzurite();
    let back: Azurite | undefined;
    let harness: Harness | undefined;
    try {
      harness = await startHarness({
        endpoints: [{ name: 'lost', account: gone, containerName: 'lost', encoding: 'json' }],
        routes: [{ name: 'all', source: 'deviceLifecycleEvents', endpointNames: ['lost'] }],
      });
      const { routing } = harness.state;
      await harness.registry.create({ deviceId: 'kept' });
      await gone.stop();
      await routing.flush();
      assert.ok(routing.endpoint('lost')?.lastError);
      back = await startAzurite({ port: gone.port, accountKey: gone.accountKey });
      const box = openAccount(back).service.getContainerClient('lost');
      await box.create();
      await routing.flush();
      assert.equal(routing.endpoint('lost')?.lastError, undefined);
      const names = [];
      for await (const item of box.listBlobsFlat()) names.push(item.name);
      assert.equal(names.length, 1);
    } finally {
      await harness?.stop();
      await back?.stop();
      await gone.stop();
    }
  });
});
