import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { toReceivedMessage } from '../../../sidecar/azure/event-hubs/received-message.ts';
import { messageOfLine } from '../../../sidecar/ingest/storage/stored-message.ts';

describe('the time that a device gives its message', () => {
  const zone = process.env.TZ;
  // Far from UTC: a time without a zone must not be taken for one of the host.
  beforeEach(() => {
    process.env.TZ = 'America/New_York';
  });
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  const creation = (value: unknown) =>
    toReceivedMessage(
      {
        body: Buffer.alloc(0),
        sequenceNumber: 1,
        offset: '1',
        enqueuedTimeMs: 0,
        properties: { 'iothub-creation-time-utc': value },
      },
      '0',
    ).creationTimeMs;
  const ten = Date.parse('2024-05-01T10:00:00Z');

  for (const [value, timeMs] of [
    ['2024-05-01T10:00:00Z', ten],
    ['2024-05-01T10:00:00', ten],
    ['2024-05-01T10:00:00.1234567', ten + 123],
    ['2024-05-01 10:00:00', ten],
    // Two dates have this form, so it is none.
    ['05/01/2024 10:00:00', undefined],
    ['2024-05-01T12:00:00+02:00', ten],
    ['Wed, 01 May 2024 10:00:00 GMT', ten],
    [new Date(ten), ten],
    [ten, ten],
    ['1714557600', undefined],
    ['yesterday', undefined],
    ['', undefined],
    [true, undefined],
    ['9'.repeat(100_000), undefined],
  ] as const)
    test(`${String(value).slice(0, 40)} of type ${typeof value}`, () => {
      assert.equal(creation(value), timeMs);
    });

  test('the same holds for messages in files', () => {
    const line = JSON.stringify({
      EnqueuedTimeUtc: '2024-05-01T10:00:00.0000000',
      SystemProperties: { connectionDeviceId: 'dev-1' },
      Body: {},
    });
    const { enqueuedTimeMs } = messageOfLine(line, { file: 'f', partition: '0', index: 0 });
    assert.equal(enqueuedTimeMs, ten);
  });
});
