import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Client, Twin } from 'azure-iot-device';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING, TRANSPORT_NAMES } from './factory.ts';

/** Without what the hub adds. */
function bare(section: unknown): Row {
  return Object.fromEntries(Object.entries((section ?? {}) as Row).filter(([name]) => !name.startsWith('$')));
}

/** The SDK follows desired properties only while somebody listens. */
async function followTwin(client: { getTwin(): Promise<Twin> }): Promise<Twin> {
  const twin = await client.getTwin();
  twin.on('properties.desired', () => undefined);
  return twin;
}

async function desiredOf(twin: Twin): Promise<Row> {
  return bare(twin.properties.desired);
}

function report(twin: Twin, patch: Row): Promise<void> {
  return new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error: Error | undefined) => (error ? reject(error) : resolve()));
  });
}

describe('twins', () => {
  const factory = new Factory({
    builtInSources: [
      'twinChangeEvents',
      'deviceConnectionStateEvents',
      'deviceLifecycleEvents',
      'digitalTwinChangeEvents',
      'deviceJobLifecycleEvents',
    ],
  });
  before(() => factory.start());
  after(() => factory.stop());

  const twinOf = async (thing: string) =>
    (await factory.call(thing, 'GetTwin')) as Row & { properties: Record<string, Row> };
  const shows = (thing: string, property: string, expected: Row) =>
    eventually(async () => assert.deepEqual(bare((await factory.read(thing))[property]), expected));

  for (const transport of TRANSPORT_NAMES) {
    test(`desired properties reach a device over ${transport}, and what it reports is read`, async () => {
      const thing = `twin-${transport}`;
      await factory.createDevice(thing);
      const client: Client = await factory.connect(thing, transport);
      const twin = await followTwin(client);
      // The SDK does not say when it listens.
      for (let round = 1; !('round' in (await desiredOf(twin))); round += 1) {
        await factory.call(thing, 'UpdateTwin', { desired: { round } });
      }
      await factory.call(thing, 'UpdateTwin', { desired: { round: null } });
      await factory.call(thing, 'UpdateTwin', {
        desired: { speed: 3, limits: { high: 9, low: 1 } },
        tags: { site: 'Lyon' },
      });
      await eventually(async () =>
        assert.deepEqual(await desiredOf(twin), { speed: 3, limits: { high: 9, low: 1 } }),
      );
      await report(twin, { speed: 3 });
      const { tags, properties } = await twinOf(thing);
      assert.deepEqual(tags, { site: 'Lyon' });
      assert.deepEqual(bare(properties.reported), { speed: 3 });
      await shows(thing, 'twinDesired', { speed: 3, limits: { high: 9, low: 1 } });
      await shows(thing, 'twinReported', { speed: 3 });
      await shows(thing, 'twinTags', { site: 'Lyon' });
    });
  }

  test('null removes a key, replacing removes what is not named', async () => {
    await factory.createDevice('patched');
    await factory.call('patched', 'UpdateTwin', { desired: { a: 1, b: { c: 2, d: 3 } } });
    await factory.call('patched', 'UpdateTwin', { desired: { a: null, b: { c: null } } });
    assert.deepEqual(bare((await twinOf('patched')).properties.desired), { b: { d: 3 } });
    await factory.call('patched', 'ReplaceTwin', { desired: { z: 1 }, tags: { t: 1 } });
    const { tags, properties } = await twinOf('patched');
    assert.deepEqual([bare(properties.desired), tags], [{ z: 1 }, { t: 1 }]);
    await shows('patched', 'twinDesired', { z: 1 });
    await shows('patched', 'twinTags', { t: 1 });
  });

  test('a property called array, whose value is a list, is no boxed array', async () => {
    await factory.createDevice('listed');
    const twin = await factory.call('listed', 'UpdateTwin', { desired: { array: [1, 2] } });
    assert.deepEqual((twin.properties as { desired: Row }).desired.array, [1, 2]);
  });

  test('what is no object with keys is refused for a twin property, and the value is put back', async () => {
    await factory.createDevice('emptied');
    const { system } = factory;
    await system.platform.setProperties('emptied', { twinDesired: { keep: 1 } });
    await eventually(async () => assert.equal((await twinOf('emptied')).properties.desired?.keep, 1));
    for (const value of [null, {}, [1, 2], 'text']) {
      await system.platform.setProperties('emptied', { twinDesired: value as never });
      await eventually(async () => {
        const { twinDesired } = await factory.read('emptied');
        assert.equal((twinDesired as { keep?: number } | undefined)?.keep, 1);
      });
      const { desired } = (await twinOf('emptied')).properties;
      assert.equal(desired?.keep, 1);
      assert.equal('array' in (desired ?? {}), false);
    }
    // The platform itself takes no number for JSON, so nothing is overwritten.
    await assert.rejects(
      system.platform.setProperties('emptied', { twinDesired: 5 as never }),
      /Unable To Convert/,
    );
    assert.equal(((await factory.read('emptied')).twinDesired as Row).keep, 1);
  });

  test('an old ETag is refused', async () => {
    await factory.createDevice('tagged');
    const { etag } = await twinOf('tagged');
    await factory.call('tagged', 'UpdateTwin', { tags: { a: 1 }, etag });
    await assert.rejects(
      factory.call('tagged', 'UpdateTwin', { tags: { a: 2 }, etag }),
      /PRECONDITION_FAILED/,
    );
    await assert.rejects(
      factory.call('tagged', 'UpdateTwin', {}),
      /REQUEST_INVALID: Nothing to change is given; expected desired, tags/,
    );
  });

  for (const transport of TRANSPORT_NAMES) {
    test(`the twin of a module is read and changed over ${transport}, and mirrored where the Thing has properties for it`, async () => {
      const thing = `modular-${transport}`;
      const moduleId = 'camera';
      await factory.createDevice(thing);
      await factory.hub('CreateModule', { deviceId: thing, moduleId });
      for (const name of ['twinDesired', 'twinReported'])
        await factory.system.platform.addProperty(thing, `${moduleId}::${name}`, 'JSON');
      await factory.call(thing, 'RestartThing');
      const twin = await followTwin(await factory.connectModule(thing, moduleId, transport));
      // The SDK does not say when it listens.
      for (let round = 1; !('round' in (await desiredOf(twin))); round += 1)
        await factory.call(thing, 'UpdateTwin', { desired: { round }, moduleId });
      await factory.call(thing, 'UpdateTwin', { desired: { round: null, zoom: 2 }, moduleId });
      await eventually(async () => assert.deepEqual(await desiredOf(twin), { zoom: 2 }));
      await report(twin, { zoom: 2 });
      await factory.call(thing, 'ReplaceTwin', { desired: { zoom: 4 }, tags: { lens: 'wide' }, moduleId });
      const { tags, properties } = await factory.call(thing, 'GetTwin', { moduleId });
      const { desired, reported } = properties as Record<string, Row>;
      assert.deepEqual([tags, bare(desired), bare(reported)], [{ lens: 'wide' }, { zoom: 4 }, { zoom: 2 }]);
      await shows(thing, `${moduleId}::twinDesired`, { zoom: 4 });
      await shows(thing, `${moduleId}::twinReported`, { zoom: 2 });
      assert.deepEqual(bare((await factory.read(thing)).twinDesired), {});
    });
  }

  test('a value that is set on the Thing reaches the device once', async () => {
    await factory.createDevice('set');
    const client = await factory.connect('set');
    const twin = await client.getTwin();
    const seen: Row[] = [];
    twin.on('properties.desired', (delta) => seen.push(bare(delta)));
    // The SDK does not say when it listens.
    for (let round = 1; !('round' in (await desiredOf(twin))); round += 1)
      await factory.call('set', 'UpdateTwin', { desired: { round } });
    await factory.call('set', 'UpdateTwin', { desired: { round: null, kept: 1, removed: 2 } });
    await shows('set', 'twinDesired', { kept: 1, removed: 2 });
    const { platform } = factory.system;
    await platform.setProperties('set', { twinDesired: { kept: 1, added: { deep: true } } });
    await eventually(async () => assert.deepEqual(await desiredOf(twin), { kept: 1, added: { deep: true } }));
    await eventually(async () => {
      const { twinDesired } = await factory.read('set');
      assert.equal((twinDesired as Row).$version, (await twinOf('set')).properties.desired?.$version);
    });
    await platform.setProperties('set', { twinTags: { line: 7 } });
    await eventually(async () => assert.deepEqual((await twinOf('set')).tags, { line: 7 }));
    // One more change by the hub, which comes last: whatever echoed would have come before it.
    const { version } = await twinOf('set');
    await factory.call('set', 'UpdateTwin', { tags: { line: 8 } });
    await shows('set', 'twinTags', { line: 8 });
    assert.equal((await twinOf('set')).version, Number(version) + 1);
    assert.deepEqual(
      seen.filter((delta) => 'added' in delta),
      [{ removed: null, added: { deep: true } }],
    );
  });

  test('a value set back to what it was is sent, too, however often', async () => {
    await factory.createDevice('undone');
    const { platform } = factory.system;
    const hubHas = (mode: string) =>
      eventually(async () => assert.deepEqual(bare((await twinOf('undone')).properties.desired), { mode }));
    await factory.call('undone', 'UpdateTwin', { desired: { mode: 'a' } });
    await shows('undone', 'twinDesired', { mode: 'a' });
    for (let round = 1; round <= 10; round += 1) {
      // The mirror and the subscription to the property write at the same time, which must not silence the user.
      const { twinDesired: first } = await factory.read('undone');
      await platform.setProperties('undone', { twinDesired: { ...(first as Row), mode: 'b' } });
      await hubHas('b');
      await eventually(async () =>
        assert.notEqual(
          ((await factory.read('undone')).twinDesired as Row).$version,
          (first as Row).$version,
        ),
      );
      await platform.setProperties('undone', { twinDesired: first });
      await hubHas('a');
      await eventually(async () =>
        assert.ok(
          Number(((await factory.read('undone')).twinDesired as Row).$version) >
            Number((first as Row).$version) + 1,
        ),
      );
    }
  });

  test('a refused value is put back, with an event', async () => {
    await factory.createDevice('refused');
    await factory.listen('refused', 'TwinUpdateRefused');
    await factory.call('refused', 'UpdateTwin', { desired: { good: 1 } });
    await shows('refused', 'twinDesired', { good: 1 });
    await factory.system.platform.setProperties('refused', { twinDesired: { 'bad.key': 1 } });
    await shows('refused', 'twinDesired', { good: 1 });
    await eventually(async () => {
      const [event] = await factory.heard('refused', 'TwinUpdateRefused');
      assert.equal(event?.property, 'twinDesired');
      assert.equal(event?.code, 'AZURE_REJECTED');
      assert.deepEqual(event?.attempted, { 'bad.key': 1 });
    });
    // With a dollar sign only the hub may write.
    await factory.system.platform.setProperties('refused', { twinDesired: { good: 1, $mine: 2 } });
    await eventually(async () => {
      const [, event] = await factory.heard('refused', 'TwinUpdateRefused');
      assert.equal(event?.code, 'AZURE_REJECTED');
    });
    await shows('refused', 'twinDesired', { good: 1 });
  });

  test('changes fire TwinChanged with what has changed', async () => {
    await factory.createDevice('told');
    await factory.listen('told', 'TwinChanged');
    await factory.call('told', 'UpdateTwin', { tags: { a: 1, b: 2 } });
    await factory.call('told', 'UpdateTwin', { tags: { b: null } });
    await eventually(async () => {
      const events = await factory.heard('told', 'TwinChanged');
      assert.deepEqual(
        events.map(({ operation, deviceId, tags }) => ({ operation, deviceId, tags })),
        [
          { operation: 'update', deviceId: 'told', tags: { a: 1, b: 2 } },
          { operation: 'update', deviceId: 'told', tags: { b: null } },
        ],
      );
    });
  });

  test('a Thing of another name follows its device', async () => {
    await factory.createDevice('dev-17', { thingName: 'Press.Left' });
    await factory.call('Press.Left', 'UpdateTwin', { tags: { side: 'left' } });
    await shows('Press.Left', 'twinTags', { side: 'left' });
  });

  test('a device that is made anew begins again, whatever versions its Thing had', async () => {
    await factory.createDevice('anew');
    for (const speed of [1, 2, 3])
      await factory.call('anew', 'UpdateTwin', { desired: { speed, old: true } });
    await shows('anew', 'twinDesired', { speed: 3, old: true });
    await factory.hub('DeleteDevice', { deviceId: 'anew' });
    await factory.hub('CreateDevice', { deviceId: 'anew' });
    await factory.call('anew', 'UpdateTwin', { desired: { speed: 1 } });
    await shows('anew', 'twinDesired', { speed: 1 });
  });

  describe('a Thing that is new to a device with a twin', () => {
    const device = async (deviceId: string) => {
      await factory.hub('CreateDevice', { deviceId });
      const client = await factory.connect(deviceId);
      const twin = await followTwin(client);
      await report(twin, { firmware: '1.2' });
      return deviceId;
    };
    const hasAll = (thing: string, tags: Row) =>
      eventually(async () => {
        const values = await factory.read(thing);
        assert.deepEqual(bare(values.twinReported), { firmware: '1.2' });
        assert.deepEqual(bare(values.twinTags), tags);
        assert.equal((values.twinDesired as Row)['$version'], 1);
        assert.equal(values.connectionState, 'Connected');
      });
    const tagged = async (deviceId: string, tags: Row) => {
      await device(deviceId);
      // A Thing of another device gives the services of a device.
      await factory.createDevice(`${deviceId}-helper`);
      await factory.system.platform.setProperties(`${deviceId}-helper`, { deviceId });
      await factory.call(`${deviceId}-helper`, 'UpdateTwin', { tags });
      await factory.system.platform.setProperties(`${deviceId}-helper`, { deviceId: `${deviceId}-helper` });
      return deviceId;
    };

    test('has it at once when CreateDevice makes it', async () => {
      const deviceId = await tagged('known', { site: 'Lyon' });
      await factory.createDevice(deviceId);
      await hasAll(deviceId, { site: 'Lyon' });
    });

    test('has it at once when somebody makes it by hand', async () => {
      const deviceId = await tagged('manual', { site: 'Metz' });
      await factory.system.platform.createThing('Hall.Manual', 'AzureIoT.Device_TT');
      await factory.system.platform.setProperties('Hall.Manual', { deviceId, hubThing: HUB_THING });
      await hasAll('Hall.Manual', { site: 'Metz' });
    });

    test('has it from the twins that an import has read', async () => {
      const deviceId = await tagged('imported', { site: 'Nice' });
      const task = await factory.hub<string>('StartImport', { deviceIds: { array: [deviceId] } });
      await eventually(async () =>
        assert.equal((await factory.hub<Row>('GetTask', { task })).state, 'completed'),
      );
      const values = await factory.read(deviceId);
      assert.deepEqual(bare(values.twinTags), { site: 'Nice' });
      await hasAll(deviceId, { site: 'Nice' });
    });

    test('shows it after RefreshTwin, whatever it had', async () => {
      const deviceId = await tagged('asked', { site: 'Brest' });
      await factory.createDevice(deviceId);
      await hasAll(deviceId, { site: 'Brest' });
      await factory.system.platform.setProperties(deviceId, {
        twinReported: { firmware: 'wrong' },
        connectionState: '',
      });
      const answer = await factory.call<Row>(deviceId, 'RefreshTwin');
      assert.deepEqual(bare(answer.reported), { firmware: '1.2' });
      await hasAll(deviceId, { site: 'Brest' });
    });
  });

  test('digital twin changes and jobs fire events', async () => {
    await factory.createDevice('plug');
    await factory.listen('plug', 'DigitalTwinChanged');
    await factory.listen(HUB_THING, 'JobChanged');
    const properties = {
      hubName: 'hub',
      deviceId: 'plug',
      operationTimestamp: '2026-01-31T12:00:00.1234567Z',
    };
    await factory.control('/events', {
      source: 'digitalTwinChangeEvents',
      deviceId: 'plug',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      properties: { ...properties, opType: 'updateDigitalTwin' },
      body: [{ op: 'replace', path: '/targetTemperature', value: 21 }],
    });
    await factory.control('/events', {
      source: 'deviceJobLifecycleEvents',
      deviceId: 'plug',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      properties: { ...properties, opType: 'completed', jobId: 'job-1' },
      body: { jobId: 'job-1', status: 'completed' },
    });
    await eventually(async () => {
      const [changed] = await factory.heard('plug', 'DigitalTwinChanged');
      assert.deepEqual(changed?.patch, { array: [{ op: 'replace', path: '/targetTemperature', value: 21 }] });
      const [job] = await factory.heard(HUB_THING, 'JobChanged');
      assert.equal(job?.jobId, 'job-1');
      assert.equal(job?.status, 'completed');
    });
  });

  test('a module that connects is shown, and kinds of notifications that are not known fire OtherNotification', async () => {
    await factory.createDevice('odd');
    await factory.listen('odd', 'DeviceConnectionChanged');
    await factory.listen('odd', 'OtherNotification');
    await factory.listen(HUB_THING, 'OtherNotification');
    const { deadLettered } = (await factory.hub<{ counters: Row }>('GetStatus')).counters;
    const notify = (deviceId: string, source: string, opType: string, body?: unknown) =>
      factory.control('/events', {
        source,
        deviceId,
        ...(opType === 'moduleConnected' ? { moduleId: 'camera' } : {}),
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        properties: { hubName: 'hub', deviceId, opType, operationTimestamp: '2026-01-31T12:00:00Z' },
        ...(body === undefined ? {} : { body }),
      });
    await notify('odd', 'deviceConnectionStateEvents', 'moduleConnected', { sequenceNumber: '01' });
    await notify('odd', 'deviceLifecycleEvents', 'updateDeviceIdentity', { status: 'disabled' });
    await notify('odd', 'deviceHealthEvents', 'degraded', [1, 2]);
    await notify('without-a-thing', 'deviceHealthEvents', 'gone');
    await eventually(async () => {
      const [connection] = await factory.heard('odd', 'DeviceConnectionChanged');
      assert.deepEqual([connection?.state, connection?.moduleId], ['Connected', 'camera']);
      const told = await factory.heard('odd', 'OtherNotification');
      assert.deepEqual(
        told.map(({ source, operation, content }) => [source, operation, content]),
        [
          ['deviceLifecycleEvents', 'updateDeviceIdentity', { status: 'disabled' }],
          ['deviceHealthEvents', 'degraded', { array: [1, 2] }],
        ],
      );
      const [onHub] = await factory.heard(HUB_THING, 'OtherNotification');
      assert.deepEqual(
        [onHub?.deviceId, onHub?.source, onHub?.operation, onHub?.content],
        ['without-a-thing', 'deviceHealthEvents', 'gone', {}],
      );
    });
    const after = (await factory.hub<{ counters: Row }>('GetStatus')).counters;
    assert.equal(after.deadLettered, deadLettered);
  });

  test('events that were applied are dropped, and one that fails stops no other', async () => {
    await factory.createDevice('again');
    await factory.listen('again', 'DeviceConnectionChanged');
    const event = (sequenceNumber: number, thing: string, state: string) => ({
      sequenceNumber,
      thing,
      event: 'DeviceConnectionChanged',
      data: { deviceId: 'again', moduleId: '', state, time: 1_700_000_000_000 },
      values: { connectionState: state },
    });
    const batch = (events: object[], through: number) =>
      factory.hub('ReceiveEvents', { batch: { stream: 'test', partition: '31', through, events } });
    const first = await batch(
      [event(1, 'again', 'Connected'), event(2, 'missing', 'Connected'), event(3, 'again', 'Disconnected')],
      3,
    );
    assert.equal(first.accepted, 2);
    assert.deepEqual(
      (first.refused as Row[]).map(({ sequenceNumber, index }) => [sequenceNumber, index]),
      [[2, 1]],
    );
    // Up to the first refusal only: should its answer get lost, it must be told again.
    assert.deepEqual(await batch([event(1, 'again', 'Connected')], 1), {
      accepted: 0,
      repeated: 1,
      refused: [],
    });
    assert.deepEqual(await batch([event(4, 'again', 'Connected')], 4), {
      accepted: 1,
      repeated: 0,
      refused: [],
    });
    assert.deepEqual(await batch([event(3, 'again', 'Disconnected')], 3), {
      accepted: 0,
      repeated: 1,
      refused: [],
    });
    assert.equal((await factory.read('again')).connectionState, 'Connected');
  });

  test('events wait while ThingWorx is away and arrive after it is back', async () => {
    await factory.createDevice('patient');
    await factory.thingworxFault({ action: 'status', path: 'ReceiveEvents', status: 503, count: 3 });
    await factory.call('patient', 'UpdateTwin', { tags: { waited: true } });
    await shows('patient', 'twinTags', { waited: true });
  });

  test('events of devices without a Thing are counted as ignored, and every message is accounted for', async () => {
    await factory.hub('CreateDevice', { deviceId: 'nobody' });
    const client = await factory.connect('nobody');
    await client.close();
    await eventually(async () => {
      const status = (await factory.hub('GetStatus')) as {
        counters: Record<string, number>;
        ignoredByReason: Record<string, number>;
      };
      assert.ok(Number(status.ignoredByReason.THING_UNKNOWN) >= 2);
      const { received, delivered, ignored, deadLettered, released, inFlight } = status.counters as Record<
        string,
        number
      >;
      assert.equal(
        received,
        Number(delivered) + Number(ignored) + Number(deadLettered) + Number(released) + Number(inFlight),
      );
      assert.equal(deadLettered, 0);
      assert.equal(inFlight, 0);
    });
  });
});
