import type { TranslationLimits } from '../types.ts';
import { Undecodable } from './undecodable.ts';

export const DEFAULT_LIMITS: TranslationLimits = {
  maxBodyBytes: 1_048_576,
  maxInflatedBytes: 4_194_304,
  maxDepth: 100,
  maxKeys: 20_000,
  maxExpressionMs: 500,
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
          `The body is nested deeper than the limit of ${limits.maxDepth} levels.`,
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
    `The body has more than the limit of ${limits.maxKeys} keys and elements.`,
  );
}
