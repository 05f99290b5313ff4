import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import rhea, { type Connection, type ConnectionOptions } from 'rhea';
import { generate } from 'selfsigned';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import { fill, startTrusted, until } from './wire-support.ts';

/** Number of fields of each performative, terminus and error in the AMQP 1.0 specification. */
const FIELDS = {
  open: 10,
  begin: 8,
  attach: 14,
  flow: 11,
  transfer: 11,
  disposition: 6,
  detach: 3,
  source: 11,
  target: 7,
  error: 3,
} as const;

interface Frame {
  name: keyof typeof FIELDS;
  /** As rhea decodes it: fields that were left out are not in the list. */
  fields: unknown[];
}

/** Collects the frames that a connection receives. */
function watchFrames(connection: Connection): Frame[] {
  const frames: Frame[] = [];
  const handlers = connection as unknown as Record<
    string,
    (frame: { performative: { value: unknown[] } }) => void
  >;
  for (const name of ['open', 'begin', 'attach', 'flow', 'transfer', 'disposition', 'detach'] as const) {
    const handle = handlers[`on_${name}`]?.bind(connection);
    handlers[`on_${name}`] = (frame) => {
      frames.push({ name, fields: [...frame.performative.value] });
      handle?.(frame);
    };
  }
  return frames;
}

const listOf = (field: unknown) => (field as { value: unknown[] }).value;
const inner = (field: unknown) => (field as { value: unknown } | undefined)?.value;

describe('the frames that a client sees', () => {
  let hub: IotHubEmulator;
  before(async () => {
    hub = await startTrusted();
  });
  after(() => hub.stop());

  async function connect(): Promise<{ connection: Connection; frames: Frame[] }> {
    const policy = 'RootManageSharedAccessKey';
    const container = rhea.create_container();
    const connection = container.create_connection({
      transport: 'tls',
      host: 'localhost',
      port: hub.port,
      ca: [hub.authority.ca],
      username: policy,
      password: hub.policies.eventHub.get(policy)?.primaryKey ?? '',
      reconnect: false,
    } as ConnectionOptions);
    const frames = watchFrames(connection);
    connection.connect();
    await once(container, 'connection_open');
    return { connection, frames };
  }

  test('they carry every field, which clients that read by index need', async () => {
    const { connection, frames } = await connect();
    const sender = connection.open_sender(`${hub.hubName}/Partitions/0`);
    await once(sender, 'sendable');
    sender.send({ body: rhea.message.data_section(Buffer.from('{}')) });
    await once(sender, 'accepted');
    await fill(hub, 'frames', 0, 4);
    const properties = { 'com.microsoft:receiver-name': 'me' };
    const receiver = connection.open_receiver({
      source: `${hub.hubName}/ConsumerGroups/$Default/Partitions/0`,
      properties,
      credit_window: 10,
    });
    await once(receiver, 'message');
    const refused = connection.open_receiver(`${hub.hubName}/ConsumerGroups/nobody/Partitions/0`);
    await once(refused, 'receiver_error');
    connection.close();
    await once(connection, 'connection_close');
    for (const name of ['open', 'begin', 'attach', 'flow', 'transfer', 'disposition', 'detach'] as const) {
      const all = frames.filter((frame) => frame.name === name);
      assert.ok(all.length > 0, `there is a frame ${name}`);
      for (const { fields } of all) assert.equal(fields.length, FIELDS[name], name);
    }
    const only = (name: Frame['name']) => frames.find((frame) => frame.name === name)?.fields ?? [];
    assert.equal(inner(only('begin')[4]), 255, 'handle-max');
    assert.equal(inner(only('open')[3]), 4999, 'channel-max');
    const attached = frames.filter(({ name }) => name === 'attach');
    for (const { fields } of attached) {
      assert.equal(inner(fields[10]), 1024 * 1024, 'max-message-size');
      assert.equal(listOf(fields[5]).length, FIELDS.source);
      assert.equal(listOf(fields[6]).length, FIELDS.target);
    }
    assert.deepEqual(receiver.properties, properties, 'the client gets its properties back');
    const detached = frames.find(({ name, fields }) => name === 'detach' && Array.isArray(inner(fields[2])));
    assert.equal(listOf(detached?.fields[2]).length, FIELDS.error);
  });

  test('the annotations of a producer are kept, and those of the log are the log’s own', async () => {
    const { connection } = await connect();
    const sender = connection.open_sender(`${hub.hubName}/Partitions/1`);
    await once(sender, 'sendable');
    const message = (name: string) => ({
      message_annotations: {
        'x-opt-mine': name,
        'x-opt-number': rhea.types.wrap_long(7),
        'x-opt-offset': 'forged',
        'x-opt-partition-key': 'k',
      },
      body: rhea.message.data_section(Buffer.from(`"${name}"`)),
    });
    sender.send(message('single') as never);
    await once(sender, 'accepted');
    const whole = rhea.message.encode(message('batched') as never) as unknown as Buffer;
    const batch = rhea.message.encode({ body: rhea.message.data_section(whole) } as never);
    sender.send(batch as never, undefined, 0x80013700);
    await once(sender, 'accepted');
    const received: Record<string, unknown>[] = [];
    const receiver = connection.open_receiver({
      source: `${hub.hubName}/ConsumerGroups/$Default/Partitions/1`,
      credit_window: 10,
    });
    receiver.on('message', ({ message: { message_annotations } }) => received.push(message_annotations));
    await until(() => received.length === 2);
    connection.close();
    await once(connection, 'connection_close');
    for (const [index, name] of ['single', 'batched'].entries()) {
      const { 'x-opt-enqueued-time': _time, 'x-opt-offset': offset, ...rest } = received[index] ?? {};
      assert.match(String(offset), /^\d+$/);
      assert.deepEqual(rest, {
        'x-opt-mine': name,
        'x-opt-number': 7,
        'x-opt-partition-key': 'k',
        'x-opt-sequence-number': index,
      });
    }
  });
});

