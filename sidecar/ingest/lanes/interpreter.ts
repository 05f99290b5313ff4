import type { DeadLetterReason } from '../../dead-letters/store.ts';
import type { ConnectorError } from '../../errors/connector-error.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { Notices } from '../../observe/notices.ts';
import { isOutage } from '../../thingworx/client.ts';
import type { ThingDefinitions } from '../../thingworx/definitions.ts';
import type { ThingCreator } from '../../thingworx/thing-creator.ts';
import { LastTimes } from '../../translate/distinct-times.ts';
import type { HubNotification } from '../../translate/sources/notifications.ts';
import type {
  Creation,
  DecodedMessage,
  Ignored,
  ReceivedMessage,
  TranslateOptions,
  Translation,
  Translator,
  Update,
} from '../../translate/types.ts';
import type { OutageWatch } from '../outage-watch.ts';
import type { Row } from './batch.ts';
import { receivedBytes, rowBytes } from './flight-budget.ts';
import { onlyRefused, type PlatformRefusal, REASON_CODES, unanswered } from './refusals.ts';

/** A message with its values and notifications for ThingWorx. It becomes a dead letter when `reasons` is not empty. */
export interface TranslatedMessage {
  readonly message: ReceivedMessage;
  /** The number by which ThingWorx names what it refuses: the sequence number, or another one where messages of several partitions are mixed. */
  readonly number: number;
  /** Empty when their Things are gone and the policy ignores unknown Things. */
  updates: readonly Update[];
  /** Those of devices without a Thing are removed at delivery. */
  notifications: readonly HubNotification[];
  readonly reasons: DeadLetterReason[];
  /** What the settings leave out, with the reason. */
  ignored: readonly Ignored[];
  /** Approximate size in a call. A compressed body counts twice: compressed and decompressed. */
  readonly bytes: number;
  /** Approximate size in memory with its rows. */
  readonly heldBytes: number;
}

interface InterpreterOptions {
  /** The translator of today's settings. */
  readonly translator: () => Translator;
  readonly definitions: ThingDefinitions;
  /** Rejects when ThingWorx does not answer. What ThingWorx refuses to create stays unknown. */
  readonly creator: Pick<ThingCreator, 'create'>;
  /** The Things to create for life cycle notifications, before the messages that follow are translated. */
  readonly creationsFor: (
    notifications: readonly HubNotification[],
    signal: AbortSignal,
  ) => Promise<readonly Creation[]>;
  readonly counters: HubCounters;
  readonly notices: Notices;
  /** Of the hub: all of its pipelines share it. */
  readonly outages: OutageWatch;
  /** Called once when ThingWorx does not answer, and once with undefined when it answers again. */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
}

/** What is translated together: decoded bytes, which take several times as much as objects, and rows, of which a short message may have many. */
const SLICE = { bytes: 256_000, rows: 2_500 };
const UNBOUNDED = { bytes: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };

/** Why a value is left out that another definition of its Thing would allow. */
const DEFINITION_CODES: ReadonlySet<string> = new Set([
  'PROPERTY_UNKNOWN',
  'VALUE_WRONG_TYPE',
  'VALUE_OUT_OF_RANGE',
  'VALUE_INEXACT',
]);

/** Creating a Thing can take ThingWorx one second, and a script may run for 30 seconds. */
const CREATIONS_PER_CALL = 20;

/** Translates messages: decodes them, loads the definitions of their Things, coerces values, and creates Things and properties as the settings say. */
export class Interpreter {
  readonly #options: InterpreterOptions;
  readonly #lastTimes = new LastTimes();
  #createdAtMs: number | undefined;

  constructor(options: InterpreterOptions) {
    this.#options = options;
  }

  /** When ThingWorx last answered a call that creates Things or properties, ms since 1970. Thousands of Things take it minutes. */
  get createdAtMs(): number | undefined {
    return this.#createdAtMs;
  }

  /**
   * Translates the first messages: at least one, and as many as decode to a bounded size, because a kilobyte of gzip may hold megabytes. The
   * caller calls again for the others. Waits while ThingWorx is unavailable; rejects only with STOPPING.
   */
  async interpret(messages: readonly ReceivedMessage[], signal: AbortSignal): Promise<TranslatedMessage[]> {
    const translator = this.#options.translator();
    const sinceMs = Date.now();
    const decoded = await decode(translator, messages, SLICE);
    await this.#load(decoded, signal);
    const translations = await this.#translate(translator, decoded, sinceMs, signal);
    return decoded.map((item, index) =>
      this.#toTranslated(item, translations[index] as Translation, translator),
    );
  }

