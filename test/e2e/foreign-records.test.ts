import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BlobLeaseClient, type ContainerClient } from '@azure/storage-blob';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING } from '../operations/factory.ts';

const FOLDER = `_group/1/${HUB_THING}`;
/** Larger than any record. */
const ENORMOUS = 40_000_000;
const SECRET = 'SharedAccessKey=c2VjcmV0';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly files?: readonly string[];
}

const id = (number: number) => `2026010100000${number}000-0000000${number}`;
const json = (value: unknown) => JSON.stringify(value);

/** What no sidecar of this version has written, by the name of its blob. */
function damagedRecords(good: Row): Readonly<Record<string, string>> {
  const task = (number: number, more: Row) => json({ ...good, id: id(number), ...more });
  return {
    'empty.json': '',
    'garbage.json': '\0\x01{"a":',
    'null.json': 'null',
    'list.json': '[]',
    'text.json': json(SECRET),
    'enormous.json': `{"id":"enormous","text":"${'x'.repeat(ENORMOUS)}"}`,
    'nested.json': `${'['.repeat(200_000)}${']'.repeat(200_000)}`,
    '__proto__.json': '{"__proto__":{"id":"__proto__"}}',
    [`${id(1)}.json`]: json({ id: id(1), version: 7 }),
    // It would be another record's.
    [`${id(2)}.json`]: task(3, {}),
    // Ids are parts of paths.
    'folder/x.json': json({ ...good, id: 'folder/x' }),
    '...json': json({ ...good, id: '..' }),
    [`${id(4)}.json`]: task(4, { createdAtMs: 'yesterday', takenAtMs: 'yesterday' }),
    [`${id(5)}.json`]: task(5, { state: 'exploding', notification: null }),
    [`${id(6)}.json`]: task(6, { counts: null, file: null, notification: { deviceId: {} } }),
  };
}

const TASK = {
  kind: 'CompareRegistry',
  title: 'Compare',
  input: {},
  state: 'completed',
  done: 0,
  counts: {},
  reported: 0,
  createdAtMs: Date.UTC(2026, 0, 1),
};
const DEPLOYMENT = {
  deviceId: 'pump-01',
  name: 'vision',
  version: '1',
  account: 'Plant.Storage',
  container: 'packages',
  path: '/vision.zip',
  file: { etag: '"1"', size: 1, contentType: 'text/plain' },
  state: 'installed',
  code: '',
  message: '',
  attempted: true,
  confirmed: true,
  createdAtMs: Date.UTC(2026, 0, 1),
  changedAtMs: Date.UTC(2026, 0, 1),
  deadlineMs: Date.UTC(2026, 0, 2),
  fileDeleted: true,
  cleaned: true,
  shown: true,
};
const UPLOAD = {
  takenAtMs: Date.UTC(2026, 0, 1),
  doneAtMs: Date.UTC(2026, 0, 1),
  notification: { deviceId: 'pump-01', blobName: 'pump-01/a.txt', blobUri: 'https://storage/a.txt' },
};

