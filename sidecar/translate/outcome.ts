import { type Content, NONE } from './reading.ts';
import type { Creation, Ignored, Refusal, Translation, Update } from './types.ts';

/**
 * Keys or names that are data (time stamps, serial numbers) must not make a model grow without end: of a message that
 * lacks more than this, nothing is created.
 */
const MAX_CREATIONS = 200;

/** How far an Outcome had come; to take back what came after. */
interface Mark {
  readonly ignored: number;
  readonly refusals: number;
  readonly creations: number;
}

const START: Mark = { ignored: 0, refusals: 0, creations: 0 };

/** Collects what becomes of a message. The lists are made when they are needed: most messages only have updates. */
export class Outcome {
  readonly updates: Update[] = [];
  private ignored: Ignored[] | undefined;
  private refusals: Refusal[] | undefined;
  private creations: Creation[] | undefined;

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
    if (this.creations.length > MAX_CREATIONS) this.refuse(tooMany(creation));
    else if (!this.creations.some((other) => sameCreation(other, creation))) this.creations.push(creation);
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
    if (this.creations !== undefined) this.creations.length = mark.creations;
  }

  finish(content: Content): Translation {
    let creations: readonly Creation[] = this.creations ?? NONE;
    if (creations.length > MAX_CREATIONS) {
      for (const creation of creations) this.refuse(tooMany(creation));
      creations = NONE;
    }
    return {
      updates: this.updates,
      ignored: joined(content.ignored, this.ignored),
      refusals: joined(content.refusals, this.refusals),
      creations,
      events: content.events,
    };
  }
}

export function sameCreation(a: Creation, b: Creation): boolean {
  if (a.kind !== b.kind || a.thing !== b.thing) return false;
  return a.kind === 'thing' || (b.kind === 'property' && a.property === b.property);
}

function tooMany(creation: Creation): Refusal {
  const { kind, thing } = creation;
  const what = kind === 'thing' ? 'Things' : 'properties';
  const reason = `One message needs more than ${MAX_CREATIONS} ${what} that do not exist: none is created.`;
  return kind === 'thing'
    ? { code: 'THING_UNKNOWN', reason, thing }
    : { code: 'PROPERTY_UNKNOWN', reason, thing, property: creation.property };
}

function joined<T>(first: readonly T[], second: readonly T[] | undefined): readonly T[] {
  if (second === undefined) return first;
  return first.length === 0 ? second : [...first, ...second];
}