  /**
   * Translates the first messages as `interpret` does, but creates nothing and counts nothing: what a replay would do. Waits while ThingWorx
   * is unavailable; rejects only with STOPPING.
   */
  async preview(messages: readonly ReceivedMessage[], signal: AbortSignal): Promise<Translation[]> {
    const current = this.#options.translator();
    const sinceMs = Date.now();
    const decoded = await decode(current, messages, SLICE);
    await this.#load(decoded, signal);
    const translations: Translation[] = [];
    const all = [...decoded.keys()];
    await this.#translateEach(all, decoded, translations, current, {}, signal);
    const outdated = await this.#outdated(translations, sinceMs, signal);
    const again = all.filter((index) => decoded[index]?.things.some((name) => outdated.has(name)));
    await this.#translateEach(again, decoded, translations, current, {}, signal);
    return translations;
  }

  /**
   * Handles what ThingWorx refused although the known definitions allowed it. Things and properties that are gone are looked up again and the
   * messages are translated again: the rows to send again are returned. Every other refusal becomes a reason of its message.
   */
  async retryRefused(
    messages: readonly TranslatedMessage[],
    refused: readonly PlatformRefusal[],
    signal: AbortSignal,
  ): Promise<Row[]> {
    const { definitions } = this.#options;
    const stale = refused.filter(
      ({ reason }) => reason === 'THING_NOT_FOUND' || reason === 'PROPERTY_NOT_FOUND',
    );
    this.refuse(
      messages,
      refused.filter((refusal) => !stale.includes(refusal)),
    );
    // The value fits the known definition: the property may have another base type now.
    for (const { thing, reason } of refused) if (reason === 'VALUE_REFUSED') definitions.doubt(thing);
    if (stale.length === 0) return [];
    for (const { thing } of stale) definitions.invalidate(thing);
    const sinceMs = Date.now();
    const bySequence = groupBySequence(stale);
    const translator = this.#options.translator();
    const affected = messages.filter(({ number }) => bySequence.has(number));
    const decoded = await decode(
      translator,
      affected.map(({ message }) => message),
      UNBOUNDED,
    );
    await this.#load(decoded, signal);
    const translations = await this.#translate(translator, decoded, sinceMs, signal, false);
    const rows: Row[] = [];
    for (const [index, message] of affected.entries()) {
      const translation = translations[index];
      const refusals = bySequence.get(message.number);
      if (!translation || !refusals) continue;
      const concerned = onlyRefused(translation, refusals);
      this.#account(concerned);
      message.reasons.push(...concerned.refusals);
      if (concerned.ignored.length > 0) message.ignored = [...message.ignored, ...concerned.ignored];
      this.refuse([message], unanswered(concerned, refusals));
      if (translation.updates.length === 0) message.updates = [];
      for (const update of translator.inOrder(concerned.updates, this.#lastTimes))
        rows.push({ sequenceNumber: message.number, update });
    }
    return rows;
  }

  /** Adds refusals of ThingWorx to the reasons of their messages. */
  refuse(messages: readonly TranslatedMessage[], refused: readonly PlatformRefusal[]): void {
    if (refused.length === 0) return;
    const bySequence = groupBySequence(refused);
    for (const message of messages) {
      for (const refusal of bySequence.get(message.number) ?? []) {
        const code = REASON_CODES[refusal.reason] ?? 'REJECTED';
        const reason = {
          code,
          reason: refusal.message,
          thing: refusal.thing,
          ...(refusal.property ? { property: refusal.property } : {}),
        };
        this.addReason(message, reason);
      }
    }
  }

  /** Adds why a message becomes a dead letter, and logs it. */
  addReason(message: TranslatedMessage, reason: DeadLetterReason): void {
    message.reasons.push(reason);
    this.#options.notices.refused(message.message, reason);
  }

  #toTranslated(
    { message, bytes }: DecodedMessage,
    translation: Translation,
    translator: Translator,
  ): TranslatedMessage {
    this.#account(translation);
    for (const refusal of translation.refusals) this.#options.notices.refused(message, refusal);
    const updates = translator.inOrder(translation.updates, this.#lastTimes);
    return {
      message,
      number: message.sequenceNumber,
      updates,
      notifications: translation.notifications,
      reasons: [...translation.refusals],
      ignored: translation.ignored,
      bytes: bytes === message.body.byteLength ? bytes : bytes + message.body.byteLength,
      // Texts and objects of the decoded body stay in the rows.
      heldBytes: receivedBytes(message) + bytes + rowBytes(updates),
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
   * Translates, and creates what the policies want. Creations of all messages share calls; otherwise thousands of new devices would need a call
   * each. A new Thing may need new properties. What was tried once and is still unknown is refused, so this ends.
   *
   * @param withNotifications also create Things for life cycle notifications: a device may send right after it was created, in the same batch
   */
  async #translate(
    translator: Translator,
    decoded: readonly DecodedMessage[],
    sinceMs: number,
    signal: AbortSignal,
    withNotifications = true,
  ): Promise<Translation[]> {
    const { creationsFor } = this.#options;
    const tried = new Set<string>();
    const options = { tried: (creation: Creation) => tried.has(keyOf(creation)) };
    const translations: Translation[] = [];
    let due: readonly number[] = [...decoded.keys()];
    for (let first = true; ; first = false) {
      await this.#translateEach(due, decoded, translations, translator, options, signal);
      if (first) {
        const outdated = await this.#outdated(translations, sinceMs, signal);
        const again = due.filter((index) => decoded[index]?.things.some((name) => outdated.has(name)));
        await this.#translateEach(again, decoded, translations, translator, options, signal);
      }
      const wanted = new Map<string, Creation>();
      const want = (creations: readonly Creation[]) => {
        for (const creation of creations) {
          const key = keyOf(creation);
          if (!wanted.has(key)) wanted.set(key, creation);
        }
      };
      for (const index of due) want(translations[index]?.creations ?? []);
      const notifications =
        withNotifications && first ? translations.flatMap((item) => item.notifications) : [];
      if (notifications.length > 0)
        want(await this.#untilAnswered(signal, () => creationsFor(notifications, signal)));
      for (const key of tried) wanted.delete(key);
      if (wanted.size === 0) return translations;
      const things = await this.#create([...wanted.values()], signal);
      for (const key of wanted.keys()) tried.add(key);
      due = due.filter((index) => decoded[index]?.things.some((name) => things.has(name)));
      await this.#load(
        due.map((index) => decoded[index] as DecodedMessage),
        signal,
      );
    }
  }

  async #translateEach(
    indexes: readonly number[],
    decoded: readonly DecodedMessage[],
    translations: Translation[],
    translator: Translator,
    options: TranslateOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const { definitions } = this.#options;
    for (const index of indexes) {
      const item = decoded[index] as DecodedMessage;
      if (!definitions.hasAll(item.things)) await this.#recall(item, signal);
      translations[index] = translator.translate(item, definitions, options);
    }
  }

  /**
   * Loads the definitions again that do not allow a value and are older than this call: somebody may have added the property, or changed its
   * base type. Resolves to the Things that were loaded.
   */
  async #outdated(
    translations: readonly Translation[],
    sinceMs: number,
    signal: AbortSignal,
  ): Promise<Set<string>> {
    const names = new Set<string>();
    for (const { ignored, refusals } of translations) {
      if (ignored.length === 0 && refusals.length === 0) continue;
      for (const { code, thing } of [...ignored, ...refusals])
        if (thing !== undefined && DEFINITION_CODES.has(code)) names.add(thing);
    }
    if (names.size === 0) return names;
    return await this.#untilAnswered(signal, () => this.#options.definitions.verify(names, sinceMs, signal));
  }

  /** Resolves to the Things that may have changed. */
  async #create(creations: readonly Creation[], signal: AbortSignal): Promise<Set<string>> {
    const { creator, definitions } = this.#options;
    for (let start = 0; start < creations.length; start += CREATIONS_PER_CALL) {
      const some = creations.slice(start, start + CREATIONS_PER_CALL);
      await this.#untilAnswered(signal, () => creator.create(some, signal));
      this.#createdAtMs = Date.now();
    }
    const things = new Set(creations.map(({ thing }) => thing));
    for (const thing of things) definitions.invalidate(thing);
    return things;
  }

