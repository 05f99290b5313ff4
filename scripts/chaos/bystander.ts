import { setTimeout as sleep } from 'node:timers/promises';
import { deadLetters, store } from '../../test/e2e/instruments.ts';
import { READING_PROPERTIES } from '../local/device.ts';
import { HUB_THING, type LocalSystem, VALUE_STREAM } from '../local/system.ts';

const SEND_EVERY_MS = 100;
const WAIT_MS = 60_000;

/** A device beside the load, to whose Thing a row may do anything. Its messages are numbered from 1. */
export class Bystander {
  readonly name: string;
  readonly #system: LocalSystem;
  readonly #startMs = Date.now();
  #sent = 0;

  constructor(system: LocalSystem, name: string) {
    this.#system = system;
    this.name = name;
  }

  get sent(): number {
    return this.#sent;
  }

  async createThing(): Promise<void> {
    const { platform } = this.#system;
    await platform.createThing(this.name, 'AzureIoT.Device_TT');
    for (const [property, baseType] of Object.entries(READING_PROPERTIES))
      await platform.addProperty(this.name, property, baseType, { logged: true });
    await platform.invoke(this.name, 'SetValueStream', { name: VALUE_STREAM });
    await platform.invoke(this.name, 'RestartThing');
    await platform.setProperties(this.name, { deviceId: this.name, hubThing: HUB_THING });
  }

  async deleteThing(): Promise<void> {
    await this.#system.platform.invokeOn('Resources', 'EntityServices', 'DeleteThing', { name: this.name });
  }

  async sendFor(ms: number): Promise<void> {
    for (let spentMs = 0; spentMs < ms; spentMs += SEND_EVERY_MS) {
      this.#sent += 1;
      const creationTimeUtc = new Date(this.#startMs + this.#sent).toISOString();
      await store(this.#system, [{ deviceId: this.name, body: { count: this.#sent }, creationTimeUtc }]);
      await sleep(SEND_EVERY_MS);
    }
  }

  /** Resolves when each message after that number is on the Thing or a dead letter; gives the number of dead letters. */
  async settled(after: number): Promise<number> {
    const endMs = performance.now() + WAIT_MS;
    for (;;) {
      const letters = (await deadLetters(this.#system, { deviceId: this.name })).length;
      const arrived = (await this.#arrived()).filter((count) => count > after).length;
      if (letters + arrived >= this.#sent - after) return letters;
      if (performance.now() > endMs)
        throw new Error(`${this.#sent - after - letters - arrived} messages of ${this.name} are missing`);
      await sleep(SEND_EVERY_MS);
    }
  }

  async #arrived(): Promise<number[]> {
    const rows = await this.#system.platform.history(this.name, 100_000).catch(() => []);
    return rows.map((row) => Number(row['count']));
  }
}
