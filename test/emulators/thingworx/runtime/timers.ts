import type { ThingEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { type CronSchedule, parseCron } from './cron.ts';

/** Longest delay that setTimeout takes. */
const longestDelayMs = 2 ** 31 - 1;

/** Fires the events of Timer and Scheduler Things. Without `runAsUser` no subscription runs, and nothing says so. */
export class Timers {
  private readonly platform: Platform;
  private readonly handles = new Map<string, NodeJS.Timeout>();
  private readonly enabled = new Map<string, boolean>();

  constructor(platform: Platform) {
    this.platform = platform;
  }

  private settings(thing: ThingEntity) {
    return this.platform.tables.effective(thing, 'Settings')?.table.rows[0] ?? {};
  }

  private kind(thing: ThingEntity): 'Timer' | 'Scheduler' | undefined {
    const { templates } = this.platform.inheritance.thing(thing);
    return templates.includes('Timer') ? 'Timer' : templates.includes('Scheduler') ? 'Scheduler' : undefined;
  }

  isEnabled(thing: ThingEntity): boolean {
    return this.enabled.get(thing.name) ?? this.settings(thing).enabled !== false;
  }

  /** EnableTimer, DisableTimer: holds until the Thing is deleted or restarted. */
  setEnabled(thing: ThingEntity, enabled: boolean): void {
    this.enabled.set(thing.name, enabled);
    this.cancel(thing.name);
    if (enabled && this.platform.lifecycle.isRunning(thing.name)) {
      this.arm(thing);
    }
  }

  start(thing: ThingEntity): void {
    if (this.kind(thing) !== undefined && this.isEnabled(thing)) {
      this.arm(thing);
    }
  }

  private arm(thing: ThingEntity): void {
    if (this.kind(thing) === 'Timer') {
      const rate = Number(this.settings(thing).updateRate ?? 60_000);
      const handle = setInterval(
        () => this.fire(thing, 'Timer'),
        Math.min(Math.max(rate, 1), longestDelayMs),
      );
      handle.unref();
      this.handles.set(thing.name, handle);
      return;
    }
    try {
      this.armSchedule(thing, parseCron(String(this.settings(thing).schedule ?? '')));
    } catch (error) {
      this.platform.logs.write('ApplicationLog', {
        level: 'ERROR',
        content: `Unable to start Scheduler ${thing.name}: ${error instanceof Error ? error.message : error}`,
        origin: 'c.t.t.s.SchedulerThing',
      });
    }
  }

  private armSchedule(thing: ThingEntity, schedule: CronSchedule): void {
    const now = Date.now();
    const next = schedule.next(new Date(now));
    if (next === undefined) {
      return;
    }
    const delayMs = next.getTime() - now;
    const handle = setTimeout(
      () => {
        if (delayMs <= longestDelayMs) {
          this.fire(thing, 'ScheduledEvent');
        }
        this.armSchedule(thing, schedule);
      },
      Math.min(delayMs, longestDelayMs),
    );
    handle.unref();
    this.handles.set(thing.name, handle);
  }

  private fire(thing: ThingEntity, eventName: string): void {
    const user = this.settings(thing).runAsUser;
    const current = this.platform.store.get('Things', thing.name);
    if (typeof user === 'string' && user !== '' && current !== undefined) {
      this.platform.events.fire(current, eventName, { timestamp: new Date() }, user);
    }
  }

  private cancel(name: string): void {
    clearTimeout(this.handles.get(name));
    this.handles.delete(name);
  }

  halt(name: string): void {
    this.cancel(name);
    this.enabled.delete(name);
  }
}