  /**
   * Loads definitions again that left the cache while this lane waited: other lanes invalidate or evict them. A Thing that is not in the
   * cache must not be taken for one that does not exist.
   */
  async #recall(item: DecodedMessage, signal: AbortSignal): Promise<void> {
    while (!this.#options.definitions.hasAll(item.things)) await this.#load([item], signal);
  }

  async #load(decoded: readonly DecodedMessage[], signal: AbortSignal): Promise<void> {
    const names = new Set<string>();
    for (const { things } of decoded) for (const name of things) names.add(name);
    await this.#untilAnswered(signal, () => this.#options.definitions.load(names, signal));
  }

  /** An error here says nothing about the messages, so the call is repeated whatever the error is. */
  async #untilAnswered<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const { outages, onWaiting } = this.#options;
    return await outages.untilAnswered(call, {
      signal,
      onWaiting,
      mayPass: (error) => isOutage(error) || error.code !== 'INTERNAL',
    });
  }
}

/** Two messages may want one property with different base types: the first decides. */
function keyOf(creation: Creation): string {
  const { kind, thing } = creation;
  return JSON.stringify(kind === 'property' ? [kind, thing, creation.property] : creation);
}

/** Stops when the messages take as much as the slice may. Waits only for mappings with an expression. */
async function decode(
  translator: Translator,
  messages: readonly ReceivedMessage[],
  slice: typeof SLICE,
): Promise<DecodedMessage[]> {
  const decoded: DecodedMessage[] = [];
  let bytes = 0;
  let rows = 0;
  for (const message of messages) {
    if (bytes >= slice.bytes || rows >= slice.rows) break;
    const outcome = translator.prepare(message);
    const item = outcome instanceof Promise ? await outcome : outcome;
    decoded.push(item);
    bytes += item.bytes;
    rows += item.rows;
  }
  return decoded;
}

function groupBySequence(refused: readonly PlatformRefusal[]): Map<number, PlatformRefusal[]> {
  return Map.groupBy(refused, (refusal) => refusal.sequenceNumber);
}
