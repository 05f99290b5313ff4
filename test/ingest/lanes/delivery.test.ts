import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { DeadLetter } from '../../../sidecar/dead-letters/store.ts';
import { Delivery } from '../../../sidecar/ingest/lanes/delivery.ts';
import type { TranslatedMessage } from '../../../sidecar/ingest/lanes/interpreter.ts';
import { message } from '../../translate/support.ts';
import { TestPipeline } from '../pipeline-fixture.ts';

/** Of property a of dev-1. ThingWorx refuses the first one. */
function translated(number: number): TranslatedMessage {
  return {
    message: message({ a: 1 }, { deviceId: 'dev-1', sequenceNumber: number }),
    number,
    updates: [
      {
        thing: 'dev-1',
        timeMs: number,
        quality: 'GOOD',
        properties: ['a'],
        baseTypes: ['NUMBER'],
        values: [1],
      },
    ],
    notifications: [],
    reasons: [],
    ignored: [],
    bytes: 7,
    heldBytes: 7,
  };
}

describe('delivery', () => {
  let pipeline: TestPipeline;
  let letters: DeadLetter[];
  beforeEach(async () => {
    letters = [];
    pipeline = new TestPipeline();
    await pipeline.start();
    pipeline.thingworx.things.set('dev-1', { a: 'NUMBER' });
    pipeline.thingworx.refuse = ({ sequenceNumber }) =>
      sequenceNumber === 0 ? 'The value is refused' : undefined;
  });
  afterEach(() => pipeline.stop());

  const delivery = () =>
    new Delivery({
      ...pipeline.parts,
      deadLetters: { append: async (some) => void letters.push(...some) },
      deadLetterOf: ({ message, reasons }, storedAtMs) => ({ id: '0-0', storedAtMs, message, reasons }),
    });

  test('stores what ThingWorx refuses', async () => {
    await delivery().deliver([translated(0), translated(1)], undefined, new AbortController().signal);
    assert.deepEqual(
      letters.map(({ reasons }) => reasons.map(({ code }) => code)),
      [['VALUE_REFUSED']],
    );
  });

  test('that was given up stores no dead letter: another sidecar delivers the message', async () => {
    const giveUp = new AbortController();
    const send = pipeline.parts.sender.send.bind(pipeline.parts.sender);
    // The partition is lost while the last answer is on its way.
    pipeline.parts.sender.send = async (...given) => {
      const refused = await send(...given);
      giveUp.abort();
      return refused;
    };
    await assert.rejects(delivery().deliver([translated(0), translated(1)], undefined, giveUp.signal), {
      code: 'STOPPING',
    });
    assert.deepEqual(letters, []);
  });
});