describe('records in the container of the checkpoints that somebody else wrote', () => {
  const lines: Line[] = [];
  const factory = new Factory({
    localCheckpoints: false,
    onSidecarLine: (line) => lines.push(JSON.parse(line) as Line),
  });
  const { system } = factory;
  let container: ContainerClient;

  before(async () => {
    await factory.start();
    const { checkpointContainer } = await factory.read(HUB_THING);
    container = factory.rawContainer(String(checkpointContainer));
  });
  after(() => factory.stop());

  const put = async (name: string, text: string) =>
    void (await container.getBlockBlobClient(`${FOLDER}/${name}`).upload(text, Buffer.byteLength(text)));

  async function restarted(): Promise<Line[]> {
    await system.sidecar.stop();
    const begin = lines.length;
    await system.sidecar.start();
    await system.waitForState('running');
    await leads(begin);
    return lines.slice(begin);
  }
  const leads = (begin: number) =>
    eventually(async () =>
      assert.ok(
        lines.slice(begin).some(({ msg }) => msg.startsWith('This sidecar does the background work')),
      ),
    );
  const rows = async (service: string, parameters: Row = {}) =>
    (await factory.hub<{ rows: Row[] }>(service, parameters)).rows;

  test('are passed over and told once, and the work goes on', async () => {
    await put(`tasks/${id(9)}.json`, json({ ...TASK, id: id(9) }));
    await put(`packages/${id(9)}.json`, json({ ...DEPLOYMENT, id: id(9) }));
    await put(`uploads/${id(9)}.json`, json({ ...UPLOAD, id: id(9) }));
    for (const [work, good] of [
      ['tasks', TASK],
      ['packages', DEPLOYMENT],
      ['uploads', UPLOAD],
    ] as const)
      for (const [name, text] of Object.entries(damagedRecords(good))) await put(`${work}/${name}`, text);
    await put('outcomes/last.json', '{"id":"last","records":[null,1,{"deviceId":{}}]}');
    await put(
      `tasks-reports/${id(9)}/00000000.ndjson`,
      `garbage\nnull\n7\n{"item":{}}\n${json({ item: 'a', outcome: 'b', message: 'c' })}\n`,
    );
    const told = await restarted();
    const names = Object.keys(damagedRecords({})).sort();
    const warnings = told.filter(({ files }) => files !== undefined);
    assert.equal(warnings.length, 3, json(warnings));
    for (const { files } of warnings) assert.deepEqual([...(files ?? [])].sort(), names);
    assert.deepEqual(
      told.filter(({ level }) => level === 'error' || level === 'fatal'),
      [],
    );
    assert.ok(!json(told).includes(SECRET));
    assert.deepEqual(
      (await rows('ListTasks')).map((task) => task['id']),
      [id(9)],
    );
    assert.deepEqual(
      (await rows('ListPackages')).map(({ deploymentId }) => deploymentId),
      [id(9)],
    );
    assert.deepEqual(
      (await rows('GetTaskReport', { task: id(9) })).map(({ item }) => item),
      ['a'],
    );
    const task = await factory.hub<string>('CompareRegistry');
    await eventually(async () =>
      assert.equal((await factory.hub('GetTask', { task }))['state'], 'completed'),
    );
  });

  test('requests that nobody understands are removed', async () => {
    const requests = {
      garbage: '\0{',
      list: '[]',
      numbers: json({ work: 1, action: 2, subject: 3 }),
      unknown: json({ work: 'else', action: 'readNew', subject: '' }),
      strange: json({ work: 'tasks', action: 'explode', subject: '../../../x' }),
      cancel: json({ work: 'packages', action: 'cancel', subject: 'not JSON' }),
      nothing: json({ work: 'packages', action: 'cancel', subject: 'null' }),
      proto: json({ work: '__proto__', action: 'constructor', subject: 'toString' }),
      enormous: json({ work: 'tasks', action: 'readNew', subject: 'x'.repeat(ENORMOUS) }),
    };
    for (const [name, text] of Object.entries(requests)) await put(`requests/${name}.json`, text);
    await eventually(async () => {
      const left = [];
      for await (const { name } of container.listBlobsFlat({ prefix: `${FOLDER}/requests/` }))
        left.push(name);
      assert.deepEqual(left, []);
    });
    assert.equal((await factory.hub('GetStatus'))['state'], 'running');
  });

  test('a lease without an end, which no sidecar takes, is told once', async () => {
    await system.sidecar.stop();
    const begin = lines.length;
    const lead = container.getBlobClient(`${FOLDER}/lead`);
    const lease = new BlobLeaseClient(lead);
    await eventually(async () => void (await lease.acquireLease(-1)));
    await system.sidecar.start();
    await system.waitForState('running');
    const isTold = (line: Line) => json(line).includes('lease without an end');
    await eventually(async () => assert.ok(lines.slice(begin).some(isTold)));
    await lease.breakLease(0);
    await leads(begin);
    assert.equal(lines.slice(begin).filter(isTold).length, 1);
  });
});
