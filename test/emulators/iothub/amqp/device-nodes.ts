/**
 * The nodes of devices and modules: events, cloud-to-device messages, direct methods and the twin. Attaching the first
 * link connects the device.
 */
import rhea, { type EventContext, type Message } from 'rhea';
import type { Commands } from '../commands.ts';
import type { Faults } from '../faults.ts';
import type { DeviceTwins } from '../hub.ts';
import { HubError } from '../hub-error.ts';
import type { Identities } from '../identities.ts';
import { identityKey } from '../identity.ts';
import type { Quotas } from '../quotas.ts';
import { decode } from '../sas.ts';
import type { Sessions } from '../sessions.ts';
import { MAX_TELEMETRY_BYTES, type Telemetry } from '../telemetry.ts';
import type { Address, DeviceNode } from './addresses.ts';
import type { AmqpConnection, AmqpNode, Attachment } from './connection.ts';
import { AmqpDeviceSession } from './device-session.ts';
import { answerTwin } from './device-twin.ts';
import { type Incoming, type Link, type Outgoing, plain, refuse } from './link.ts';
import { LockedDelivery } from './locked-delivery.ts';
import { bodyOf, conditionOf, fromCommand, propertiesOf, textOf } from './messages.ts';
import { BATCH_FORMAT, messagesOfBatch } from './sections.ts';

export interface DeviceNodeParts {
  identities: Identities;
  sessions: Sessions;
  commands: Commands;
  twins: DeviceTwins;
  telemetry: Telemetry;
  faults: Faults;
  quotas: Quotas;
}

const CREDIT = 200;

export function deviceNodes(parts: DeviceNodeParts): Record<DeviceNode, AmqpNode> {
  const nodes = new DeviceNodes(parts);
  return {
    deviceEvents: {
      incoming: (...attach) => nodes.events(...attach),
      // Modules listen for the messages on their inputs at the address of their events.
      outgoing: (...attach) => nodes.inputs(...attach),
    },
    deviceCommands: { outgoing: (...attach) => nodes.commands(...attach) },
    deviceMethods: {
      incoming: (...attach) => nodes.methodAnswers(...attach),
      outgoing: (...attach) => nodes.methodCalls(...attach),
    },
    deviceTwin: {
      incoming: (...attach) => nodes.twinRequests(...attach),
      outgoing: (...attach) => nodes.twinAnswers(...attach),
    },
  };
}

class DeviceNodes {
  readonly #parts: DeviceNodeParts;
  readonly #live = new WeakMap<AmqpConnection, Map<string, AmqpDeviceSession>>();

  constructor(parts: DeviceNodeParts) {
    this.#parts = parts;
  }

