/**
 * What somebody asked the emulator to do wrong. The control endpoint writes it, the protocol parts ask it; nothing here
 * knows a protocol.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { RestFault, RestFaults } from './hub.ts';

/** Where connections are refused or delayed. `all` covers the three. */
export type FaultProtocol = 'amqp' | 'mqtt' | 'http';
/** `telemetry` delays the acknowledgement of device messages, `events` the delivery of events to receivers. */
export type DelayPoint = FaultProtocol | 'telemetry' | 'events';

/** A REST fault with the requests that it hits. */
export interface RestFaultRule extends RestFault {
  method?: string;
  /** Regular expression on the path. */
  path?: string;
  /** Number of requests after which the rule is used up; endless without. */
  count?: number;
}

interface FaultEvents {
  /** A pause or a delay of events was lifted. */
  eased: [];
}

export class Faults extends EventEmitter<FaultEvents> implements RestFaults {
  #clockOffsetMs = 0;
  readonly #refusing = new Set<FaultProtocol>();
  readonly #delaysMs = new Map<DelayPoint, number>();
  readonly #paused = new Set<number>();
  #rules: RestFaultRule[] = [];

  constructor() {
    super();
    this.setMaxListeners(0);
  }

  refuse(protocol: FaultProtocol, refused: boolean): void {
    if (refused) this.#refusing.add(protocol);
    else this.#refusing.delete(protocol);
  }

  isRefusing(protocol: FaultProtocol): boolean {
    return this.#refusing.has(protocol);
  }

  /** 0 ends the delay. */
  delay(point: DelayPoint, milliseconds: number): void {
    if (milliseconds > 0) this.#delaysMs.set(point, milliseconds);
    else this.#delaysMs.delete(point);
    this.emit('eased');
  }

  delayOf(point: DelayPoint): number {
    return this.#delaysMs.get(point) ?? 0;
  }

  async delayFor(point: DelayPoint): Promise<void> {
    const milliseconds = this.#delaysMs.get(point);
    if (milliseconds) await delay(milliseconds);
  }

  get delaysTelemetry(): boolean {
    return this.#delaysMs.has('telemetry');
  }

  /** Puts the hub's clock ahead (behind when negative), as it looks to a client whose own clock is off. */
  shiftClock(offsetMs: number): void {
    this.#clockOffsetMs = offsetMs;
  }

  /** What the hub takes for now where clients compare clocks: the `Date` header, and the end of a token's time. */
  nowMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** A paused partition delivers nothing; events are still stored. */
  pausePartition(partition: number, paused: boolean): void {
    if (paused) this.#paused.add(partition);
    else this.#paused.delete(partition);
    this.emit('eased');
  }

  isPaused(partition: number): boolean {
    return this.#paused.has(partition);
  }

  addRule(rule: RestFaultRule): void {
    this.#rules.push(rule);
  }

  take(method: string, path: string): RestFault | undefined {
    const wanted = this.#rules.find(
      (rule) =>
        (rule.method === undefined || rule.method.toUpperCase() === method) &&
        (rule.path === undefined || new RegExp(rule.path).test(path)),
    );
    const delayMs = this.#delaysMs.get('http');
    if (!wanted) return delayMs === undefined ? undefined : { delayMs };
    if (wanted.count !== undefined && --wanted.count <= 0) {
      this.#rules = this.#rules.filter((rule) => rule !== wanted);
    }
    return delayMs === undefined ? wanted : { delayMs, ...wanted };
  }

  /** Ends all faults. */
  clear(): void {
    this.#refusing.clear();
    this.#delaysMs.clear();
    this.#paused.clear();
    this.#clockOffsetMs = 0;
    this.#rules = [];
    this.emit('eased');
  }

  describe(): object {
    return {
      refusing: [...this.#refusing],
      delaysMs: Object.fromEntries(this.#delaysMs),
      clockOffsetMs: this.#clockOffsetMs,
      pausedPartitions: [...this.#paused],
      rest: this.#rules,
    };
  }
}
