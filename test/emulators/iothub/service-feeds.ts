/**
 * What the hub has to tell its back end: feedback on cloud-to-device messages, in batches, and notifications of file
 * uploads. Receivers compete; each message goes to one of them by lock.
 */
import { EventEmitter } from 'node:events';
import type { FileNotification, ServiceNotifications } from './hub.ts';
import { type Locked, LockQueue, type Outcome } from './lock-queue.ts';

export interface FeedbackRecord {
  originalMessageId: string;
  enqueuedTimeUtc: string;
  statusCode: 'Success' | 'Expired' | 'DeliveryCountExceeded' | 'Rejected' | 'Purged';
  description: string;
  deviceGenerationId: string;
  deviceId: string;
}

export interface FeedMessage {
  body: Buffer;
  contentType: string;
  enqueuedTimeMs: number;
}

export interface ServiceFeedOptions {
  /** A batch goes out when it is full or this long after its first record. IoT Hub: up to 15 s. */
  feedbackBatchMs: number;
  lockMs: number;
  maxDeliveryCount: number;
  timeToLiveMs: number;
}

interface FeedEvents {
  available: [];
}

const MAX_BATCH = 64;
const SWEEP_MS = 500;

/** One queue that AMQP receivers read. */
export class ServiceFeed extends EventEmitter<FeedEvents> {
  readonly #queue: LockQueue<FeedMessage>;
  readonly #timeToLiveMs: number;

  constructor(options: ServiceFeedOptions) {
    super();
    this.setMaxListeners(0);
    this.#timeToLiveMs = options.timeToLiveMs;
    this.#queue = new LockQueue({ ...options, ended: () => undefined });
  }

  add(message: FeedMessage): void {
    this.#queue.add(message, message.enqueuedTimeMs + this.#timeToLiveMs);
    this.emit('available');
  }

  receive(): Locked<FeedMessage> | undefined {
    return this.#queue.lock();
  }

  settle(lockToken: string, outcome: Outcome): boolean {
    const settled = this.#queue.settle(lockToken, outcome);
    if (settled && outcome === 'abandon') this.emit('available');
    return settled;
  }

  sweep(): void {
    if (this.#queue.sweep()) this.emit('available');
  }
}

export class ServiceFeeds implements ServiceNotifications {
  readonly feedback: ServiceFeed;
  readonly fileNotifications: ServiceFeed;
  readonly #options: ServiceFeedOptions;
  #records: FeedbackRecord[] = [];
  #batchTimer: NodeJS.Timeout | undefined;
  #sweepTimer: NodeJS.Timeout | undefined;

  constructor(options: ServiceFeedOptions) {
    this.#options = options;
    this.feedback = new ServiceFeed(options);
    this.fileNotifications = new ServiceFeed(options);
  }

  start(): void {
    this.#sweepTimer = setInterval(() => {
      this.feedback.sweep();
      this.fileNotifications.sweep();
    }, SWEEP_MS);
    this.#sweepTimer.unref();
  }

  stop(): void {
    clearInterval(this.#sweepTimer);
    clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
  }

  fileUploaded(notification: FileNotification): void {
    this.fileNotifications.add({
      body: Buffer.from(JSON.stringify(notification)),
      contentType: 'application/json',
      enqueuedTimeMs: Date.now(),
    });
  }

  addFeedback(record: FeedbackRecord): void {
    this.#records.push(record);
    if (this.#records.length >= MAX_BATCH) this.#sendBatch();
    else this.#batchTimer ??= setTimeout(() => this.#sendBatch(), this.#options.feedbackBatchMs);
  }

  #sendBatch(): void {
    clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
    const records = this.#records;
    this.#records = [];
    this.feedback.add({
      body: Buffer.from(JSON.stringify(records)),
      contentType: 'application/vnd.microsoft.iothub.feedback.json',
      enqueuedTimeMs: Date.now(),
    });
  }
}
