import { type Content, NONE } from './reading.ts';
import type { Creation, Ignored, Refusal, Translation, Update } from './types.ts';

/** How far an Outcome had come; to take back what came after. */
interface Mark {
  readonly ignored: number;
  readonly refusals: number;
  readonly creations: number;
}

const START: Mark = { ignored: 0, refusals: 0, creations: 0 };

/** Collects what becomes of a message. The lists are made when they are needed: most messages only have updates. */
export class Outcome {
  /**
   * Keys or names that are data (time stamps, serial numbers) must not make a model grow without end: of a message that lacks more than
   * this, nothing is created.
   */
  private readonly maxCreations: number;
  private wanted: Set<string> | undefined;
  private updates: Update[] | undefined;
  private ignored: Ignored[] | undefined;
  private refusals: Refusal[] | undefined;
  private creations: Creation[] | undefined;

  constructor(maxCreations: number) {
    this.maxCreations = maxCreations;
  }

  /** Returns how many rows there are. The first makes the list: most messages have one, and V8 gives an empty list room for 17. */
  add(update: Update): number {
    if (this.updates !== undefined) return this.updates.push(update);
    this.updates = [update];
    return 1;
  }

  ignore(ignored: Ignored): void {
    this.ignored ??= [];
    this.ignored.push(ignored);
  }

  refuse(refusal: Refusal): void {
    this.refusals ??= [];
    this.refusals.push(refusal);
  }

  /** Wants a creation, unless it is wanted already; one more than the limit is kept, to know that there are more. */
  create(creation: Creation): void {
    this.creations ??= [];
    this.wanted ??= new Set();
    const key = creationKey(creation);
    if (this.creations.length > this.maxCreations) this.refuse(this.#tooMany(creation));
    else if (!this.wanted.has(key)) {
      this.wanted.add(key);
      this.creations.push(creation);
    }
  }

  mark(): Mark {
    if (this.ignored === undefined && this.refusals === undefined && this.creations === undefined)
      return START;
    return {
      ignored: this.ignored?.length ?? 0,
      refusals: this.refusals?.length ?? 0,
      creations: this.creations?.length ?? 0,
    };
  }

  takeBack(mark: Mark): void {
    if (this.ignored !== undefined) this.ignored.length = mark.ignored;
    if (this.refusals !== undefined) this.refusals.length = mark.refusals;
    if (this.creations !== undefined) {
      for (const creation of this.creations.splice(mark.creations))
        this.wanted?.delete(creationKey(creation));
    }
  }

  finish(content: Content): Translation {
    let creations: readonly Creation[] = this.creations ?? NONE;
    if (creations.length > this.maxCreations) {
      for (const creation of creations) this.refuse(this.#tooMany(creation));
      creations = NONE;
    }
    return {
      updates: this.updates ?? NONE,
      ignored: joined(content.ignored, this.ignored),
      refusals: joined(content.refusals, this.refusals),
      creations,
      notifications: content.notifications,
    };
  }

  #tooMany(creation: Creation): Refusal {
    const { kind, thing } = creation;
    const what = kind === 'thing' ? 'Things' : 'properties';
    const reason = `One message needs more than ${this.maxCreations} ${what} that do not exist (setting maxCreations): none is created.`;
    return kind === 'thing'
      ? { code: 'THING_UNKNOWN', reason, thing }
      : { code: 'PROPERTY_UNKNOWN', reason, thing, property: creation.property };
  }
}

/** Equal for creations of the same Thing or property, whatever their base types. */
export function creationKey(creation: Creation): string {
  const { kind, thing } = creation;
  return JSON.stringify(kind === 'property' ? [kind, thing, creation.property] : [kind, thing]);
}

function joined<T>(first: readonly T[], second: readonly T[] | undefined): readonly T[] {
  if (second === undefined) return first;
  return first.length === 0 ? second : [...first, ...second];
}
