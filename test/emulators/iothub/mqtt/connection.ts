/** One MQTT connection, which after CONNECT is one device's or module's session. */
import type { Duplex } from 'node:stream';
import mqtt, {
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type Packet,
} from 'mqtt-packet';
import type { QueuedCommand } from '../commands.ts';
import type { ClientCertificate, Principal } from '../hub.ts';
import { HubError } from '../hub-error.ts';
import type { CloseReason, LiveSession } from '../sessions.ts';
import { parseUserName, splitClientId, willOf } from './connect.ts';
import type { KeptSubscriptions, MqttParts } from './server.ts';
import { formatBag, parseBag, parseFilter, parseTopic } from './topics.ts';

const CONNECT_TIMEOUT_MS = 30_000;
/** Longest keep-alive that the hub grants: 1.5 times 1177 s is its documented 29.45 minutes. */
const MAX_KEEP_ALIVE_S = 1177;
const MAX_UNSTORED = 500;

const REFUSED = { protocol: 1, identifier: 2, unavailable: 3, unauthorized: 5 } as const;

export class MqttConnection implements LiveSession {
  readonly protocol = 'mqtt';
  deviceId = '';
  moduleId: string | undefined;
  readonly #parts: MqttParts;
  readonly #socket: Duplex;
  readonly #certificate: ClientCertificate | undefined;
  readonly #allKept: Map<string, KeptSubscriptions>;
  #subscriptions: KeptSubscriptions = new Map();
  #principal: Principal | undefined;
  #modelId: string | undefined;
  #apiVersion: string | undefined;
  #will: IPublishPacket | undefined;
  #connected = false;
  /** Packets that came while CONNECT was being answered. */
  #early: Packet[] | undefined;
  #closed = false;
  #idleMs = CONNECT_TIMEOUT_MS;
  #idleTimer: NodeJS.Timeout | undefined;
  #nextMessageId = 0;
  /** Messages sent with QoS 1 whose PUBACK is awaited: message id -> lock token; '' for inputs, which have no queue. */
  readonly #unacknowledged = new Map<number, string>();
  #unstored = 0;

  constructor(
    parts: MqttParts,
    socket: Duplex,
    certificate: ClientCertificate | undefined,
    kept: Map<string, KeptSubscriptions>,
  ) {
    this.#parts = parts;
    this.#socket = socket;
    this.#certificate = certificate;
    this.#allKept = kept;
  }

