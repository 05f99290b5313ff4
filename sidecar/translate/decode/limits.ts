import type { TranslationLimits } from '../types.ts';
import { Undecodable } from './undecodable.ts';

/**
 * What is not bounded by its bytes is bounded by what 256 KB can hold: 131,000 elements as JSON (`[0,0,..]`), 262,000 as CBOR. Compressed
 * bodies may hold more; an empty object of one or two bytes takes some 60 of memory, so their number has an end, too. A key frame of OPC UA has some 6,000 nodes in 256 KB.
 */
export const DEFAULT_LIMITS: TranslationLimits = {
  maxBodyBytes: 1_048_576,
  maxInflatedBytes: 16_777_216,
  maxDepth: 100,
  maxKeys: 1_000_000,
  maxCreations: 10_000,
  maxExpressionMs: 1000,
};

/**
 * Checks nesting and the number of members of a decoded value. Iterates with its own stack, which holds one entry per
 * level, so that no input can overflow the machine's.
 */
export function checkShape(value: unknown, limits: TranslationLimits): Undecodable | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  // the common case, a flat message, is decided without a stack
  let count = 0;
  let nested = false;
  for (const key in value) {
    count++;
    const item = (value as Record<string, unknown>)[key];
    if (typeof item === 'object' && item !== null) nested = true;
  }
  if (count > limits.maxKeys) return tooMany(limits);
  return nested ? checkNested(value, limits) : undefined;
}

function checkNested(root: object, limits: TranslationLimits): Undecodable | undefined {
  let count = 0;
  const pending: { items: readonly unknown[]; next: number }[] = [membersOf(root)];
  for (let level = pending[0]; level !== undefined; level = pending[pending.length - 1]) {
    if (level.next === 0) {
      count += level.items.length;
      if (count > limits.maxKeys) return tooMany(limits);
    }
    const item = level.items[level.next++];
    if (level.next > level.items.length) pending.pop();
    else if (typeof item === 'object' && item !== null && !ArrayBuffer.isView(item)) {
      if (pending.length >= limits.maxDepth) {
        return new Undecodable(
          'BODY_TOO_DEEP',
          `The body is nested deeper than the limit of ${limits.maxDepth} levels (setting maxDepth).`,
        );
      }
      pending.push(membersOf(item));
    }
  }
  return undefined;
}

function membersOf(value: object): { items: readonly unknown[]; next: number } {
  return { items: Array.isArray(value) ? value : Object.values(value), next: 0 };
}

function tooMany(limits: TranslationLimits): Undecodable {
  return new Undecodable(
    'BODY_TOO_MANY_KEYS',
    `The body has more than the limit of ${limits.maxKeys} keys and elements (setting maxKeys).`,
  );
}
