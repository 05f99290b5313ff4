import type { ConnectorError } from '../errors/connector-error.ts';
import { toConnectorError } from '../errors/connector-error.ts';
import type { HubCounters } from '../observe/counters.ts';
import type { Notices } from '../observe/notices.ts';
import type { ThingDefinitions } from '../thingworx/definitions.ts';
import type { HubEvent } from '../translate/sources/events.ts';
import type { Creation, HubMessage, Prepared, Translation, Translator, Update } from '../translate/types.ts';
import type { Row } from './batch.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import { isOutage, Patience } from './patience.ts';
import type { PlatformRefusal } from './sender.ts';

/** One message on its way, with what it became. `reasons` not empty: it goes to the dead letters. */
export interface Entry {
  readonly message: HubMessage;
  readonly updates: readonly Update[];
  /** What it says beside values. Those for which there is no Thing are taken out when the others are delivered. */
  readonly events: HubEvent[];
  readonly reasons: DeadLetterReason[];
}

/** Makes Things and properties that a policy wants. Rejects when ThingWorx does not answer; a refusal is its own to report. */
export interface ThingCreator {
  create(creations: readonly Creation[], signal: AbortSignal): Promise<void>;
}

export interface InterpreterOptions {
  /** The translator of today's settings. */
  readonly translator: () => Translator;
  readonly definitions: ThingDefinitions;
  readonly creator: ThingCreator;
  /** What events ask to be made before the messages behind them are looked at. */
  readonly creationsFor: (events: readonly HubEvent[], signal: AbortSignal) => Promise<readonly Creation[]>;
  readonly counters: HubCounters;
  readonly notices: Notices;
  /** Once when ThingWorx does not answer for definitions, once when it does again (undefined). */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
}

/** The refusals of the platform in the words of the dead letters. */
const REASON_CODES: Readonly<Record<PlatformRefusal['reason'], string>> = {
  THING_NOT_FOUND: 'THING_UNKNOWN',
  PROPERTY_NOT_FOUND: 'PROPERTY_UNKNOWN',
  VALUE_REFUSED: 'VALUE_REFUSED',
  NOT_AUTHORIZED: 'NOT_AUTHORIZED',
  REJECTED: 'REJECTED',
};

/** Turns messages into entries: decodes them, fetches the definitions of their Things, translates, and creates what is wanted. */
export class Interpreter {
  readonly #options: InterpreterOptions;

  constructor(options: InterpreterOptions) {
    this.#options = options;
  }

  /** Waits as long as ThingWorx is away; rejects only with STOPPING. */
  async interpret(messages: readonly HubMessage[], signal: AbortSignal): Promise<Entry[]> {
    const translator = this.#options.translator();
    const prepared = await prepareAll(translator, messages);
    await this.#load(prepared, signal);
    const entries: Entry[] = [];
    for (const item of prepared) {
      let translation = translator.translate(item, this.#options.definitions);
      if (translation.creations.length > 0)
        translation = await this.#create(translator, item, translation, signal);
      if (translation.events.length > 0) await this.#createFor(translation.events, prepared, signal);
      entries.push(this.#toEntry(item.message, translation));
    }
    return entries;
  }

  /**
   * What the platform refused although the definitions allowed it. A Thing or property that is gone is looked up again and the policy
   * decides anew: the rows to send again are returned. Everything else becomes a reason of its entry.
   */
  async reconsider(
    entries: readonly Entry[],
    refused: readonly PlatformRefusal[],
    signal: AbortSignal,
  ): Promise<Row[]> {
    const { definitions } = this.#options;
    const stale = refused.filter(
      ({ reason }) => reason === 'THING_NOT_FOUND' || reason === 'PROPERTY_NOT_FOUND',
    );
    this.refuse(
      entries,
      refused.filter((refusal) => !stale.includes(refusal)),
    );
    // A value that was right by the definition and is refused: the property may have another base type by now.
    for (const { thing, reason } of refused) if (reason === 'VALUE_REFUSED') definitions.invalidate(thing);
    if (stale.length === 0) return [];
    for (const { thing } of stale) definitions.invalidate(thing);
    const bySequence = groupBySequence(stale);
    const translator = this.#options.translator();
    const affected = entries.filter(({ message }) => bySequence.has(message.sequenceNumber));
    const prepared = await prepareAll(
      translator,
      affected.map(({ message }) => message),
    );
    await this.#load(prepared, signal);
    const rows: Row[] = [];
    for (const [index, entry] of affected.entries()) {
      const item = prepared[index];
      const refusals = bySequence.get(entry.message.sequenceNumber);
      if (!item || !refusals) continue;
      let translation = translator.translate(item, definitions);
      if (translation.creations.length > 0)
        translation = await this.#create(translator, item, translation, signal);
      const concerned = onlyRefused(translation, refusals);
      this.#account(concerned);
      entry.reasons.push(...concerned.refusals);
      for (const update of concerned.updates)
        rows.push({ sequenceNumber: entry.message.sequenceNumber, update });
    }
    return rows;
  }

  /** Makes refusals of the platform the reasons of their entries. */
  refuse(entries: readonly Entry[], refused: readonly PlatformRefusal[]): void {
    if (refused.length === 0) return;
    const bySequence = groupBySequence(refused);
    for (const entry of entries) {
      for (const refusal of bySequence.get(entry.message.sequenceNumber) ?? []) {
        const code = REASON_CODES[refusal.reason] ?? 'REJECTED';
        const reason = {
          code,
          reason: refusal.message,
          thing: refusal.thing,
          ...(refusal.property ? { property: refusal.property } : {}),
        };
        entry.reasons.push(reason);
        this.#options.notices.refused(entry.message, reason);
      }
    }
  }

  #toEntry(message: HubMessage, translation: Translation): Entry {
    this.#account(translation);
    for (const refusal of translation.refusals) this.#options.notices.refused(message, refusal);
    return {
      message,
      updates: translation.updates,
      events: [...translation.events],
      reasons: [...translation.refusals],
    };
  }

  /** A device may send right after it was created, so that both come in one batch. */
  async #createFor(
    events: readonly HubEvent[],
    prepared: readonly Prepared[],
    signal: AbortSignal,
  ): Promise<void> {
    const { creator, definitions, creationsFor } = this.#options;
    if (events.length === 0) return;
    const creations = await this.#untilAnswered(signal, () => creationsFor(events, signal));
    if (creations.length === 0) return;
    await this.#untilAnswered(signal, () => creator.create(creations, signal));
    for (const { thing } of creations) definitions.invalidate(thing);
    await this.#load(prepared, signal);
  }

