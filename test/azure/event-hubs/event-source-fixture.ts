import { openEventSource } from '../../../sidecar/azure/event-hubs/event-source.ts';
import type { EventSource, EventSourceOptions } from '../../../sidecar/azure/event-hubs/event-types.ts';
import { Recorder, range } from '../helpers.ts';
import { EventHubServer } from './event-hub-server.ts';

/** Each test of the event source runs on both. */
export const RECEIVERS = ['own', 'sdk'] as const;

/** Event sources on a server with two partitions, whose handlers write down what they are told. */
export class EventSourceFixture {
  server = new EventHubServer(2);
  recorder = new Recorder();
  readonly #receiver: (typeof RECEIVERS)[number];
  readonly #sources: EventSource[] = [];

  constructor(receiver: (typeof RECEIVERS)[number]) {
    this.#receiver = receiver;
  }

  readonly start = async () => {
    this.server = new EventHubServer(2);
    this.recorder = new Recorder();
    await this.server.start();
  };

  readonly stop = async () => {
    await Promise.all(this.#sources.splice(0).map((source) => source.stop()));
    await this.server.stop();
  };

  readonly open = async (options: Partial<EventSourceOptions> = {}): Promise<EventSource> => {
    const source = await openEventSource({
      endpoint: { kind: 'connectionString', connectionString: this.server.connectionString },
      consumerGroup: '$Default',
      receiver: this.#receiver,
      handlers: this.recorder,
      startPosition: { from: 'earliest' },
      lagIntervalMs: 0,
      closeTimeoutMs: 2000,
      ...options,
    });
    this.#sources.push(source);
    return source;
  };

  readonly fill = (partition: number, count: number) =>
    this.server.append(partition, ...range(count).map((index) => ({ body: `{"n":${index}}` })));
}
