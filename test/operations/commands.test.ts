import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Message } from 'azure-iot-device';
import type { Row } from '../../scripts/local/platform.ts';
import { rawNumber } from '../../sidecar/lib/exact-json.ts';
import { field, shapeBlocks, template } from '../emulators/thingworx-tests/platform-support.ts';
import { eventually, Factory, HUB_THING, TRANSPORT_NAMES } from './factory.ts';

function propertyOf(message: Message, name: string): unknown {
  return message.properties.propertyList.find(({ key }) => key === name)?.value;
}

describe('commands', () => {
  const factory = new Factory();
  before(() => factory.start());
  after(() => factory.stop());

  for (const transport of TRANSPORT_NAMES) {
    test(`a direct method reaches a device over ${transport} and its answer comes back whole`, async () => {
      const thing = `method-${transport}`;
      await factory.createDevice(thing);
      const client = await factory.connect(thing, transport);
      client.onDeviceMethod('setSpeed', (request, response) => {
        void response.send(207, { got: request.payload, name: request.methodName });
      });
      const answer = await factory.call(thing, 'InvokeMethod', {
        methodName: 'setSpeed',
        connectTimeoutSeconds: 10,
        payload: { rpm: 1200, steps: [1, 2], nested: { on: true } },
      });
      const payload = { got: { rpm: 1200, steps: [1, 2], nested: { on: true } }, name: 'setSpeed' };
      assert.deepEqual(answer, { status: 207, payload, payloadText: JSON.stringify(payload) });
    });

    test(`a direct method reaches a module over ${transport}`, async () => {
      const thing = `module-method-${transport}`;
      await factory.createDevice(thing);
      await factory.hub('CreateModule', { deviceId: thing, moduleId: 'camera' });
      const client = await factory.connectModule(thing, 'camera', transport);
      client.onMethod('shoot', (request, response) => {
        void response?.send(200, request?.payload);
      });
      const call = (parameters: object) =>
        factory.call(thing, 'InvokeMethod', {
          methodName: 'shoot',
          moduleId: 'camera',
          connectTimeoutSeconds: 10,
          ...parameters,
        });
      assert.deepEqual(await call({ payload: { array: [1, 2] } }), {
        status: 200,
        payload: { array: [1, 2] },
        payloadText: '[1,2]',
      });
      for (const payloadText of ['"one"', '0', 'false', 'null'])
        assert.deepEqual(await call({ payloadText }), { status: 200, payloadText });
      assert.deepEqual(await call({}), { status: 200, payloadText: 'null' });
    });

    test(`a message reaches a device over ${transport} with all that was given`, async () => {
      const thing = `message-${transport}`;
      await factory.createDevice(thing);
      const next = factory.inbox(await factory.connect(thing, transport));
      const arrived = next();
      const messageId = await factory.call<string>(thing, 'SendMessage', {
        body: 'stop',
        properties: { level: 'high', 'a b': 'ü' },
        messageId: `id-${transport}`,
        correlationId: 'order-7',
        expirySeconds: 600,
      });
      const message = await arrived;
      assert.equal(messageId, `id-${transport}`);
      assert.equal(message.data.toString(), 'stop');
      assert.equal(message.messageId, `id-${transport}`);
      assert.equal(message.correlationId, 'order-7');
      assert.equal(propertyOf(message, 'level'), 'high');
      assert.equal(propertyOf(message, 'a b'), 'ü');
    });
  }

  test('bodies may be JSON or bytes, but one of them', async () => {
    await factory.createDevice('bodies');
    const next = factory.inbox(await factory.connect('bodies'));
    const json = next();
    await factory.call('bodies', 'SendMessage', { bodyJson: { on: true } });
    assert.equal((await json).data.toString(), '{"on":true}');
    const bytes = next();
    await factory.call('bodies', 'SendMessage', { bodyBase64: Buffer.from([0, 255, 7]).toString('base64') });
    assert.deepEqual([...(await bytes).data], [0, 255, 7]);
    await assert.rejects(
      factory.call('bodies', 'SendMessage', { body: 'a', bodyJson: {} }),
      /REQUEST_INVALID: More than one/,
    );
    await assert.rejects(
      factory.call('bodies', 'SendMessage', { bodyBase64: '?' }),
      /REQUEST_INVALID: bodyBase64 .*base64/,
    );
    await assert.rejects(
      factory.call('bodies', 'SendMessage', { bodyBase64: 'AAECA' }),
      /REQUEST_INVALID: bodyBase64 .*base64/,
      'a part of a group would be dropped',
    );
  });

  test('a message without a body, a reserved property and a payload that is no JSON are refused', async () => {
    await factory.createDevice('strict');
    const refused = (service: string, input: Row, words: RegExp) =>
      assert.rejects(factory.call('strict', service, input), words);
    await refused('SendMessage', {}, /REQUEST_INVALID: None of body, bodyJson, bodyBase64 and emptyBody/);
    await refused('SendMessage', { text: 'misspelt' }, /REQUEST_INVALID: None of body/);
    await refused('SendMessage', { bodyJson: 'fast' }, /REQUEST_INVALID: bodyJson is an empty object/);
    for (const name of ['iothub-ack', 'IoTHub-To', '$.mid'])
      await refused(
        'SendMessage',
        { body: 'a', properties: { [name]: 'full' } },
        /REQUEST_INVALID: properties has the name/,
      );
    await refused(
      'InvokeMethod',
      { methodName: 'm', payload: 'fast' },
      /REQUEST_INVALID: payload is an empty/,
    );
    await refused('UpdateTwin', { desired: 'fast' }, /REQUEST_INVALID: Nothing to change/);
    assert.equal(await factory.call('strict', 'PurgeMessages'), 0);
    await factory.call('strict', 'SendMessage', { emptyBody: true, properties: { kind: 'ping' } });
    assert.equal(await factory.call('strict', 'PurgeMessages'), 1);
  });

  test('many values travel in one message, from JSON or from an INFOTABLE', async () => {
    await factory.createDevice('values');
    const next = factory.inbox(await factory.connect('values'));
    const json = next();
    await factory.call('values', 'SendProperties', { values: { speed: 3, mode: 'auto' } });
    assert.deepEqual(JSON.parse((await json).data.toString()), { speed: 3, mode: 'auto' });
    const fields = { speed: 'NUMBER', on: 'BOOLEAN', at: 'DATETIME', label: 'STRING', place: 'LOCATION' };
    const fieldDefinitions = Object.fromEntries(
      Object.entries(fields).map(([name, baseType], ordinal) => [
        name,
        { name, baseType, description: '', ordinal, aspects: {} },
      ]),
    );
    const table = next();
    await factory.call('values', 'SendProperties', {
      table: {
        dataShape: { fieldDefinitions },
        rows: [
          {
            speed: 2.5,
            on: false,
            at: 1_700_000_000_000,
            label: 'x',
            place: { latitude: 1, longitude: 2, elevation: 3 },
          },
        ],
      },
    });
    const { place, ...rest } = JSON.parse((await table).data.toString());
    assert.deepEqual(rest, { speed: 2.5, on: false, at: 1_700_000_000_000, label: 'x' });
    assert.equal(place.latitude, 1);
    await assert.rejects(factory.call('values', 'SendProperties', {}), /REQUEST_INVALID/);
  });

  test("a service of one line on a template of one's own calls the method of the same name", async () => {
    const service = {
      name: 'Reboot',
      code: 'var result = me.InvokeMethod({ methodName: "Reboot", payload: { delay: delay } }).rows[0].payload;',
      result: 'JSON',
      parameters: field('delay', 'NUMBER'),
    };
    const own = template('Test.Pump_TT', shapeBlocks({ services: [service] }));
    await factory.importEntities(own.replace('"GenericThing"', '"AzureIoT.Device_TT"'));
    await factory.hub('GrantPermissions', { template: 'Test.Pump_TT' });
    await factory.createDevice('pump', { thingTemplate: 'Test.Pump_TT' });
    const client = await factory.connect('pump');
    client.onDeviceMethod(
      'Reboot',
      (request, response) => void response.send(200, { in: request.payload.delay }),
    );
    assert.deepEqual(await factory.call('pump', 'Reboot', { delay: 5 }), { in: 5 });
  });

  test('waiting messages are counted and purged', async () => {
    await factory.createDevice('purged');
    for (const body of ['1', '2', '3']) await factory.call('purged', 'SendMessage', { body });
    assert.equal(await factory.call('purged', 'PurgeMessages'), 3);
    assert.equal(await factory.call('purged', 'PurgeMessages'), 0);
  });

  test('errors are thrown with their code and say what is wrong', async () => {
    await factory.createDevice('astray');
    for (const [hubThing, problem] of [
      ['No.Such.Thing', 'does not exist or is not visible'],
      ['astray', 'knows no sidecar'],
    ]) {
      await factory.system.platform.setProperties('astray', { hubThing });
      for (const [service, parameters] of [
        ['GetTwin', {}],
        ['SendProperties', { values: { a: 1 } }],
      ] as const)
        await assert.rejects(
          factory.call('astray', service, parameters),
          new RegExp(`SETTING_INVALID: hubThing of astray names a Thing that ${problem}: ${hubThing}`),
        );
    }
    await factory.createDevice('offline');
    const invoke = (thing: string, parameters: object) =>
      factory.call(thing, 'InvokeMethod', { methodName: 'any', ...parameters });
    await assert.rejects(
      invoke('offline', {}),
      /DEVICE_OFFLINE: Calling any of offline: the device or module is not connected, or has no handler/,
    );
    await assert.rejects(invoke('offline', { moduleId: 'none' }), /DEVICE_NOT_FOUND/);
    await assert.rejects(
      invoke('offline', { responseTimeoutSeconds: 4 }),
      /REQUEST_INVALID: responseTimeoutSeconds .* from 5 to 300/,
    );
    await assert.rejects(invoke('offline', { payloadText: 'no json' }), /REQUEST_INVALID: payloadText/);
    await assert.rejects(
      invoke('offline', { payloadText: '1', payload: {} }),
      /REQUEST_INVALID: Both payload and payloadText/,
    );
    await assert.rejects(
      factory.call('offline', 'InvokeMethod', {}),
      /REQUEST_INVALID: methodName is required/,
    );
    await factory.createDevice('no-identity', { createIdentity: false });
    await assert.rejects(invoke('no-identity', {}), /DEVICE_NOT_FOUND/);
    await assert.rejects(factory.call('no-identity', 'SendMessage', { body: 'x' }), /DEVICE_NOT_FOUND/);
  });

  test('a device that does not answer in time is told from one that is not there', async () => {
    await factory.createDevice('silent');
    const client = await factory.connect('silent');
    client.onDeviceMethod('wait', () => undefined);
    await assert.rejects(
      factory.call('silent', 'InvokeMethod', { methodName: 'wait', responseTimeoutSeconds: 5 }),
      /DEVICE_TIMEOUT: Calling wait of silent: the device did not answer in time/,
    );
  });

  test('a number in an answer keeps all its digits', async () => {
    await factory.createDevice('exact');
    const client = await factory.connect('exact');
    const serial = '12345678901234567890';
    client.onDeviceMethod('serial', (_, response) => void response.send(200, { serial: rawNumber(serial) }));
    const answer = await factory.call('exact', 'InvokeMethod', {
      methodName: 'serial',
      connectTimeoutSeconds: 10,
    });
    assert.equal(answer.payloadText, `{"serial":${serial}}`);
  });

  test('a device may connect while IoT Hub waits for it', async () => {
    await factory.createDevice('late');
    const answer = factory.call('late', 'InvokeMethod', { methodName: 'hello', connectTimeoutSeconds: 20 });
    const client = await factory.connect('late');
    client.onDeviceMethod('hello', (_request, response) => void response.send(200, { late: true }));
    assert.deepEqual(await answer, { status: 200, payload: { late: true }, payloadText: '{"late":true}' });
  });

  test('the fiftieth waiting message is the last', async () => {
    await factory.createDevice('full');
    for (let count = 0; count < 50; count += 1)
      await factory.call('full', 'SendMessage', { body: String(count) });
    await assert.rejects(factory.call('full', 'SendMessage', { body: 'more' }), /DEVICE_QUEUE_FULL/);
  });

  test('feedback becomes an event of the device Thing, or of the hub Thing', async () => {
    await factory.createDevice('heard');
    await factory.createDevice('deaf', { createThing: false });
    await factory.listen('heard', 'MessageFeedback');
    await factory.listen(HUB_THING, 'MessageFeedback');
    const next = factory.inbox(await factory.connect('heard'));
    const arrived = next();
    await factory.call('heard', 'SendMessage', { body: 'x', messageId: 'taken', ack: 'full' });
    await arrived;
    await eventually(async () => {
      const [event] = await factory.heard('heard', 'MessageFeedback');
      assert.equal(event?.messageId, 'taken');
      assert.equal(event?.outcome, 'Success');
      assert.equal(event?.deviceId, 'heard');
    });
    const arrivedAgain = next();
    await factory.call('heard', 'SendMessage', { body: 'y', messageId: 'second', ack: 'full' });
    await arrivedAgain;
    await eventually(async () => {
      const { rows } = await factory.call<{ rows: Row[] }>('heard', 'ListMessageFeedback');
      assert.deepEqual(
        rows.map(({ deviceId, messageId, outcome }) => [deviceId, messageId, outcome]),
        [
          ['heard', 'second', 'Success'],
          ['heard', 'taken', 'Success'],
        ],
      );
    });
    await factory.createDevice('borrowed', { createIdentity: false });
    await factory.system.platform.setProperties('borrowed', { deviceId: 'deaf' });
    await factory.call('borrowed', 'SendMessage', { body: 'x', messageId: 'purged', ack: 'negative' });
    await factory.call('borrowed', 'PurgeMessages');
    await factory.system.platform.setProperties('borrowed', { deviceId: 'borrowed' });
    await eventually(async () => {
      const [event] = await factory.heard(HUB_THING, 'MessageFeedback');
      assert.equal(event?.messageId, 'purged');
      assert.equal(event?.outcome, 'Purged');
    });
  });

  test('feedback that ThingWorx could not take outlives the sidecar', async () => {
    await factory.createDevice('patient');
    await factory.listen('patient', 'MessageFeedback');
    const next = factory.inbox(await factory.connect('patient'));
    await factory.thingworxFault({ action: 'status', path: 'ReceiveEvents', status: 503 });
    const messageId = await factory.call('patient', 'SendMessage', { body: 'x', ack: 'full' });
    await next();
    await factory.system.sidecar.kill();
    await factory.clearThingworxFaults();
    await factory.system.sidecar.start();
    await eventually(async () => {
      const [event] = await factory.heard('patient', 'MessageFeedback');
      assert.deepEqual([event?.messageId, event?.outcome], [messageId, 'Success']);
    });
  });
});
