import type { TSchema } from 'typebox';
import { type BaseType, forThingWorx } from '../schema.ts';

/** What is special about a setting; kept under the keyword `x-setting`. */
export interface SettingFacts {
  /** The category under which Composer lists the property. */
  readonly category: string;
  /** A PASSWORD property; is handed over with a one-time secret token, never in a body or log. */
  readonly secret?: true;
  /** A change closes and opens the consumer; the others take effect while messages flow. */
  readonly reopensConsumer?: true;
  /** The value of the property on a new hub Thing, where empty is a value of its own and not the default. */
  readonly initialValue?: string;
}

export const SETTING_KEYWORD = 'x-setting';

export function setting<T extends TSchema>(schema: T, facts: SettingFacts, baseType?: BaseType): T {
  const marked = { ...schema, [SETTING_KEYWORD]: facts };
  return baseType ? forThingWorx(marked, { baseType }) : marked;
}

export const CONTAINER_NAME = '^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$';