  get principal(): Principal {
    if (!this.#principal) throw new HubError('ServerError', 'The session is not connected');
    return this.#principal;
  }
  get acceptsMethods(): boolean {
    return this.#subscriptions.has('methods');
  }

  start(): void {
    const parser = mqtt.parser({ protocolVersion: 4 });
    parser.on('packet', (packet: Packet) => this.#received(packet));
    parser.on('error', () => this.#end());
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#closed) return;
      this.#idleTimer?.refresh();
      // What a client sends wrong ends its connection, not the emulator.
      try {
        parser.parse(chunk);
      } catch {
        this.#end();
      }
    });
    this.#socket.on('error', () => this.#end());
    this.#socket.on('close', () => this.#end());
    this.#socket.on('end', () => this.#end());
    this.#watchIdle();
  }

  close(reason: CloseReason): void {
    // The hub does not say goodbye in MQTT 3.1.1; every reason looks the same to the device.
    if (reason === 'stop') this.#will = undefined;
    this.#end();
  }

  sendMethod(requestId: string, methodName: string, payload: Buffer): void {
    this.#publish(`$iothub/methods/POST/${methodName}/?$rid=${requestId}`, payload, 0);
  }

  sendDesired(patch: Buffer, version: number): void {
    if (!this.#subscriptions.has('desired')) return;
    this.#publish(`$iothub/twin/PATCH/properties/desired/?$version=${version}`, patch, 0);
  }

  sendInput(inputName: string, body: Uint8Array, properties: Record<string, string>): void {
    const qos = this.#subscriptions.get('inputs');
    if (qos === undefined || this.moduleId === undefined) return;
    const where = `devices/${encodeURIComponent(this.deviceId)}/modules/${encodeURIComponent(this.moduleId)}`;
    const bag = formatBag({ application: properties });
    const id = qos === 0 ? undefined : this.#newMessageId('');
    this.#publish(`${where}/inputs/${encodeURIComponent(inputName)}/${bag}`, Buffer.from(body), qos, id);
  }

  /** Sends what waits in the device's queue, if it has asked for it. */
  deliverCommands(): void {
    const qos = this.#subscriptions.get('commands');
    if (qos === undefined || this.#closed || !this.#connected) return;
    for (;;) {
      const locked = this.#parts.commands.receive(this.deviceId);
      if (!locked) return;
      const id = qos === 0 ? undefined : this.#newMessageId(locked.lockToken);
      this.#publish(this.#commandTopic(locked.message), Buffer.from(locked.message.body), qos, id);
      if (qos === 0) this.#parts.commands.settle(this.deviceId, locked.lockToken, 'complete');
    }
  }

  #commandTopic(message: QueuedCommand): string {
    const device = encodeURIComponent(this.deviceId);
    const properties = { ...message.properties, to: `/devices/${this.deviceId}/messages/deviceBound` };
    const extra = message.ack === 'none' ? {} : { 'iothub-ack': message.ack };
    return `devices/${device}/messages/devicebound/${formatBag(properties, extra)}`;
  }

  #received(packet: Packet): void {
    if (this.#closed) return;
    if (packet.cmd === 'connect') this.#connectReceived(packet);
    // A client may go on without waiting for the answer to CONNECT.
    else if (this.#early) this.#early.push(packet);
    else if (this.#connected) this.#sessionPacket(packet);
    else this.#end();
  }

  #connectReceived(packet: IConnectPacket): void {
    // A second CONNECT on a connection is a protocol error.
    if (this.#connected || this.#early) {
      this.#end();
      return;
    }
    this.#early = [];
    this.#connect(packet)
      .then(() => {
        const early = this.#early ?? [];
        this.#early = undefined;
        for (const waiting of early) this.#received(waiting);
      })
      .catch(() => this.#end());
  }

  #sessionPacket(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        this.#publishReceived(packet);
        break;
      case 'puback':
        this.#acknowledged(packet.messageId ?? 0);
        break;
      case 'subscribe':
        this.#subscribe(packet);
        break;
      case 'unsubscribe':
        for (const filter of packet.unsubscriptions) {
          const subscription = parseFilter(filter, this.deviceId, this.moduleId);
          if (subscription) this.#subscriptions.delete(subscription);
        }
        this.#write({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: [] });
        break;
      case 'pingreq':
        this.#write({ cmd: 'pingresp' });
        break;
      case 'disconnect':
        this.#will = undefined;
        this.#end();
        break;
      default:
        this.#end();
    }
  }

  async #connect(packet: IConnectPacket): Promise<void> {
    const { faults, sessions, identities, authorizer, quotas } = this.#parts;
    const refuse = (returnCode: number) => {
      this.#write({ cmd: 'connack', returnCode, sessionPresent: false });
      this.#end();
    };
    if (packet.protocolId !== 'MQTT' || packet.protocolVersion !== 4) return refuse(REFUSED.protocol);
    if (faults.isRefusing('mqtt')) return refuse(REFUSED.unavailable);
    await faults.delayFor('mqtt');
    const [deviceId = '', moduleId] = splitClientId(packet.clientId);
    if (!deviceId) return refuse(REFUSED.identifier);
    const user = parseUserName(packet.username ?? '', packet.clientId);
    if (!user || !this.#parts.hostNames.has(user.host)) return refuse(REFUSED.unauthorized);
    try {
      const token = packet.password?.toString();
      this.#principal = authorizer.device(token || undefined, this.#certificate, deviceId, moduleId);
    } catch {
      return refuse(REFUSED.unauthorized);
    }
    try {
      quotas.take('connection');
    } catch {
      return refuse(REFUSED.unavailable);
    }
    if (this.#closed) return;
    this.deviceId = deviceId;
    this.moduleId = moduleId;
    this.#modelId = user.modelId;
    this.#apiVersion = user.apiVersion;
    this.#will = packet.will ? willOf(packet) : undefined;
    const kept = packet.clean ? undefined : this.#allKept.get(packet.clientId);
    if (packet.clean) this.#allKept.delete(packet.clientId);
    else this.#allKept.set(packet.clientId, kept ?? this.#subscriptions);
    if (kept) this.#subscriptions = kept;
    const keepAliveS = Math.min(packet.keepalive || MAX_KEEP_ALIVE_S, MAX_KEEP_ALIVE_S);
    this.#idleMs = keepAliveS * 1500;
    this.#watchIdle();
    this.#connected = true;
    if (user.modelId) identities.setModelId(deviceId, moduleId, user.modelId);
    sessions.opened(this);
    this.#write({ cmd: 'connack', returnCode: 0, sessionPresent: kept !== undefined });
    this.deliverCommands();
  }

  #subscribe(packet: ISubscribePacket): void {
    if (packet.subscriptions.length === 0) {
      // A violation of the protocol.
      this.#end();
      return;
    }
    const granted = packet.subscriptions.map(({ topic, qos }) => {
      const subscription = parseFilter(topic, this.deviceId, this.moduleId);
      // Not known whether the service refuses a foreign filter in the SUBACK or by cutting the connection.
      if (!subscription) return 0x80;
      // QoS 2 is granted as 1.
      const given = Math.min(qos, 1);
      this.#subscriptions.set(subscription, given);
      return given;
    });
    this.#write({ cmd: 'suback', messageId: packet.messageId ?? 0, granted });
    this.#parts.sessions.subscribed(this);
    this.deliverCommands();
  }

  #publishReceived(packet: IPublishPacket): void {
    const incoming = parseTopic(packet.topic);
    const foreign =
      incoming?.kind === 'event' &&
      (incoming.deviceId !== this.deviceId || incoming.moduleId !== this.moduleId);
    // QoS 2 and unknown topics end the connection (documented), and so do the topics of another device.
    if (!incoming || foreign || packet.qos === 2) {
      this.#end();
      return;
    }
    const body = Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload);
    if (incoming.kind === 'event') {
      this.#store(packet, incoming.bag, body);
      return;
    }
    if (incoming.kind === 'methodResponse') {
      this.#parts.sessions.methodAnswered(this, incoming.requestId, incoming.status, body);
    } else {
      this.#answerTwin(incoming.requestId, incoming.kind === 'twinGet' ? undefined : body);
    }
    if (packet.qos === 1) this.#write({ cmd: 'puback', messageId: packet.messageId ?? 0 });
  }

