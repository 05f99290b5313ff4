/**
 * An Event Hubs endpoint in memory for tests of the event source alone: claims, management reads, partition receivers with credit,
 * start positions and owner levels. Plain TCP, as `UseDevelopmentEmulator=true` asks for. Has the switches that a test of failures
 * needs, and shows the credit that each reader has outstanding.
 */
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import rhea, {
  type Connection,
  type Container,
  type EventContext,
  type Message,
  type Sender,
  type Typed,
} from 'rhea';

export interface StoredEvent {
  readonly body: Buffer | string;
  readonly annotations?: Record<string, unknown>;
  readonly properties?: Record<string, unknown>;
  readonly message?: Partial<Message>;
  readonly enqueuedMs?: number;
  /** Sent as they are, as a transfer of this format, instead of a message. */
  readonly bytes?: { readonly payload: Buffer; readonly format: number };
}

interface Reader {
  readonly link: Sender;
  readonly partition: number;
  readonly epoch: number | undefined;
  next: number;
}

const HUB = 'hub';

export class EventHubServer {
  readonly partitions: StoredEvent[][];
  createdAtMs = 1_700_000_000_000;
  /** Answers a claim; default true. */
  authorize: (audience: string, token: string) => boolean = () => true;
  /** When set, every new partition receiver is refused with this condition. */
  refuseReaders: string | undefined;
  /** When true, management requests are not answered. */
  silentManagement = false;
  /** Whether tokens for readers of partitions are not answered, and how many were not. */
  silentClaims = false;
  unanswered = 0;
  /** How often somebody asked for the partitions. */
  hubRequests = 0;
  /** How many partition readers were ever attached. */
  attached = 0;
  readonly #container: Container;
  readonly #readers = new Set<Reader>();
  /** The first sequence number that is kept, by partition. */
  readonly #kept: number[] = [];
  readonly #connections = new Set<Connection>();
  #server: Server | undefined;

