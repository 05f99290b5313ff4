import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventHubConsumerClient } from '@azure/event-hubs';
import rhea from 'rhea';
import {
  type ConnectionContext,
  missingNames,
} from '../../../sidecar/azure/event-hubs/connection-context.ts';
import { LinkAuthorization } from '../../../sidecar/azure/event-hubs/link-authorization.ts';
import type { Log } from '../../../sidecar/observe/log.ts';
import { until } from '../helpers.ts';
import { EventSourceFixture } from './event-source-fixture.ts';

describe("the sidecar's own receiver", () => {
  const fixture = new EventSourceFixture('own');
  const { open, fill } = fixture;
  beforeEach(fixture.start);
  afterEach(fixture.stop);

  /** A log that keeps the names that are said to be missing. */
  const missingLog = () => {
    const missing: string[] = [];
    const warn = (fields: { missing: string[] }) => missing.push(...fields.missing);
    return { missing, log: { warn } as unknown as Log };
  };

  test('is used with the installed versions of the SDK and of rhea', async () => {
    const { missing, log } = missingLog();
    fill(0, 3);
    await open({ log });
    await until('three events', () => fixture.recorder.events.length === 3);
    assert.deepEqual(missing, []);
  });

  test('gives way to the receiver of the SDK, with a log line, when rhea is built differently', async (context: TestContext) => {
    const { missing, log } = missingLog();
    const session = { attach_receiver: () => new EventEmitter() };
    const create = rhea.create_connection.bind(rhea);
    // The connection of which the names are asked, and no other, has this option alone.
    const isAsked = (options: object) => Object.keys(options).join() === 'reconnect';
    context.mock.method(rhea, 'create_connection', (options: never) =>
      isAsked(options) ? { create_session: () => session } : create(options),
    );
    fill(0, 3);
    await open({ log });
    await until('three events', () => fixture.recorder.events.length === 3);
    assert.deepEqual(missing, ['incoming']);
  });

  test('names each part of the SDK that is not there', () => {
    const client = new EventHubConsumerClient('$Default', fixture.server.connectionString);
    assert.deepEqual(missingNames(client), []);
    const { _context: context } = client as unknown as { _context: Record<string, unknown> };
    for (const name of ['connection', 'tokenCredential', 'cbsSession', 'negotiateClaimLock', 'receivers']) {
      const { [name]: kept } = context;
      context[name] = undefined;
      assert.deepEqual(missingNames(client), [name]);
      context[name] = kept;
    }
    assert.deepEqual(missingNames({} as never).length, 8);
  });

  test('skips and counts what is no message, and reads on', async () => {
    const garbage = { body: '', bytes: { payload: Buffer.from('no AMQP at all'), format: 0 } };
    const batch = { body: '', bytes: { payload: Buffer.from('x'), format: 0x80013700 } };
    fixture.server.append(0, { body: '0' }, garbage, batch, { body: '3' });
    await open();
    await until('both messages', () => fixture.recorder.events.length === 2);
    assert.deepEqual(fixture.recorder.sequence('0'), [0, 3]);
    const counts = fixture.recorder.errors.map(({ error }) =>
      Number(/delivered (\d) transfers that are not messages/.exec(error.message)?.[1]),
    );
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      2,
    );
  });

  test('accepts what it has received, so that the service can forget it', async () => {
    fill(0, 5000);
    await open({ partitions: ['0'] });
    await until('all events', () => fixture.recorder.events.length === 5000);
    await until('the last answer', () => fixture.server.unsettled === 0);
  });

  test('a connection that is lost while a link is opened does not keep it waiting', async () => {
    fixture.server.silentClaims = true;
    fill(0, 1);
    await open({ partitions: ['0'], silenceMs: 600_000 });
    await until('the claim', () => fixture.server.unanswered === 1);
    fixture.server.silentClaims = false;
    fixture.server.cutConnections();
    await until('the event', () => fixture.recorder.events.length === 1);
  });

  test('asks the handler less often when nothing comes, and reopens a partition all the same', async (context: TestContext) => {
    let questions = 0;
    const { recorder } = fixture;
    const ask = recorder.onBatch.bind(recorder);
    recorder.onBatch = async (partitionId, events) => {
      questions += 1;
      await ask(partitionId, events);
    };
    const source = await open({ partitions: ['0'], silenceMs: 600_000 });
    await until('two questions', () => questions >= 3);
    // Beyond the half minute after which a partition is quiet; the next wait is a long one.
    const now = performance.now.bind(performance);
    context.mock.method(performance, 'now', () => now() + 31_000);
    await until('another question', () => questions >= 4);
    const before = questions;
    await sleep(3_500);
    assert.ok(questions - before <= 1, `${questions - before} questions`);
    await source.reopen('0');
    assert.deepEqual(
      recorder.closed.map(({ reason }) => reason),
      ['reopened'],
    );
    fill(0, 1);
    await until('the event', () => recorder.events.length === 1);
  });

  test('renews its token before it expires', async () => {
    const tokens: string[] = [];
    fixture.server.authorize = (_audience, token) => tokens.push(token) > 0;
    const client = new EventHubConsumerClient('$Default', fixture.server.connectionString);
    const { _context: context } = client as unknown as { _context: ConnectionContext };
    let count = 0;
    const getToken = async () => {
      count += 1;
      // The sidecar renews a token two minutes before its end.
      return { token: `token ${count}`, expiresOnTimestamp: Date.now() + 120_000 };
    };
    Object.assign(context, { tokenCredential: { getToken } });
    const authorization = new LinkAuthorization({ context, audience: 'the partition', timeoutMs: 10_000 });
    try {
      await authorization.start(new AbortController().signal);
      assert.deepEqual(tokens, ['token 1']);
      await until('the next token', () => tokens.includes('token 2'));
    } finally {
      authorization.stop();
      await client.close();
    }
  });
});
