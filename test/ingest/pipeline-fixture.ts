import type { DeadLetterSink } from '../../sidecar/dead-letters/store.ts';
import type { BatchOrigin } from '../../sidecar/ingest/batch-origin.ts';
import { Interpreter } from '../../sidecar/ingest/lanes/interpreter.ts';
import { RowProbe } from '../../sidecar/ingest/lanes/row-probe.ts';
import { Sender } from '../../sidecar/ingest/lanes/sender.ts';
import { NotificationDelivery } from '../../sidecar/ingest/notifications/delivery.ts';
import { TwinMirror } from '../../sidecar/ingest/notifications/twin-mirror.ts';
import { OutageWatch } from '../../sidecar/ingest/outage-watch.ts';
import { type DeliveryPipeline, Forwarder } from '../../sidecar/ingest/replay/forwarder.ts';
import { HubCounters } from '../../sidecar/observe/counters.ts';
import { Notices } from '../../sidecar/observe/notices.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { ThingDefinitions } from '../../sidecar/thingworx/definitions.ts';
import { DeviceThings } from '../../sidecar/thingworx/device-things.ts';
import type { ThingCreator } from '../../sidecar/thingworx/thing-creator.ts';
import { compileTranslator } from '../../sidecar/translate/translator.ts';
import type { TranslationSettings, Translator } from '../../sidecar/translate/types.ts';
import { listeningLog } from '../dead-letters/letters.ts';
import { FakeThingworx } from './fake-thingworx.ts';

/** The delivery pipeline with a fake ThingWorx at its end. */
export class TestPipeline {
  readonly thingworx = new FakeThingworx();
  readonly counters = new HubCounters();
  readonly waits: (string | undefined)[] = [];
  readonly limits = { maxRowsPerCall: 500, maxBytesPerCall: 1_000_000 };
  /** Definitions in memory; counts from the next start. */
  maxEntries = 100_000;
  definitions!: ThingDefinitions;
  /** What all senders of a hub share. */
  shared!: { readonly outages: OutageWatch; readonly probe: RowProbe };
  client!: ThingworxClient;
  creator: Pick<ThingCreator, 'create'> = { create: async () => undefined };
  #translator: Translator = compileTranslator({});
  #parts: DeliveryPipeline | undefined;

  get parts(): DeliveryPipeline {
    if (!this.#parts) throw new Error('The pipeline is not started.');
    return this.#parts;
  }

  /** The origin of a batch of a lane that owns its partition. */
  origin(through: number, stillOwned = async () => true): BatchOrigin {
    const place = { stream: 's', partition: '0' };
    return { ...place, through, writer: this.parts.sender.writerOf({ ...place, stillOwned }) };
  }

  async start(): Promise<void> {
    await this.thingworx.start();
    this.#open();
  }

  #open(): void {
    const client = new ThingworxClient({ url: this.thingworx.url, appKey: 'key', connections: 4 });
    this.client = client;
    const hubThing = 'hub';
    const onWaiting = (error: { code: string } | undefined) => void this.waits.push(error?.code);
    const { log } = listeningLog();
    const { maxEntries } = this;
    const definitions = new ThingDefinitions({ client, hubThing, maxEntries });
    this.definitions = definitions;
    const deviceThings = new DeviceThings({ client, hubThing });
    const probe = new RowProbe({ client, hubThing, counters: this.counters });
    const outages = new OutageWatch((signal) => probe.run(signal));
    this.shared = { outages, probe };
    const notifications = new NotificationDelivery({
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
      onRepeated: (count) => this.counters.repeat(count),
      onRemoved: () => undefined,
      outages,
      onWaiting,
      log,
    });
    this.#parts = {
      notifications,
      interpreter: new Interpreter({
        outages,
        translator: () => this.#translator,
        definitions,
        creator: { create: (creations, signal) => this.creator.create(creations, signal) },
        counters: this.counters,
        creationsFor: async () => [],
        notices: new Notices(log),
        onWaiting,
      }),
      sender: new Sender({ client, hubThing, counters: this.counters, outages, probe, onWaiting }),
      counters: this.counters,
      limits: () => this.limits,
      onWaiting,
    };
  }

  async stop(): Promise<void> {
    await this.client?.close();
    await this.thingworx.stop();
  }

  use(settings: TranslationSettings): void {
    this.#translator = compileTranslator(settings);
  }

  /** A pipeline that knows nothing of the Things yet, to the same ThingWorx. */
  async stopAndStart(): Promise<void> {
    await this.client?.close();
    this.#open();
  }

  forwarder(deadLetters: DeadLetterSink): Forwarder {
    return new Forwarder(this.parts, deadLetters);
  }
}
