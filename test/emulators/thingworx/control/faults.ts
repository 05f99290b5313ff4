import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../rest/exchange.ts';
import { PlatformError } from '../values.ts';

/** A disturbance for matching requests. The first rule that matches applies. */
export interface FaultRule {
  id: number;
  /**
   * `delay` waits before the request is worked on, `delayAnswer` before the answer is sent, `drop` cuts the connection at once, `dropAnswer` works on the request
   * and cuts the connection instead of answering, `half` sends half the answer, `status` answers without working on it.
   */
  action: 'delay' | 'delayAnswer' | 'drop' | 'dropAnswer' | 'half' | 'status';
  /** Regular expression for the path with `/Thingworx`; any path if absent. */
  path?: string;
  method?: string;
  /** How often it applies; for ever if absent. */
  count?: number;
  /** Matching requests that are let through first. */
  skip?: number;
  delayMs?: number;
  status?: number;
  body?: string;
  contentType?: string;
}

const actions: ReadonlySet<string> = new Set([
  'delay',
  'delayAnswer',
  'drop',
  'dropAnswer',
  'half',
  'status',
]);

interface ActiveRule {
  rule: FaultRule;
  pattern: RegExp | undefined;
  skipsLeft: number;
  left: number;
  applied: number;
}

/** The fault switches of the platform's HTTP side. */
export class Faults {
  private rules: ActiveRule[] = [];
  private lastId = 0;
  private clockOffsetMs = 0;

  /** @throws RangeError for a rule that makes no sense */
  add(given: Record<string, unknown>): FaultRule {
    const action = String(given.action);
    if (!actions.has(action)) {
      throw new RangeError(`action must be one of ${[...actions].join(', ')}, or refuse`);
    }
    if (action.startsWith('delay') && !(Number(given.delayMs) > 0)) {
      throw new RangeError(`${action} needs delayMs`);
    }
    if (action === 'status' && !(Number(given.status) >= 200 && Number(given.status) <= 999)) {
      throw new RangeError('status needs a status code');
    }
    this.lastId += 1;
    const rule = { ...given, id: this.lastId, action } as FaultRule;
    this.rules.push({
      rule,
      pattern: rule.path === undefined ? undefined : new RegExp(rule.path),
      skipsLeft: rule.skip ?? 0,
      left: rule.count ?? Number.POSITIVE_INFINITY,
      applied: 0,
    });
    return rule;
  }

  list(): (FaultRule & { applied: number })[] {
    return this.rules.map(({ rule, applied }) => ({ ...rule, applied }));
  }

  remove(id: number): boolean {
    const before = this.rules.length;
    this.rules = this.rules.filter(({ rule }) => rule.id !== id);
    return this.rules.length < before;
  }

  clear(): void {
    this.rules = [];
    this.clockOffsetMs = 0;
  }

  /** Puts the server's clock ahead (behind when negative), as it looks to a client whose own clock is off. */
  shiftClock(offsetMs: unknown): void {
    if (typeof offsetMs !== 'number' || !Number.isFinite(offsetMs)) {
      throw new RangeError('offsetMs must be a number');
    }
    this.clockOffsetMs = offsetMs;
  }

  /** What the server takes for now where clients compare clocks: the `Date` header, and the end of application keys. */
  nowMs(): number {
    return Date.now() + this.clockOffsetMs;
  }

  private match(method: string, path: string): FaultRule | undefined {
    for (const active of this.rules) {
      const { rule, pattern } = active;
      const matches =
        active.left > 0 &&
        (rule.method === undefined || rule.method === method) &&
        (pattern === undefined || pattern.test(path));
      if (!matches) {
        continue;
      }
      if (active.skipsLeft > 0) {
        active.skipsLeft -= 1;
        continue;
      }
      active.left -= 1;
      active.applied += 1;
      return rule;
    }
    return undefined;
  }

  /** Applies a rule to a request; true when the request is answered (or cut) with that. */
  async apply(exchange: Exchange, path: string): Promise<boolean> {
    const rule = this.match(exchange.method, path);
    switch (rule?.action) {
      case 'delay':
        await sleep(rule.delayMs ?? 0);
        return false;
      case 'delayAnswer':
        exchange.fault = { damage: 'delay', delayMs: rule.delayMs ?? 0 };
        return false;
      case 'drop':
        exchange.request.socket.destroy();
        return true;
      case 'dropAnswer':
        exchange.fault = { damage: 'drop' };
        return false;
      case 'half':
        exchange.fault = { damage: 'half' };
        return false;
      case 'status':
        if (rule.body === undefined) {
          throw new PlatformError(`Fault ${rule.status}`, { status: rule.status ?? 500 });
        }
        exchange.send(rule.status ?? 500, rule.contentType ?? 'text/plain; charset=UTF-8', rule.body);
        return true;
      default:
        return false;
    }
  }
}
