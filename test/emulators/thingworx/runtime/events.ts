import { isShaped, type Subscription, type ThingEntity, type Vtq } from '../model/entity.ts';
import type { EffectiveShape, EffectiveSubscription } from '../model/inheritance.ts';
import type { Platform } from '../platform.ts';
import { ScriptStructure } from '../script-platform.ts';
import type { PlatformValue } from '../values.ts';

/** An event on its way to the subscriptions. */
interface Occurrence {
  thing: ThingEntity;
  eventName: string;
  sourceProperty: string;
  data: ScriptStructure;
  timeMs: number;
  /** User in whose name the subscriptions run. */
  principal: string;
}

interface Listener {
  thing: string;
  subscription: Subscription;
  alias: string;
}

interface QueuedRun {
  listener: Listener;
  occurrence: Occurrence;
}

const mostRunning = 8;
/** Size of the platform's event queue; what comes on top is refused with an entry in ApplicationLog. */
const mostQueued = 100_000;

/**
 * Fires events and runs the scripts of the subscriptions, several at a time. One subscription of one Thing gets its events
 * one after the other, in order; the platform promises that for ordered subscriptions only.
 */
export class EventDispatcher {
  private readonly platform: Platform;
  private readonly own = new WeakMap<EffectiveShape, Map<string, EffectiveSubscription[]>>();
  private foreign: Map<string, Listener[]> | undefined;
  private foreignInUse = false;
  /** Waiting events by subscription; the subscriptions that may run next, in order. */
  private readonly waiting = new Map<string, QueuedRun[]>();
  private readonly ready = new Set<string>();
  private queued = 0;
  private running = 0;
  private stopped = false;

  constructor(platform: Platform) {
    this.platform = platform;
    platform.store.onChange((entity) => {
      if (isShaped(entity)) {
        this.foreignInUse ||= [...entity.definitions.subscriptions.values()].some((subscription) =>
          subscription.triggers.some((trigger) => trigger.source !== ''),
        );
        this.foreign = undefined;
      }
    });
  }

  /** Events waiting or being worked on. */
  get pending(): number {
    return this.queued + this.running;
  }

  stop(): void {
    this.stopped = true;
    this.waiting.clear();
    this.ready.clear();
    this.queued = 0;
  }

  /** Fires any event but DataChange. */
  fire(
    thing: ThingEntity,
    eventName: string,
    data: Record<string, PlatformValue>,
    principal: string,
    timeMs = Date.now(),
  ): void {
    const listeners = this.listeners(thing, eventName, '');
    this.enqueue(listeners, {
      thing,
      eventName,
      sourceProperty: '',
      data: new ScriptStructure(data),
      timeMs,
      principal,
    });
  }

  /** Fires DataChange and AnyDataChange of a property, also for the properties that are locally bound to it. */
  dataChange(thing: ThingEntity, property: string, old: Vtq, now: Vtq, principal: string): void {
    for (const [eventName, sourceProperty] of [
      ['DataChange', property],
      ['AnyDataChange', ''],
    ] as const) {
      const listeners = this.listeners(thing, eventName, sourceProperty);
      if (listeners.length > 0) {
        const change = { newValue: structure(now), oldValue: structure(old) };
        const data = new ScriptStructure(sourceProperty === '' ? { name: property, ...change } : change);
        this.enqueue(listeners, {
          thing,
          eventName,
          sourceProperty: property,
          data,
          timeMs: now.timeMs,
          principal,
        });
      }
    }
    for (const target of this.platform.bindings.targetsOf(thing.name, property)) {
      const bound = this.platform.store.get('Things', target.thing);
      if (bound !== undefined && bound !== thing) {
        this.dataChange(bound, target.property, old, now, principal);
      }
    }
  }

  private listeners(thing: ThingEntity, eventName: string, sourceProperty: string): Listener[] {
    const effective = this.platform.inheritance.thing(thing);
    const own = this.ownIndex(effective).get(`${eventName}\n${sourceProperty}`) ?? [];
    const listeners: Listener[] = own.map(({ subscription }) => ({
      thing: thing.name,
      subscription,
      alias: alias(subscription, eventName, sourceProperty),
    }));
    if (this.foreignInUse) {
      this.foreign ??= this.foreignIndex();
      listeners.push(...(this.foreign.get(`${thing.name}\n${eventName}\n${sourceProperty}`) ?? []));
    }
    return listeners;
  }