  #account(translation: Translation): void {
    const { counters, notices } = this.#options;
    for (const ignored of translation.ignored) {
      counters.ignore(ignored.code);
      notices.ignored(ignored);
    }
  }

  /** A new Thing may want new properties in turn; what was tried once and is still unknown is refused, so this ends. */
  async #create(
    translator: Translator,
    item: Prepared,
    first: Translation,
    signal: AbortSignal,
  ): Promise<Translation> {
    const { creator, definitions } = this.#options;
    const tried = new Set<string>();
    let translation = first;
    while (translation.creations.length > 0) {
      const { creations } = translation;
      await this.#untilAnswered(signal, () => creator.create(creations, signal));
      for (const creation of creations) {
        tried.add(JSON.stringify(creation));
        definitions.invalidate(creation.thing);
      }
      await this.#load([item], signal);
      translation = translator.translate(item, definitions, {
        tried: (creation) => tried.has(JSON.stringify(creation)),
      });
    }
    return translation;
  }

  async #load(prepared: readonly Prepared[], signal: AbortSignal): Promise<void> {
    const names = new Set<string>();
    for (const { things } of prepared) for (const name of things) names.add(name);
    await this.#untilAnswered(signal, () => this.#options.definitions.load(names, signal));
  }

  /** A failure here says nothing about the messages, so it is repeated whatever it is. */
  async #untilAnswered<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const patience = new Patience();
    for (let waiting = false; ; ) {
      try {
        const answer = await call();
        if (waiting) this.#options.onWaiting(undefined);
        return answer;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (error.code === 'STOPPING' || (!isOutage(error) && error.code === 'INTERNAL')) throw error;
        if (!waiting) this.#options.onWaiting(error);
        waiting = true;
        await patience.pause(signal, error.retryAfterMs);
      }
    }
  }
}

/** Only a mapping with an expression makes `prepare` asynchronous; everything else stays off the microtask queue. */
async function prepareAll(translator: Translator, messages: readonly HubMessage[]): Promise<Prepared[]> {
  const prepared = messages.map((message) => translator.prepare(message));
  return prepared.some((item) => item instanceof Promise) ? Promise.all(prepared) : (prepared as Prepared[]);
}

function groupBySequence(refused: readonly PlatformRefusal[]): Map<number, PlatformRefusal[]> {
  return Map.groupBy(refused, (refusal) => refusal.sequenceNumber);
}

/** The part of a translation that concerns what was refused: what was accepted is not sent twice. */
function onlyRefused(translation: Translation, refusals: readonly PlatformRefusal[]): Translation {
  const concerns = (thing: string | undefined, property: string | undefined): boolean =>
    refusals.some(
      (refusal) =>
        refusal.thing === thing &&
        (refusal.property === undefined || property === undefined || refusal.property === property),
    );
  const updates: Update[] = [];
  for (const update of translation.updates) {
    const kept = update.properties.flatMap((property, index) =>
      concerns(update.thing, property) ? [index] : [],
    );
    if (kept.length === 0) continue;
    updates.push({
      ...update,
      properties: kept.map((index) => update.properties[index] as string),
      baseTypes: kept.flatMap((index) => update.baseTypes[index] ?? []),
      values: kept.map((index) => update.values[index]),
    });
  }
  return {
    ...translation,
    updates,
    ignored: translation.ignored.filter(({ thing, property }) => concerns(thing, property)),
    refusals: translation.refusals.filter(({ thing, property }) => concerns(thing, property)),
  };
}
