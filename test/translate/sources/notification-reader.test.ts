import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HubNotification } from '../../../sidecar/translate/sources/notifications.ts';
import type { ReceivedMessage } from '../../../sidecar/translate/types.ts';
import { codes, directory, message, translate } from '../support.ts';

const ORIGIN = {
  deviceId: 'contoso-1',
  hubName: 'hub',
  operationTimeMs: Date.parse('2022-06-01T18:43:04.556Z'),
};

function event(
  source: string,
  opType: string | undefined,
  body: unknown,
  over: Partial<ReceivedMessage> = {},
): ReceivedMessage {
  return message(body, {
    source,
    deviceId: 'contoso-1',
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    applicationProperties: {
      hubName: 'hub',
      deviceId: 'contoso-1',
      operationTimestamp: '2022-06-01T18:43:04.5561024Z',
      ...(opType === undefined ? {} : { opType }),
    },
    ...over,
  });
}

function read(input: ReceivedMessage): HubNotification | string {
  const translation = translate({}, input, directory());
  assert.equal(translation.updates.length, 0);
  return (
    translation.notifications[0] ?? [...codes(translation.refusals), ...codes(translation.ignored)].join()
  );
}

describe('notifications of sources beside telemetry', () => {
  test('twin update and replace', () => {
    const desired = {
      property1: 'new value',
      $metadata: { $lastUpdated: '2022-06-01T22:27:50Z' },
      $version: 6,
    };
    const body = { version: 7, tags: { tag1: 'new value' }, properties: { desired } };
    assert.deepEqual(read(event('twinChangeEvents', 'updateTwin', body)), {
      ...ORIGIN,
      type: 'twinChanged',
      operation: 'update',
      version: 7,
      tags: { tag1: 'new value' },
      desired,
    });
    const whole = {
      deviceId: 'contoso-1',
      etag: 'AAA=',
      version: 2,
      properties: { desired: { $version: 1 }, reported: { $version: 1 } },
    };
    const replaced = read(event('twinChangeEvents', 'replaceTwin', whole));
    assert.ok(typeof replaced !== 'string' && replaced.type === 'twinChanged');
    assert.deepEqual([replaced.operation, replaced.reported], ['replace', { $version: 1 }]);
    const guessed = read(event('twinChangeEvents', undefined, whole));
    assert.ok(
      typeof guessed !== 'string' && guessed.type === 'twinChanged' && guessed.operation === 'replace',
    );
  });

  test('of a module', () => {
    const input = event('twinChangeEvents', 'updateTwin', {}, { moduleId: 'mod' });
    const found = read(input);
    assert.ok(typeof found !== 'string');
    assert.equal(found.moduleId, 'mod');
  });

  test('connection state', () => {
    const body = { sequenceNumber: '000000000000000001D8713FF7E0851400000002000000000000000000000007' };
    assert.deepEqual(read(event('deviceConnectionStateEvents', 'deviceDisconnected', body)), {
      ...ORIGIN,
      type: 'connectionStateChanged',
      state: 'disconnected',
      sequence: body.sequenceNumber,
    });
    const ofModule = read(event('deviceConnectionStateEvents', 'moduleConnected', body, { moduleId: 'm' }));
    assert.ok(typeof ofModule !== 'string' && ofModule.type === 'connectionStateChanged');
    assert.deepEqual([ofModule.state, ofModule.moduleId], ['connected', 'm']);
    const left = read(event('deviceConnectionStateEvents', 'moduleDisconnected', {}, { moduleId: 'm' }));
    assert.ok(typeof left !== 'string' && left.type === 'connectionStateChanged');
    assert.equal(left.state, 'disconnected');
    const connected = read(event('deviceConnectionStateEvents', 'deviceConnected', {}));
    assert.deepEqual(connected, { ...ORIGIN, type: 'connectionStateChanged', state: 'connected' });
  });

  test('life cycle of devices and modules', () => {
    const twin = { deviceId: 'contoso-1', version: 2 };
    assert.deepEqual(read(event('deviceLifecycleEvents', 'createDeviceIdentity', twin)), {
      ...ORIGIN,
      type: 'lifecycle',
      operation: 'created',
      twin,
    });
    const deleted = read(event('deviceLifecycleEvents', 'deleteDeviceIdentity', twin));
    assert.ok(typeof deleted !== 'string' && deleted.type === 'lifecycle' && deleted.operation === 'deleted');
  });

  test('jobs', () => {
    const body = { jobId: 'job-1', status: 'completed', type: 'scheduleUpdateTwin' };
    assert.deepEqual(read(event('deviceJobLifecycleEvents', undefined, body)), {
      ...ORIGIN,
      type: 'jobLifecycle',
      jobId: 'job-1',
      status: 'completed',
      detail: body,
    });
  });

  test('digital twins', () => {
    const patch = [{ op: 'add', path: '/temperature', value: 10 }];
    const input = event('digitalTwinChangeEvents', undefined, patch, {
      contentType: 'application/json-patch+json',
    });
    assert.deepEqual(read(input), { ...ORIGIN, type: 'digitalTwinChanged', patch });
  });

  test('integers that would lose digits are refused', () => {
    const body = Buffer.from('{"properties":{"reported":{"id":9007199254740993,"$version":3}}}');
    const input = event('twinChangeEvents', 'updateTwin', body);
    assert.equal(read(input), 'VALUE_INEXACT');
    const { refusals } = translate({}, input, directory());
    assert.match(refusals[0]?.reason ?? '', /in "id": 9007199254740993 has more digits than a double keeps/);
    const state = { sequenceNumber: '000000000000000001D7F744182052190000000C000000000000000000000001' };
    assert.equal(typeof read(event('deviceConnectionStateEvents', 'deviceConnected', state)), 'object');
  });

  test('the time is the enqueued time when the event has none', () => {
    const found = read(
      event(
        'deviceConnectionStateEvents',
        'deviceConnected',
        {},
        { applicationProperties: { opType: 'deviceConnected', operationTimestamp: 'soon' } },
      ),
    );
    assert.ok(typeof found !== 'string');
    assert.deepEqual([found.operationTimeMs, found.deviceId], [1_700_000_000_000, 'contoso-1']);
  });

  test('what has not the form of its kind is refused', () => {
    const cases: [ReceivedMessage, string][] = [
      [event('twinChangeEvents', 'updateTwin', 5), 'EVENT_MALFORMED'],
      [event('digitalTwinChangeEvents', undefined, [5]), 'EVENT_MALFORMED'],
      [event('twinChangeEvents', 'updateTwin', Buffer.from('{')), 'BODY_NOT_JSON'],
    ];
    for (const [input, code] of cases) assert.equal(read(input), code);
  });

  test('what is of a kind that is not known is kept whole', () => {
    const cases: [ReceivedMessage, string, unknown][] = [
      [event('twinChangeEvents', 'explode', { a: 1 }), 'explode', { a: 1 }],
      [event('deviceConnectionStateEvents', undefined, {}), '', {}],
      [event('deviceConnectionStateEvents', 'deviceRoamed', { a: 1 }), 'deviceRoamed', { a: 1 }],
      [event('deviceLifecycleEvents', 'toString', {}), 'toString', {}],
      [
        event('deviceLifecycleEvents', 'updateDeviceIdentity', { b: [2] }),
        'updateDeviceIdentity',
        { b: [2] },
      ],
      [event('deviceJobLifecycleEvents', undefined, {}), '', {}],
      [event('deviceJobLifecycleEvents', undefined, []), '', []],
      [event('mqttBrokerMessages', undefined, 'text'), '', 'text'],
      [event('constructor', 'x', null), 'x', null],
      [event('deviceHealthEvents', 'gone', Buffer.alloc(0)), 'gone', undefined],
    ];
    for (const [input, operation, detail] of cases) {
      const expected = { ...ORIGIN, type: 'other', source: input.source, operation };
      assert.deepEqual(read(input), detail === undefined ? expected : { ...expected, detail });
    }
  });
});
