import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import rhea, { type EventContext, type Message } from 'rhea';
import { parseIotHub } from '../../../sidecar/azure/connection-string.ts';
import { AmqpSession, type ClaimToken } from '../../../sidecar/azure/iot-hub/amqp-session.ts';
import { hubToken } from '../../../sidecar/azure/iot-hub/authorization.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { range, until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';

describe('AMQP session', () => {
  let hub: IotHubEmulator;
  const sessions: AmqpSession[] = [];
  before(async () => {
    hub = await startTrustedHub({ feedbackBatchMs: 20 });
    hub.identities.create('dev-1', undefined, {});
  });
  after(async () => {
    for (const session of sessions) session.close();
    await hub.stop();
  });

  function claim(lifetimeMs = 600_000, policy = 'service'): ClaimToken {
    const connection = parseIotHub(hub.connectionString(policy));
    return {
      audience: connection.host,
      token: hubToken(connection, '', 600),
      expiresAtMs: Date.now() + lifetimeMs,
    };
  }

  async function open(token: () => Promise<ClaimToken> = async () => claim()): Promise<AmqpSession> {
    const session = new AmqpSession({ host: hub.hostName, port: hub.port });
    sessions.push(session);
    await session.open(token);
    return session;
  }

  function command(text: string, to = '/devices/dev-1/messages/devicebound'): Message {
    return { to, message_id: text, body: rhea.message.data_section(Buffer.from(text)) } as unknown as Message;
  }

  test('many messages at once, each with its own outcome', async () => {
    const session = await open();
    const sender = await session.openSender('/messages/devicebound');
    const outcomes = await Promise.allSettled(
      range(60).map((index) =>
        session.send(
          sender,
          index === 5 ? command('x', '/devices/nobody/messages/devicebound') : command(`${index}`),
        ),
      ),
    );
    assert.equal(
      outcomes.filter(({ status }) => status === 'fulfilled').length,
      50,
      'as many as the queue holds',
    );
    const [unknown] = outcomes.slice(5, 6);
    assert.equal(unknown?.status === 'rejected' && unknown.reason.condition, 'amqp:not-found');
    assert.equal(hub.commands.purge('dev-1'), 50);
  });

  test('the claim is renewed before it ends', async () => {
    let asked = 0;
    const session = await open(async () => {
      asked += 1;
      return claim(1500);
    });
    await until('two renewals', () => asked >= 3);
    const sender = await session.openSender('/messages/devicebound');
    await session.send(sender, command('after renewal'));
    hub.commands.purge('dev-1');
  });

  test('a claim that cannot be renewed ends the session', async () => {
    let asked = 0;
    const session = await open(async () => {
      asked += 1;
      if (asked > 1) throw new RangeError('no more tokens');
      return claim(1500);
    });
    assert.ok((await session.ended) instanceof RangeError);
  });

  test('a refused claim and a refused link say why', async () => {
    const wrong = { ...claim(), token: claim().token.replace(/sig=[^&]+/, 'sig=AAAA') };
    await assert.rejects(
      open(async () => wrong),
      { condition: 'amqp:unauthorized-access' },
    );
    const session = await open(async () => claim(600_000, 'registryRead'));
    await assert.rejects(
      async () => {
        const sender = await session.openSender('/messages/devicebound');
        await session.send(sender, command('x'));
      },
      { condition: 'amqp:unauthorized-access' },
    );
  });

  test('a cut ends everything that waits, at once and for good', async () => {
    const session = await open();
    const receiver = await session.openReceiver('/messages/serviceBound/feedback');
    assert.ok(receiver.is_open());
    hub.faults.delay('amqp', 60_000);
    const sender = session.openSender('/messages/devicebound');
    const failed = assert.rejects(sender);
    hub.cut('amqp');
    await failed;
    await session.ended;
    hub.faults.clear();
    await assert.rejects(session.openReceiver('/messages/serviceBound/feedback'));
    session.close();
    session.close();
  });

  test('deliveries are settled by the receiver: released ones come again', async () => {
    const session = await open();
    const sender = await session.openSender('/messages/devicebound');
    await session.send(sender, {
      ...command('reported'),
      application_properties: { 'iothub-ack': 'full' },
    } as Message);
    hub.commands.purge('dev-1');
    const receiver = await session.openReceiver('/messages/serviceBound/feedback');
    let seen = 0;
    receiver.on('message', ({ delivery }: EventContext) => {
      seen += 1;
      if (seen === 1) delivery?.release();
      else delivery?.accept();
    });
    receiver.add_credit(5);
    await until('it came twice', () => seen === 2);
  });
});
