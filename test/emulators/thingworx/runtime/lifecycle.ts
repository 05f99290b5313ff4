import type { ThingEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';

/** Starts and stops Things. A Thing runs when it is enabled and was started since it was created or enabled. */
export class Lifecycle {
  private readonly platform: Platform;
  private readonly running = new Set<string>();

  constructor(platform: Platform) {
    this.platform = platform;
    platform.store.onChange((entity, change) => {
      if (entity.collection === 'Things' && change === 'remove') {
        this.halt(entity.name);
      }
    });
  }

  isRunning(thing: string): boolean {
    return this.running.has(thing);
  }

  /** Starts an enabled Thing and fires ThingStart. */
  start(thing: ThingEntity, principal: string): void {
    this.halt(thing.name);
    if (!thing.enabled) {
      return;
    }
    this.running.add(thing.name);
    this.platform.timers.start(thing);
    this.platform.events.fire(thing, 'ThingStart', {}, principal);
  }

  /** RestartThing: stops, forgets what is not persistent, starts. */
  restart(thing: ThingEntity, principal: string): void {
    this.halt(thing.name);
    const keep = !this.platform.switches.restartLosesValues;
    this.platform.properties.forget(thing, this.platform.inheritance.thing(thing), keep);
    this.start(thing, principal);
  }

  /** Applies a changed definition to a running Thing without ThingStart losing its values. */
  refresh(thing: ThingEntity): void {
    this.platform.properties.forget(thing, this.platform.inheritance.thing(thing), true);
  }

  halt(thing: string): void {
    this.running.delete(thing);
    this.platform.timers.halt(thing);
  }

  startAll(): void {
    for (const thing of this.platform.store.all('Things')) {
      this.start(thing, 'SuperUser');
    }
  }

  stopAll(): void {
    for (const name of [...this.running]) {
      this.halt(name);
    }
  }
}