  private ownIndex(effective: EffectiveShape): Map<string, EffectiveSubscription[]> {
    const known = this.own.get(effective);
    if (known !== undefined) {
      return known;
    }
    const index = new Map<string, EffectiveSubscription[]>();
    for (const entry of effective.subscriptions.values()) {
      for (const trigger of entry.subscription.triggers) {
        if (trigger.source === '' && entry.subscription.enabled) {
          const key = `${trigger.eventName}\n${trigger.sourceProperty}`;
          index.set(key, [...(index.get(key) ?? []), entry]);
        }
      }
    }
    this.own.set(effective, index);
    return index;
  }

  private foreignIndex(): Map<string, Listener[]> {
    const index = new Map<string, Listener[]>();
    for (const thing of this.platform.store.all('Things')) {
      for (const { subscription } of this.platform.inheritance.thing(thing).subscriptions.values()) {
        for (const trigger of subscription.triggers) {
          if (trigger.source !== '' && subscription.enabled) {
            const key = `${trigger.source}\n${trigger.eventName}\n${trigger.sourceProperty}`;
            const listener = { thing: thing.name, subscription, alias: trigger.alias };
            index.set(key, [...(index.get(key) ?? []), listener]);
          }
        }
      }
    }
    return index;
  }

  private enqueue(listeners: Listener[], occurrence: Occurrence): void {
    for (const listener of listeners) {
      if (this.stopped) {
        return;
      }
      if (this.queued >= mostQueued) {
        this.platform.logs.write('ApplicationLog', {
          level: 'ERROR',
          content: `Event queue is full: ${occurrence.eventName} of ${occurrence.thing.name} was not delivered to ${listener.thing}`,
          origin: 'c.t.s.s.e.EventProcessingSubsystem',
        });
        continue;
      }
      const key = `${listener.thing}\n${listener.subscription.name}`;
      const line = this.waiting.get(key);
      if (line === undefined) {
        this.waiting.set(key, [{ listener, occurrence }]);
        this.ready.add(key);
      } else {
        line.push({ listener, occurrence });
      }
      this.queued += 1;
    }
    this.pump();
  }

  private pump(): void {
    for (const key of this.ready) {
      if (this.running >= mostRunning) {
        return;
      }
      this.ready.delete(key);
      void this.work(key);
    }
  }

  private async work(key: string): Promise<void> {
    const next = this.waiting.get(key)?.shift();
    if (next !== undefined) {
      this.queued -= 1;
      this.running += 1;
      try {
        await this.run(next);
      } catch (error) {
        this.platform.logs.write('ErrorLog', {
          level: 'ERROR',
          content: error instanceof Error ? (error.stack ?? error.message) : String(error),
          origin: 'c.t.t.e.SubscriptionHandler',
        });
      }
      this.running -= 1;
    }
    if (this.waiting.get(key)?.length === 0) {
      this.waiting.delete(key);
    } else if (this.waiting.has(key)) {
      this.ready.add(key);
    }
    this.pump();
  }

  private async run({ listener, occurrence }: QueuedRun): Promise<void> {
    const thing = this.platform.store.get('Things', listener.thing);
    if (thing === undefined || !this.platform.lifecycle.isRunning(thing.name)) {
      return;
    }
    const { implementation, name } = listener.subscription;
    if (implementation.source === undefined || implementation.problem !== undefined) {
      this.platform.logs.write('ErrorLog', {
        level: 'ERROR',
        content: `Unable to create service handler for ${name} in ${thing.name}:ThingShape : ${implementation.problem ?? 'no script'}`,
        origin: 'c.t.e.s.Subscription',
      });
      return;
    }
    await this.platform.services.runSubscription(thing, name, implementation.source, occurrence.principal, {
      eventData: occurrence.data,
      source: occurrence.thing.name,
      sourceProperty: occurrence.sourceProperty,
      eventName: occurrence.eventName,
      eventTime: new Date(occurrence.timeMs),
      alias: listener.alias,
    });
  }
}

function structure(vtq: Vtq): ScriptStructure {
  return new ScriptStructure({ value: vtq.value, time: new Date(vtq.timeMs), quality: vtq.quality });
}

function alias(subscription: Subscription, eventName: string, sourceProperty: string): string {
  const trigger = subscription.triggers.find(
    (one) => one.source === '' && one.eventName === eventName && one.sourceProperty === sourceProperty,
  );
  return trigger?.alias ?? '';
}
