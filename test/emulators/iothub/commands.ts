/**
 * The cloud-to-device queue of every device: at most 50 messages, each locked while it is with the device, returned
 * when it is not settled in time, ended after too many deliveries or when its time is over; feedback as asked.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { CommandMessage, CommandQueues } from './hub.ts';
import { HubError } from './hub-error.ts';
import type { Identities } from './identities.ts';
import { type EndReason, LockQueue, type Outcome } from './lock-queue.ts';
import type { FeedbackRecord, ServiceFeeds } from './service-feeds.ts';

export interface CommandOptions {
  lockMs: number;
  maxDeliveryCount: number;
  /** Life of a message that carries no expiry of its own. */
  timeToLiveMs: number;
  maxQueueDepth: number;
}

/** A message in the queue. */
export interface QueuedCommand extends CommandMessage {
  enqueuedTimeMs: number;
  sequenceNumber: number;
  deviceGenerationId: string;
}

interface CommandEvents {
  /** A message of this device can be delivered. */
  available: [deviceId: string];
}

const SWEEP_MS = 250;
const MAX_MESSAGE_BYTES = 64 * 1024;

const statusOf: Record<EndReason, { code: FeedbackRecord['statusCode']; text: string }> = {
  completed: { code: 'Success', text: 'Success' },
  expired: { code: 'Expired', text: 'Message expired' },
  rejected: { code: 'Rejected', text: 'Message rejected' },
  deliveryCountExceeded: { code: 'DeliveryCountExceeded', text: 'Message delivery count exceeded' },
  purged: { code: 'Purged', text: 'Message purged' },
};

export class Commands extends EventEmitter<CommandEvents> implements CommandQueues {
  readonly #options: CommandOptions;
  readonly #identities: Identities;
  readonly #feeds: ServiceFeeds;
  readonly #queues = new Map<string, LockQueue<QueuedCommand>>();
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CommandOptions, identities: Identities, feeds: ServiceFeeds) {
    super();
    this.setMaxListeners(0);
    this.#options = options;
    this.#identities = identities;
    this.#feeds = feeds;
    identities.on('deleted', (identity) => {
      if (identity.moduleId === undefined) this.#queues.delete(identity.deviceId);
    });
  }

  start(): void {
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async enqueue(deviceId: string, message: CommandMessage): Promise<void> {
    const identity = this.#identities.get(deviceId);
    if (!identity) throw new HubError('DeviceNotFound', `Device ${deviceId} not registered`);
    if (message.body.length > MAX_MESSAGE_BYTES) {
      throw new HubError('MessageTooLarge', `The message exceeds ${MAX_MESSAGE_BYTES} bytes`);
    }
    let queue = this.#queues.get(deviceId);
    if (!queue) {
      queue = this.#newQueue(deviceId);
      this.#queues.set(deviceId, queue);
    }
    queue.sweep();
    if (queue.size >= this.#options.maxQueueDepth) {
      throw new HubError(
        'DeviceMaximumQueueDepthExceeded',
        `Device Queue depth cannot exceed ${this.#options.maxQueueDepth} messages`,
      );
    }
    const now = Date.now();
    const expiresAtMs = message.properties.expiryTimeMs ?? now + this.#options.timeToLiveMs;
    const queued: QueuedCommand = {
      ...message,
      // Feedback names the message by its id, so one is given to a message without.
      properties: { ...message.properties, messageId: message.properties.messageId ?? randomUUID() },
      enqueuedTimeMs: now,
      sequenceNumber: ++this.#sequence,
      deviceGenerationId: identity.generationId,
    };
    queue.add(queued, expiresAtMs);
    this.emit('available', deviceId);
  }

  count(deviceId: string): number {
    return this.#queues.get(deviceId)?.size ?? 0;
  }

  purge(deviceId: string): number {
    return this.#queues.get(deviceId)?.purge() ?? 0;
  }

  receive(
    deviceId: string,
  ): { lockToken: string; message: QueuedCommand; deliveryCount: number } | undefined {
    const locked = this.#queues.get(deviceId)?.lock();
    if (!locked) return undefined;
    return { lockToken: locked.lockToken, message: locked.item, deliveryCount: locked.deliveryCount };
  }

  settle(deviceId: string, lockToken: string, outcome: Outcome): boolean {
    const settled = this.#queues.get(deviceId)?.settle(lockToken, outcome) ?? false;
    if (settled && outcome === 'abandon') this.emit('available', deviceId);
    return settled;
  }

  #newQueue(deviceId: string): LockQueue<QueuedCommand> {
    const { lockMs, maxDeliveryCount } = this.#options;
    return new LockQueue({
      lockMs,
      maxDeliveryCount,
      ended: (command, reason) => this.#ended(deviceId, command, reason),
    });
  }

  #ended(deviceId: string, command: QueuedCommand, reason: EndReason): void {
    const wanted = {
      none: false,
      positive: reason === 'completed',
      negative: reason !== 'completed',
      full: true,
    };
    if (!wanted[command.ack]) return;
    this.#feeds.addFeedback({
      originalMessageId: command.properties.messageId as string,
      enqueuedTimeUtc: new Date().toISOString(),
      statusCode: statusOf[reason].code,
      description: statusOf[reason].text,
      deviceGenerationId: command.deviceGenerationId,
      deviceId,
    });
  }

  #sweep(): void {
    for (const [deviceId, queue] of this.#queues) if (queue.sweep()) this.emit('available', deviceId);
  }
}
