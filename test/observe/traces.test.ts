import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inSpan } from '../../sidecar/observe/spans.ts';
import { Traces } from '../../sidecar/observe/traces.ts';
import { listeningLog } from '../dead-letters/letters.ts';
import { OtlpReceiver } from './otlp-receiver.ts';

test('the end of the traces is no failure while the receiver refuses them', async () => {
  const receiver = new OtlpReceiver();
  receiver.status = 400;
  await receiver.start();
  const { log, lines } = listeningLog();
  const traces = new Traces({ url: receiver.url, log });
  traces.start();
  try {
    await inSpan(
      () => ({ kind: 'operation', name: 'GetTwin', attributes: {} }),
      async () => undefined,
    );
    await traces.stop();
    await traces.stop();
    assert.equal(receiver.refusals, 1);
    assert.match(JSON.stringify(lines), /Traces cannot be sent/);
  } finally {
    await receiver.stop();
  }
});
