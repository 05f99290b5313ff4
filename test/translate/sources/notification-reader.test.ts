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

  test('what is malformed is refused, a source of no concern ignored', () => {
    const cases: [ReceivedMessage, string][] = [
      [event('twinChangeEvents', 'explode', {}), 'EVENT_MALFORMED'],
      [event('twinChangeEvents', 'updateTwin', 5), 'EVENT_MALFORMED'],
      [event('deviceConnectionStateEvents', undefined, {}), 'EVENT_MALFORMED'],
      [event('deviceLifecycleEvents', 'toString', {}), 'EVENT_MALFORMED'],
      [event('deviceJobLifecycleEvents', undefined, {}), 'EVENT_MALFORMED'],
      [event('deviceJobLifecycleEvents', undefined, []), 'EVENT_MALFORMED'],
      [event('digitalTwinChangeEvents', undefined, [5]), 'EVENT_MALFORMED'],
      [event('twinChangeEvents', 'updateTwin', Buffer.from('{')), 'BODY_NOT_JSON'],
      [event('mqttBrokerMessages', undefined, {}), 'SOURCE'],
      [event('constructor', undefined, {}), 'SOURCE'],
    ];
    for (const [input, code] of cases) assert.equal(read(input), code);
  });
});
