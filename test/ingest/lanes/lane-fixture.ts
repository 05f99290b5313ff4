import assert from 'node:assert/strict';
import { type EventContent, toReceivedMessage } from '../../../sidecar/azure/event-hubs/received-message.ts';
import { FileDeadLetterStore } from '../../../sidecar/dead-letters/file-store.ts';
import type { DeadLetterStore } from '../../../sidecar/dead-letters/store.ts';
import type { Position } from '../../../sidecar/ingest/lanes/checkpointer.ts';
import { FlightBudget } from '../../../sidecar/ingest/lanes/flight-budget.ts';
import { Lane, type LaneLimits } from '../../../sidecar/ingest/lanes/lane.ts';
import type { ReceivedMessage } from '../../../sidecar/translate/types.ts';
import { BEGIN_MS, listeningLog, scratchDirectory, until } from '../../dead-letters/letters.ts';
import { TestPipeline } from '../pipeline-fixture.ts';

export function event(
  sequenceNumber: number,
  body: unknown,
  device = 'dev-1',
  more: Partial<EventContent> = {},
): ReceivedMessage {
  const content = {
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
    sequenceNumber,
    offset: String(sequenceNumber * 10),
    enqueuedTimeMs: BEGIN_MS + sequenceNumber,
    systemProperties: { 'iothub-connection-device-id': device },
    properties: {},
    ...more,
  };
  return toReceivedMessage(content, '3');
}

export const temperature = (from: number, to: number, device?: string) =>
  Array.from({ length: to - from }, (_, i) => event(from + i, { temperature: from + i }, device));

export const LIMITS: LaneLimits = {
  maxRowsPerCall: 100,
  maxBytesPerCall: 1_000_000,
  callIntervalMs: 0,
  messagesInFlight: 1_000,
  bytesInFlight: 1_000_000,
};

/** Lanes with all that a lane needs, against a fake ThingWorx that has three Things. */
export class LaneFixture {
  pipeline = new TestPipeline();
  directory = '';
  store!: DeadLetterStore;
  log = listeningLog();
  limits = LIMITS;
  budget = new FlightBudget(100_000_000);
  checkpoints: Position[] = [];
  checkpoint: (position: Position) => Promise<boolean> = async () => true;
  stillOwned: (isDoubtful: boolean) => Promise<boolean> = async () => true;
  #lanes: Lane[] = [];
  #remove: () => Promise<void> = async () => undefined;

  readonly start = async () => {
    ({ directory: this.directory, remove: this.#remove } = await scratchDirectory());
    this.pipeline = new TestPipeline();
    await this.pipeline.start();
    for (const name of ['dev-1', 'dev-2', 'dev-3'])
      this.pipeline.thingworx.things.set(name, { temperature: 'NUMBER', text: 'STRING', place: 'LOCATION' });
    this.store = new FileDeadLetterStore({ directory: `${this.directory}/letters`, log: listeningLog().log });
    this.log = listeningLog();
    this.checkpoints = [];
    this.checkpoint = async (position) => {
      this.checkpoints.push(position);
      return true;
    };
    this.stillOwned = async () => true;
    this.limits = LIMITS;
    this.budget = new FlightBudget(100_000_000);
  };

  readonly stop = async () => {
    for (const lane of this.#lanes.splice(0)) await lane.stop({ drain: false });
    await this.store.close();
    await this.pipeline.stop();
    await this.#remove();
  };

  readonly open = (sink: Pick<DeadLetterStore, 'append'> = this.store, partitionId = '3') => {
    const lane = new Lane({
      ...this.pipeline.parts,
      deadLetters: sink,
      partitionId,
      stream: 'cafe0123',
      limits: () => this.limits,
      budget: this.budget,
      checkpoint: (position) => this.checkpoint(position),
      stillOwned: (isDoubtful) => this.stillOwned(isDoubtful),
      onUnwritten: () => undefined,
      log: this.log.log,
    });
    this.#lanes.push(lane);
    lane.start();
    return lane;
  };

  readonly settled = (lane: Lane, last: number) => until(() => lane.position?.sequenceNumber === last);

  /** The temperatures that have arrived. */
  readonly values = () => this.pipeline.thingworx.rows.map((row) => row.values.temperature);

  readonly letters = async () => (await this.store.list({}, { limit: 1_000 })).letters;

  readonly assertBalanced = () => {
    const { received, delivered, ignored, deadLettered, released, inFlight } = this.pipeline.counters.counts;
    assert.equal(received, delivered + ignored + deadLettered + released + inFlight);
  };
}
