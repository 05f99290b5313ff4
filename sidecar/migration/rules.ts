import { ConnectorError } from '../errors/connector-error.ts';

/** The name of a new entity; {name} is the name of the old one. */
export const DEFAULT_NAME_RULE = '{name}.AzureIoT';

/** Which device Things a wave takes: those that meet every rule that is given. */
export interface WaveRules {
  /** The names; `*` stands for any text. */
  readonly namePattern?: string | undefined;
  /** Model tags, as `Vocabulary:Term`; a Thing has all of them. */
  readonly tags?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
  /** 1 to 100. A larger wave has the Things of each smaller one. */
  readonly percentage?: number | undefined;
}

/** A Thing as the hub Thing lists it. */
export interface SourceThing {
  readonly thing: string;
  readonly tags: readonly string[];
}

/** Decides for each Thing whether a wave takes it. */
export class Wave {
  readonly #pattern: RegExp | undefined;
  readonly #tags: readonly string[];
  readonly #names: ReadonlySet<string> | undefined;
  readonly #percentage: number;

  constructor({ namePattern, tags = [], names, percentage = 100 }: WaveRules) {
    this.#pattern = namePattern ? wildcard(namePattern) : undefined;
    this.#tags = tags;
    this.#names = names ? new Set(names) : undefined;
    this.#percentage = percentage;
  }

  takes({ thing, tags }: SourceThing): boolean {
    return (
      (this.#pattern?.test(thing) ?? true) &&
      (this.#names?.has(thing) ?? true) &&
      this.#tags.every((tag) => tags.includes(tag)) &&
      percentOf(thing) < this.#percentage
    );
  }
}

/** `Vocabulary:Term;Vocabulary:Term` as a list. Throws REQUEST_INVALID. */
export function tagList(text: string): string[] {
  const tags = text
    .split(';')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  const wrong = tags.find((tag) => !/^[^:]+:[^:]+$/.test(tag));
  if (wrong !== undefined)
    throw new ConnectorError(
      'REQUEST_INVALID',
      `tags has ${wrong}; expected Vocabulary:Term;Vocabulary:Term.`,
    );
  return tags;
}

function wildcard(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/** A number from 0 to 99.99 that depends on the name alone (FNV-1a), so that each name keeps its place. */
function percentOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return (hash % 10_000) / 100;
}