  events(connection: AmqpConnection, link: Incoming, address: Address): Attachment | undefined {
    const session = this.#session(connection, link, address);
    if (!session) return undefined;
    link.local.attach.max_message_size = MAX_TELEMETRY_BYTES;
    const modelId = textOf(plain(link.properties?.['com.microsoft:model-id']));
    if (modelId) this.#parts.identities.setModelId(session.deviceId, session.moduleId, modelId);
    link.set_credit_window(CREDIT);
    link.add_credit(CREDIT);
    link.on('message', (context: EventContext) => {
      const { delivery } = context;
      if (!delivery) return;
      this.#store(session, modelId, context).then(
        () => delivery.accept(),
        (error: unknown) => {
          const hubError = HubError.from(error);
          delivery.reject({ condition: conditionOf(hubError), description: hubError.message });
        },
      );
    });
    return this.#attachment(session, link, undefined);
  }

  commands(connection: AmqpConnection, link: Outgoing, address: Address): Attachment | undefined {
    if ('moduleId' in address && address.moduleId !== undefined) {
      refuse(link, 'amqp:not-found', 'A module has no cloud-to-device messages');
      return undefined;
    }
    const session = this.#session(connection, link, address);
    if (!session) return undefined;
    const attachment = this.#attachment(session, link, undefined);
    const { commands } = this.#parts;
    const { deviceId } = session;
    const delivery = new LockedDelivery(link, {
      receive: () => {
        const locked = commands.receive(deviceId);
        if (!locked) return undefined;
        const { lockToken, message, deliveryCount } = locked;
        return { lockToken, message: fromCommand(deviceId, message, deliveryCount) };
      },
      settle: (lockToken, outcome) => commands.settle(deviceId, lockToken, outcome),
    });
    const wake = (available: string) => {
      if (available === deviceId) delivery.wake();
    };
    commands.on('available', wake);
    delivery.start();
    return {
      ...attachment,
      closed: () => {
        commands.off('available', wake);
        delivery.stop();
        attachment.closed?.();
      },
    };
  }

  inputs(connection: AmqpConnection, link: Outgoing, address: Address): Attachment | undefined {
    if (!('moduleId' in address) || address.moduleId === undefined) {
      refuse(link, 'amqp:not-allowed', 'A device has no inputs');
      return undefined;
    }
    const session = this.#session(connection, link, address);
    return session && this.#attachment(session, link, 'inputs');
  }

  methodCalls(connection: AmqpConnection, link: Outgoing, address: Address): Attachment | undefined {
    const session = this.#session(connection, link, address);
    return session && this.#attachment(session, link, 'methods');
  }

  methodAnswers(connection: AmqpConnection, link: Incoming, address: Address): Attachment | undefined {
    const session = this.#session(connection, link, address);
    if (!session) return undefined;
    link.set_credit_window(CREDIT);
    link.add_credit(CREDIT);
    link.on('message', ({ message, delivery }: EventContext) => {
      delivery?.accept();
      if (!message) return;
      const status = Number(message.application_properties?.['IoThub-status']);
      this.#parts.sessions.methodAnswered(
        session,
        textOf(message.correlation_id) ?? '',
        status,
        bodyOf(message),
      );
    });
    return this.#attachment(session, link, undefined);
  }

  twinAnswers(connection: AmqpConnection, link: Outgoing, address: Address): Attachment | undefined {
    const session = this.#session(connection, link, address);
    return session && this.#attachment(session, link, 'twin');
  }

  twinRequests(connection: AmqpConnection, link: Incoming, address: Address): Attachment | undefined {
    const session = this.#session(connection, link, address);
    if (!session) return undefined;
    link.set_credit_window(CREDIT);
    link.add_credit(CREDIT);
    link.on('message', ({ message, delivery }: EventContext) => {
      delivery?.accept();
      if (message) answerTwin(this.#parts, session, message);
    });
    return this.#attachment(session, link, undefined);
  }

  /** The session of the address on this connection; the link is refused when there is no right to it. */
  #session(connection: AmqpConnection, link: Link, address: Address): AmqpDeviceSession | undefined {
    if (!('deviceId' in address)) return undefined;
    const { deviceId, moduleId } = this.#resolve(address.deviceId, address.moduleId);
    const principal = connection.claims.device(deviceId, moduleId);
    const device = this.#parts.identities.get(deviceId);
    const identity = this.#parts.identities.get(deviceId, moduleId);
    if (!principal || !identity || device?.status !== 'enabled') {
      refuse(link, 'amqp:unauthorized-access', `Unauthorized access to ${identityKey(deviceId, moduleId)}`);
      return undefined;
    }
    let live = this.#live.get(connection);
    if (!live) {
      live = new Map();
      this.#live.set(connection, live);
      const sessions = live;
      connection.hasDevices = () => sessions.size > 0;
    }
    const key = identityKey(deviceId, moduleId);
    let session = live.get(key);
    if (!session) {
      try {
        this.#parts.quotas.take('connection');
      } catch (error) {
        const hubError = HubError.from(error);
        refuse(link, conditionOf(hubError), hubError.message);
        return undefined;
      }
      const all = live;
      const ended = () => all.delete(key);
      session = new AmqpDeviceSession(
        connection,
        this.#parts.sessions,
        principal,
        { deviceId, moduleId },
        ended,
      );
      live.set(key, session);
    }
    return session;
  }

  /** The identity that an address names, with ids encoded or not. */
  #resolve(deviceId: string, moduleId: string | undefined) {
    if (this.#parts.identities.get(deviceId, moduleId)) return { deviceId, moduleId };
    return { deviceId: decode(deviceId), moduleId: moduleId === undefined ? undefined : decode(moduleId) };
  }

  #attachment(
    session: AmqpDeviceSession,
    link: Link,
    role: 'methods' | 'twin' | 'inputs' | undefined,
  ): Attachment {
    session.added(link, role);
    return { closed: () => session.removed(link) };
  }

  async #store(
    session: AmqpDeviceSession,
    modelId: string | undefined,
    context: EventContext,
  ): Promise<void> {
    const { faults, telemetry } = this.#parts;
    await faults.delayFor('telemetry');
    const sender = {
      principal: session.principal,
      deviceId: session.deviceId,
      moduleId: session.moduleId,
      modelId,
    };
    const { format } = context as unknown as { format?: number };
    const raw = context.message as unknown as Message | Buffer;
    if (Buffer.isBuffer(raw) && format !== BATCH_FORMAT) {
      throw new HubError('ArgumentInvalid', `Unknown message format ${format}`);
    }
    const messages = Buffer.isBuffer(raw)
      ? messagesOfBatch(raw).map((bytes) => rhea.message.decode(bytes) as unknown as Message)
      : [raw];
    await Promise.all(
      messages.map((message) => telemetry.accept(sender, propertiesOf(message), bodyOf(message))),
    );
  }
}