describe('TLS', () => {
  test('the server sends its own certificate alone, without the authority', async (t) => {
    const hub = await startTrusted();
    t.after(() => hub.stop());
    const socket = tls.connect({ host: 'localhost', port: hub.port, ca: hub.authority.ca });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    // A client that trusts nothing sees what the server sent and nothing of its own.
    const stranger = tls.connect({ host: 'localhost', port: hub.port, ca: [], rejectUnauthorized: false });
    t.after(() => stranger.destroy());
    await once(stranger, 'secureConnect');
    assert.equal(stranger.authorized, false);
    assert.equal(stranger.getPeerX509Certificate()?.issuerCertificate, undefined);
  });

  test('a device certificate is good with its whole chain up to a trusted authority', async (t) => {
    const root = await issue('Root', undefined, true);
    const intermediate = await issue('Intermediate', root, true);
    const leaf = await issue('chain', intermediate, false);
    const hub = await startTrusted({ deviceAuthorities: [root.cert] });
    t.after(() => hub.stop());
    hub.identities.create('chain', undefined, { authentication: { type: 'certificateAuthority' } });
    assert.equal(await sendWith(hub, `${leaf.cert}\n${intermediate.cert}`, leaf.private), 204);
    assert.equal(await sendWith(hub, leaf.cert, leaf.private), 401, 'without the intermediate');
    const foreign = await issue('Root', undefined, true);
    const forged = await issue('chain', foreign, false);
    assert.equal(
      await sendWith(hub, `${forged.cert}\n${foreign.cert}`, forged.private),
      401,
      'same name, another key',
    );
    // A device's certificate is no authority.
    const child = await issue('chain', leaf, false);
    assert.equal(
      await sendWith(hub, `${child.cert}\n${leaf.cert}\n${intermediate.cert}`, child.private),
      401,
      'issued by a device',
    );
  });
});

type Issued = Awaited<ReturnType<typeof generate>>;

function issue(commonName: string, issuer: Issued | undefined, cA: boolean): Promise<Issued> {
  return generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    ...(issuer ? { ca: { key: issuer.private, cert: issuer.cert } } : {}),
    extensions: [{ name: 'basicConstraints', cA, critical: true }],
  });
}

/** Sends telemetry of the device `chain` over HTTP with a certificate; returns the status. */
async function sendWith(hub: IotHubEmulator, cert: string, key: string): Promise<number | undefined> {
  const request = https.request({
    host: 'localhost',
    port: hub.port,
    path: '/devices/chain/messages/events?api-version=2021-04-12',
    method: 'POST',
    ca: hub.authority.ca,
    cert,
    key,
    agent: false,
  });
  request.end('{}');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
