import { isDeepStrictEqual } from 'node:util';
import { redact } from '../observe/log.ts';
import { pointer } from './reading.ts';

/** One place of a setting in which the document and ThingWorx differ. */
export interface SettingChange {
  /** The name of the setting; within JSON, followed by a JSON pointer. */
  readonly setting: string;
  /** Absent: there is no value. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** The places in which two values of a setting differ. Objects and arrays are compared member by member. */
export function differences(setting: string, before: unknown, after: unknown): SettingChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  const [from, to] = [members(before), members(after)];
  if (from === undefined || to === undefined || Array.isArray(before) !== Array.isArray(after))
    return [
      {
        setting,
        ...(before === undefined ? {} : { before: shown(before) }),
        ...(after === undefined ? {} : { after: shown(after) }),
      },
    ];
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((key) =>
    differences(`${setting}${pointer([key])}`, from.get(key), to.get(key)),
  );
}

function members(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
}

/** A value as a plan may show it: nothing that looks like a secret. */
function shown(value: unknown): unknown {
  const text = JSON.stringify(value);
  return redact(text) === text ? value : WITHHELD;
}

/** Stands for a value that is not shown. */
export const WITHHELD = '(withheld)';
