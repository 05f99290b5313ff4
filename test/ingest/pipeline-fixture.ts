import type { DeadLetterSink } from '../../sidecar/dead-letters/store.ts';
import { Interpreter, type ThingCreator } from '../../sidecar/ingest/lanes/interpreter.ts';
import { Sender } from '../../sidecar/ingest/lanes/sender.ts';
import { EventDelivery } from '../../sidecar/ingest/notifications/delivery.ts';
import { TwinMirror } from '../../sidecar/ingest/notifications/twin-mirror.ts';
import { Forwarder, type Road } from '../../sidecar/ingest/replay/forwarder.ts';
import { HubCounters } from '../../sidecar/observe/counters.ts';
import { Notices } from '../../sidecar/observe/notices.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { ThingDefinitions } from '../../sidecar/thingworx/definitions.ts';
import { DeviceThings } from '../../sidecar/thingworx/device-things.ts';
import { compileTranslator } from '../../sidecar/translate/translator.ts';
import type { TranslationSettings, Translator } from '../../sidecar/translate/types.ts';
import { listeningLog } from '../dead-letters/letters.ts';
import { StandIn } from './fake-thingworx.ts';

/** Everything between a message and ThingWorx, with the stand-in at the end of it. */
export class TestRoad {
  readonly thingworx = new StandIn();
  readonly counters = new HubCounters();
  readonly waits: (string | undefined)[] = [];
  readonly limits = { maxRowsPerCall: 500, maxBytesPerCall: 1_000_000 };
  /** Definitions in memory; counts from the next start. */
  maxEntries = 100_000;
  definitions!: ThingDefinitions;
  creator: ThingCreator = { create: async () => undefined };
  #client: ThingworxClient | undefined;
  #translator: Translator = compileTranslator({});
  #road: Road | undefined;

  get road(): Road {
    if (!this.#road) throw new Error('The road is not open.');
    return this.#road;
  }

  async start(): Promise<void> {
    await this.thingworx.start();
    this.#open();
  }

  #open(): void {
    const client = new ThingworxClient({ url: this.thingworx.url, appKey: 'key', connections: 4 });
    this.#client = client;
    const hubThing = 'hub';
    const onWaiting = (error: { code: string } | undefined) => void this.waits.push(error?.code);
    const { log } = listeningLog();
    const { maxEntries } = this;
    const definitions = new ThingDefinitions({ client, hubThing, missingMaxAgeMs: 1, maxEntries });
    this.definitions = definitions;
    const deviceThings = new DeviceThings({ client, hubThing });
    const events = new EventDelivery({
      client,
      hubThing,
      deviceThings,
      mirror: new TwinMirror({
        client,
        hubThing,
        definitions,
        readTwin: async () => ({ version: 1, properties: { desired: {}, reported: {} } }),
        log,
      }),
      removal: () => 'keep',
      isGone: async () => false,
      onHeard: () => undefined,
      onRepeated: (events) => this.counters.repeat(events),
      onRemoved: () => undefined,
      onWaiting,
    });
    this.#road = {
      events,
      interpreter: new Interpreter({
        translator: () => this.#translator,
        definitions,
        creator: { create: (creations, signal) => this.creator.create(creations, signal) },
        counters: this.counters,
        creationsFor: async () => [],
        notices: new Notices(log),
        onWaiting,
      }),
      sender: new Sender({ client, hubThing, counters: this.counters, onWaiting }),
      counters: this.counters,
      limits: () => this.limits,
      onWaiting,
    };
  }

  async stop(): Promise<void> {
    await this.#client?.close();
    await this.thingworx.stop();
  }

  use(settings: TranslationSettings): void {
    this.#translator = compileTranslator(settings);
  }

  /** A road that knows nothing of the Things yet, to the same ThingWorx. */
  async stopAndStart(): Promise<void> {
    await this.#client?.close();
    this.#open();
  }

  forwarder(deadLetters: DeadLetterSink): Forwarder {
    return new Forwarder(this.road, deadLetters);
  }
}