  constructor(partitionCount: number) {
    this.partitions = Array.from({ length: partitionCount }, () => []);
    this.#container = rhea.create_container();
    this.#container.sasl_server_mechanisms.enable_anonymous();
    this.#container.sasl_server_mechanisms.enable_plain(() => true);
    this.#container.on('connection_open', ({ connection }: EventContext) =>
      this.#connections.add(connection),
    );
    this.#container.on('disconnected', ({ connection }: EventContext) => this.#forget(connection));
    this.#container.on('connection_close', ({ connection }: EventContext) => this.#forget(connection));
    this.#container.on('sender_open', (context: EventContext) => this.#openSender(context));
    this.#container.on('receiver_open', ({ receiver }: EventContext) => {
      receiver?.set_target({ address: receiver.target?.address });
    });
    this.#container.on('message', (context: EventContext) => this.#request(context));
    this.#container.on('sendable', () => this.#push());
    this.#container.on('sender_close', ({ sender }: EventContext) => {
      for (const reader of this.#readers) if (reader.link === sender) this.#readers.delete(reader);
    });
    for (const event of ['connection_error', 'session_error', 'sender_error', 'receiver_error', 'error']) {
      this.#container.on(event, () => {});
    }
  }

  async start(port = 0): Promise<void> {
    this.#server = this.#container.listen({ host: '127.0.0.1', port, max_frame_size: 65_536 });
    await once(this.#server, 'listening');
  }

  get port(): number {
    const address = this.#server?.address() as AddressInfo | undefined;
    return address?.port ?? 0;
  }

  get connectionString(): string {
    const key = Buffer.from('a key for tests').toString('base64');
    return `Endpoint=sb://127.0.0.1:${this.port};SharedAccessKeyName=reader;SharedAccessKey=${key};EntityPath=${HUB};UseDevelopmentEmulator=true`;
  }

  /** The events before the sequence number are past their retention. */
  expire(partition: number, before: number): void {
    this.#kept[partition] = before;
    for (const reader of this.#readers)
      if (reader.partition === partition) reader.next = Math.max(reader.next, before);
  }

  append(partition: number, ...events: StoredEvent[]): void {
    this.partitions[partition]?.push(...events);
    this.#push();
  }

  /** Credit that the readers of each partition have outstanding at this moment. */
  get outstandingCredit(): number[] {
    return [...this.#readers].map((reader) => (reader.link as unknown as { credit: number }).credit);
  }

  /** How many events the reader of a partition was sent on its present link. */
  taken(partition: number): number {
    const [reader] = [...this.#readers].filter((candidate) => candidate.partition === partition);
    return (reader?.link as unknown as { delivery_count?: number } | undefined)?.delivery_count ?? 0;
  }

  /** How many deliveries the readers have not settled. */
  get unsettled(): number {
    const sizes = [...this.#readers].map(
      ({ link }) => (link.session as unknown as { outgoing: { deliveries: { size: number } } }).outgoing,
    );
    return sizes.reduce((sum, { deliveries }) => sum + deliveries.size, 0);
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Cuts every connection without a word. */
  cutConnections(): void {
    for (const connection of this.#connections) {
      this.#forget(connection);
      // With an error, since that is all of a destroyed socket that rhea listens to.
      socketOf(connection)?.destroy(Object.assign(new Error('cut by the test'), { code: 'ECONNRESET' }));
    }
  }

  /** Another hub under the same name: empty, created now. */
  recreate(): void {
    for (const partition of this.partitions) partition.length = 0;
    this.createdAtMs += 1_000_000;
    this.cutConnections();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    this.cutConnections();
    await closed;
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    for (const reader of this.#readers)
      if (reader.link.connection === connection) this.#readers.delete(reader);
  }

  #openSender({ sender, connection }: EventContext): void {
    if (!sender) return;
    const address = sender.source?.address as string | undefined;
    const place = /\/Partitions\/(\d+)$/.exec(address ?? '');
    sender.set_source({ ...sender.source, address: address ?? '' });
    if (!place) return;
    if (this.refuseReaders) {
      sender.close({ condition: this.refuseReaders, description: 'refused by the test' });
      return;
    }
    const partition = Number(place[1]);
    const properties = sender.properties as Record<string, unknown> | undefined;
    const epoch = numberOf(properties?.['com.microsoft:epoch']);
    for (const other of this.#readers) {
      if (other.partition !== partition || other.epoch === undefined) continue;
      this.#readers.delete(other);
      other.link.close({
        condition: 'amqp:link:stolen',
        description: 'a reader with the same or a higher epoch came',
      });
    }
    const next = Math.max(this.#begin(partition, filterOf(sender)), this.#kept[partition] ?? 0);
    this.attached += 1;
    this.#connections.add(connection);
    this.#readers.add({ link: sender, partition, epoch, next });
    this.#push();
  }

  /** The index of the first event that a filter such as `amqp.annotation.x-opt-offset > '12'` lets through. */
  #begin(partition: number, filter: string): number {
    const events = this.partitions[partition] ?? [];
    const parts = /x-opt-([a-z-]+)\s*(>=?)\s*'([^']*)'/.exec(filter);
    if (!parts) return 0;
    const [, what, operator, value = ''] = parts;
    if (value === '@latest') return events.length;
    const after = (position: number, wanted: number): boolean =>
      operator === '>' ? position > wanted : position >= wanted;
    if (what === 'enqueued-time') {
      const index = events.findIndex((event) => after(event.enqueuedMs ?? 0, Number(value)));
      return index < 0 ? events.length : index;
    }
    const wanted = what === 'offset' ? Number(value) / (value === '-1' ? 1 : 10) : Number(value);
    return Math.max(0, operator === '>' ? wanted + 1 : wanted);
  }

  #push(): void {
    for (const reader of this.#readers) {
      const events = this.partitions[reader.partition] ?? [];
      while (reader.next < events.length && reader.link.sendable()) {
        const event = events[reader.next] as StoredEvent;
        if (event.bytes) reader.link.send(event.bytes.payload, undefined, event.bytes.format);
        else reader.link.send(this.#message(reader.next, event));
        reader.next += 1;
      }
    }
  }

  #message(sequence: number, event: StoredEvent): Message {
    const body = typeof event.body === 'string' ? Buffer.from(event.body) : event.body;
    return {
      ...event.message,
      body: event.message?.body ?? rhea.message.data_section(body),
      message_annotations: {
        'x-opt-sequence-number': rhea.types.wrap_long(sequence),
        'x-opt-offset': String(sequence * 10),
        'x-opt-enqueued-time': rhea.types.wrap_timestamp(event.enqueuedMs ?? Date.now()),
        ...event.annotations,
      },
      ...(event.properties ? { application_properties: event.properties } : {}),
    } as Message;
  }

  #request({ message, receiver, connection }: EventContext): void {
    if (!message || !receiver) return;
    const address = receiver.target?.address as string;
    const properties = message.application_properties ?? {};
    if (address === '$cbs') {
      if (this.silentClaims && String(properties.name).includes('/ConsumerGroups/')) {
        this.unanswered += 1;
        return;
      }
      const allowed = this.authorize(String(properties.name), String(message.body));
      this.#reply(connection, message, allowed ? 202 : 401, allowed ? 'Accepted' : 'Unauthorized access');
    } else if (address.endsWith('$management') && !this.silentManagement) {
      const isHub = properties.type === 'com.microsoft:eventhub';
      if (isHub) this.hubRequests += 1;
      const body = isHub ? this.#hubFacts() : this.#partitionFacts(Number(properties.partition));
      this.#reply(connection, message, 200, 'OK', body);
    }
  }

  #reply(
    connection: Connection,
    request: Message,
    status: number,
    description: string,
    body?: unknown,
  ): void {
    const answer = {
      correlation_id: request.message_id,
      application_properties: {
        'status-code': status,
        'status-description': description,
        statusCode: status,
      },
      body,
    } as unknown as Message;
    // The receiver of replies: by its name, which is the reply_to of the request, else by the node it was attached to.
    connection.each_sender?.((sender: Sender) => {
      if (sender.name === request.reply_to || sender.target?.address === request.reply_to)
        sender.send(answer);
    });
  }

  #hubFacts(): unknown {
    return {
      name: HUB,
      type: 'com.microsoft:eventhub',
      created_at: rhea.types.wrap_timestamp(this.createdAtMs),
      partition_count: this.partitions.length,
      partition_ids: rhea.types.wrap_array(
        this.partitions.map((_, id) => String(id)),
        0xa1,
        undefined,
      ) as Typed,
      georeplication_factor: 1,
    };
  }

  #partitionFacts(partition: number): unknown {
    const events = this.partitions[partition] ?? [];
    const last = events.length - 1;
    return {
      name: HUB,
      partition: String(partition),
      begin_sequence_number: rhea.types.wrap_long(this.#kept[partition] ?? 0),
      last_enqueued_sequence_number: rhea.types.wrap_long(last),
      last_enqueued_offset: last < 0 ? '-1' : String(last * 10),
      last_enqueued_time_utc: rhea.types.wrap_timestamp(events[last]?.enqueuedMs ?? 0),
      is_partition_empty: last < 0,
    };
  }
}

function socketOf(connection: Connection): { destroy(error: Error): void } | undefined {
  return (connection as unknown as { socket?: { destroy(error: Error): void } }).socket;
}

function filterOf(sender: Sender): string {
  const filter = (sender.source as { filter?: Record<string, unknown> } | undefined)?.filter?.[
    'apache.org:selector-filter:string'
  ];
  const value = (filter as { value?: unknown } | undefined)?.value ?? filter;
  return String((value as { value?: unknown })?.value ?? value ?? '');
}

function numberOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return Number((value as { value?: unknown }).value ?? value);
}
