import type { DeadLetterReason } from '../../dead-letters/store.ts';
import type { ConnectorError } from '../../errors/connector-error.ts';
import { toConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { Notices } from '../../observe/notices.ts';
import { isOutage } from '../../thingworx/client.ts';
import type { ThingDefinitions } from '../../thingworx/definitions.ts';
import type { HubEvent } from '../../translate/sources/events.ts';
import type {
  Creation,
  HubMessage,
  Prepared,
  Translation,
  Translator,
  Update,
} from '../../translate/types.ts';
import type { Row } from './batch.ts';
import { onlyRefused, unanswered } from './second-look.ts';
import type { PlatformRefusal } from './sender.ts';

/** One message on its way, with what it became. `reasons` not empty: it goes to the dead letters. */
export interface Entry {
  readonly message: HubMessage;
  /** By which the platform names what it refuses: the sequence number, or another where messages of several partitions come together. */
  readonly number: number;
  /** None when the platform has none of their Things any more and the policy is to ignore that. */
  updates: readonly Update[];
  /** What it says beside values. Those for which there is no Thing are taken out when the others are delivered. */
  readonly events: HubEvent[];
  readonly reasons: DeadLetterReason[];
  /** What it takes in memory, and about as much in a call: a compressed body counts as it came and as it is without compression. */
  readonly bytes: number;
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

/** Decoded messages that are looked at together. */
const SLICE_BYTES = 2_000_000;

/** Making a Thing takes the platform up to a second, and scripts have 30. */
const CREATIONS_PER_CALL = 20;

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

  /**
   * Interprets the first messages, as many as decode to a bounded size and one at least: a kilobyte of gzip may hold megabytes. The caller
   * comes again for the others when it has room. Waits as long as ThingWorx is away; rejects only with STOPPING.
   */
  async interpret(messages: readonly HubMessage[], signal: AbortSignal): Promise<Entry[]> {
    const translator = this.#options.translator();
    const prepared = await prepare(translator, messages, SLICE_BYTES);
    await this.#load(prepared, signal);
    const translations = await this.#translate(translator, prepared, signal);
    return prepared.map((item, index) => this.#toEntry(item, translations[index] as Translation));
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
    const affected = entries.filter(({ number }) => bySequence.has(number));
    const prepared = await prepare(
      translator,
      affected.map(({ message }) => message),
    );
    await this.#load(prepared, signal);
    const translations = await this.#translate(translator, prepared, signal, false);
    const rows: Row[] = [];
    for (const [index, entry] of affected.entries()) {
      const translation = translations[index];
      const refusals = bySequence.get(entry.number);
      if (!translation || !refusals) continue;
      const concerned = onlyRefused(translation, refusals);
      this.#account(concerned);
      entry.reasons.push(...concerned.refusals);
      this.refuse([entry], unanswered(concerned, refusals));
      if (translation.updates.length === 0) entry.updates = [];
      for (const update of concerned.updates) rows.push({ sequenceNumber: entry.number, update });
    }
    return rows;
  }

  /** Makes refusals of the platform the reasons of their entries. */
  refuse(entries: readonly Entry[], refused: readonly PlatformRefusal[]): void {
    if (refused.length === 0) return;
    const bySequence = groupBySequence(refused);
    for (const entry of entries) {
      for (const refusal of bySequence.get(entry.number) ?? []) {
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

  #toEntry({ message, bytes }: Prepared, translation: Translation): Entry {
    this.#account(translation);
    for (const refusal of translation.refusals) this.#options.notices.refused(message, refusal);
    return {
      message,
      number: message.sequenceNumber,
      updates: translation.updates,
      events: [...translation.events],
      reasons: [...translation.refusals],
      bytes: bytes === message.body.byteLength ? bytes : bytes + message.body.byteLength,
    };
  }

  #account(translation: Translation): void {
    const { counters, notices } = this.#options;
    for (const ignored of translation.ignored) {
      counters.ignore(ignored.code);
      notices.ignored(ignored);
    }
  }

  /**
   * Translates, and has made what the policies want: for all messages together, or thousands of new devices would take a call each. A new
   * Thing may want new properties in turn; what was tried once and is still unknown is refused, so this ends.
   *
   * @param withEvents make what events want, too: a device may send right after it was created, so that both come in one batch
   */
  async #translate(
    translator: Translator,
    prepared: readonly Prepared[],
    signal: AbortSignal,
    withEvents = true,
  ): Promise<Translation[]> {
    const { definitions, creationsFor } = this.#options;
    const tried = new Set<string>();
    const options = { tried: (creation: Creation) => tried.has(keyOf(creation)) };
    const translations: Translation[] = [];
    let due: readonly number[] = [...prepared.keys()];
    for (let first = true; ; first = false) {
      const wanted = new Map<string, Creation>();
      const want = (creations: readonly Creation[]) => {
        for (const creation of creations) {
          const key = keyOf(creation);
          if (!wanted.has(key)) wanted.set(key, creation);
        }
      };
      for (const index of due) {
        const item = prepared[index] as Prepared;
        if (!definitions.hasAll(item.things)) await this.#recall(item, signal);
        const translation = translator.translate(item, definitions, options);
        translations[index] = translation;
        if (translation.creations.length > 0) want(translation.creations);
      }
      const events = withEvents && first ? translations.flatMap((translation) => translation.events) : [];
      if (events.length > 0) want(await this.#untilAnswered(signal, () => creationsFor(events, signal)));
      for (const key of tried) wanted.delete(key);
      if (wanted.size === 0) return translations;
      const things = await this.#create([...wanted.values()], signal);
      for (const key of wanted.keys()) tried.add(key);
      due = due.filter((index) => prepared[index]?.things.some((name) => things.has(name)));
      await this.#load(
        due.map((index) => prepared[index] as Prepared),
        signal,
      );
    }
  }

  /** Resolves to the Things that may have changed. */
  async #create(creations: readonly Creation[], signal: AbortSignal): Promise<Set<string>> {
    const { creator, definitions } = this.#options;
    for (let start = 0; start < creations.length; start += CREATIONS_PER_CALL) {
      const some = creations.slice(start, start + CREATIONS_PER_CALL);
      await this.#untilAnswered(signal, () => creator.create(some, signal));
    }
    const things = new Set(creations.map(({ thing }) => thing));
    for (const thing of things) definitions.invalidate(thing);
    return things;
  }

  /**
   * Looks up again what was forgotten since: other lanes invalidate Things, or push them out of memory, while this one waits. A Thing
   * that is only forgotten must not be taken for one that does not exist.
   */
  async #recall(item: Prepared, signal: AbortSignal): Promise<void> {
    while (!this.#options.definitions.hasAll(item.things)) await this.#load([item], signal);
  }

  async #load(prepared: readonly Prepared[], signal: AbortSignal): Promise<void> {
    const names = new Set<string>();
    for (const { things } of prepared) for (const name of things) names.add(name);
    await this.#untilAnswered(signal, () => this.#options.definitions.load(names, signal));
  }

  /** A failure here says nothing about the messages, so it is repeated whatever it is. */
  async #untilAnswered<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const backoff = new Backoff();
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
        await backoff.pause(signal, error.retryAfterMs);
      }
    }
  }
}

/** Two messages may want one property with different base types: the first decides. */
function keyOf(creation: Creation): string {
  const { kind, thing } = creation;
  return JSON.stringify(kind === 'property' ? [kind, thing, creation.property] : creation);
}

/** Stops when the messages take more than `maxBytes` decoded. Only a mapping with an expression makes it wait for anything. */
async function prepare(
  translator: Translator,
  messages: readonly HubMessage[],
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (bytes >= maxBytes) break;
    const outcome = translator.prepare(message);
    const item = outcome instanceof Promise ? await outcome : outcome;
    prepared.push(item);
    bytes += item.bytes;
  }
  return prepared;
}

function groupBySequence(refused: readonly PlatformRefusal[]): Map<number, PlatformRefusal[]> {
  return Map.groupBy(refused, (refusal) => refusal.sequenceNumber);
}