  #store(packet: IPublishPacket, bag: string, body: Buffer): void {
    const properties = parseBag(bag);
    if (packet.retain) properties.application['mqtt-retain'] = 'true';
    this.#unstored += 1;
    if (this.#unstored === MAX_UNSTORED) this.#socket.pause();
    const sender = { ...this.#sender(), modelId: this.#modelId };
    const { faults, telemetry } = this.#parts;
    const stored = faults.delaysTelemetry
      ? faults.delayFor('telemetry').then(() => telemetry.accept(sender, properties, body))
      : telemetry.accept(sender, properties, body);
    stored.then(
      () => {
        if (packet.qos === 1) this.#write({ cmd: 'puback', messageId: packet.messageId ?? 0 });
        this.#unstored -= 1;
        if (this.#unstored < MAX_UNSTORED && this.#socket.isPaused()) this.#socket.resume();
      },
      // Too large, or the identity is gone: the hub has no other way to say so than to hang up.
      () => this.#end(),
    );
  }

  #sender() {
    return { principal: this.principal, deviceId: this.deviceId, moduleId: this.moduleId };
  }

  /** A request for the twin, or with a patch an update of reported properties. */
  #answerTwin(requestId: string, patch: Buffer | undefined): void {
    const { twins, identities, quotas } = this.#parts;
    let suffix = '';
    let status = 200;
    let body = '';
    try {
      quotas.take(patch ? 'twinWrite' : 'twinRead');
      identities.touch(this.deviceId, this.moduleId);
      if (patch) {
        // Reported by users of such clients. Which code and text the service gives is not known.
        if (this.#apiVersion === undefined)
          throw new HubError('ArgumentInvalid', 'The user name of the connection has no api-version');
        status = 204;
        suffix = `&$version=${twins.patchReported(this.deviceId, this.moduleId, parseJson(patch))}`;
      } else {
        const { desired, reported } = twins.getDeviceView(this.deviceId, this.moduleId);
        body = JSON.stringify({ desired, reported });
      }
    } catch (error) {
      const { status: failed, code, trackingId, message } = HubError.from(error);
      status = failed;
      const timestampUtc = new Date().toISOString();
      body = JSON.stringify({ errorCode: code, trackingId, message, timestampUtc });
    }
    if (!this.#subscriptions.has('twinResponses')) return;
    this.#publish(`$iothub/twin/res/${status}/?$rid=${requestId}${suffix}`, Buffer.from(body), 0);
  }

  #acknowledged(messageId: number): void {
    const lockToken = this.#unacknowledged.get(messageId);
    if (lockToken === undefined) return;
    this.#unacknowledged.delete(messageId);
    if (lockToken !== '') this.#parts.commands.settle(this.deviceId, lockToken, 'complete');
  }

  #newMessageId(lockToken: string): number {
    do this.#nextMessageId = (this.#nextMessageId % 0xffff) + 1;
    while (this.#unacknowledged.has(this.#nextMessageId));
    this.#unacknowledged.set(this.#nextMessageId, lockToken);
    return this.#nextMessageId;
  }

  #publish(topic: string, payload: Buffer, qos: number, messageId?: number): void {
    this.#write({
      cmd: 'publish',
      topic,
      payload,
      qos: qos === 0 ? 0 : 1,
      dup: false,
      retain: false,
      ...(messageId === undefined ? {} : { messageId }),
    });
  }

  #write(packet: Packet): void {
    if (!this.#closed && this.#socket.writable) this.#socket.write(mqtt.generate(packet));
  }

  #watchIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#end(), this.#idleMs);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#idleTimer);
    // What was written, a refusal for example, still goes out.
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), 1000).unref();
    if (!this.#connected) return;
    this.#connected = false;
    for (const lockToken of this.#unacknowledged.values()) {
      if (lockToken !== '') this.#parts.commands.settle(this.deviceId, lockToken, 'abandon');
    }
    this.#unacknowledged.clear();
    this.#sendWill();
    this.#parts.sessions.closed(this);
  }

  /** A last will is stored as telemetry and marked (documented). */
  #sendWill(): void {
    const will = this.#will;
    const incoming = will ? parseTopic(will.topic) : undefined;
    if (!will || incoming?.kind !== 'event' || incoming.deviceId !== this.deviceId) return;
    const properties = parseBag(incoming.bag);
    properties.application['iothub-MessageType'] = 'Will';
    const sender = { ...this.#sender(), modelId: this.#modelId };
    this.#parts.telemetry.accept(sender, properties, Buffer.from(will.payload)).catch(() => undefined);
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HubError('IotHubFormatError', 'The body is not JSON');
  }
}
