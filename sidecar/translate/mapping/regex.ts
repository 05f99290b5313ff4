import { RE2JS } from 're2js';
import { Flaw } from './path.ts';

/** A match: where it is, its text and the texts of its groups; a group that took no part is undefined. */
interface Match {
  readonly start: number;
  readonly end: number;
  readonly groups: readonly [string, ...(string | undefined)[]];
}

/**
 * A regular expression whose time grows with the length of the text and no faster (RE2): telemetry cannot make it stand still. It has no
 * back references and no look-around.
 */
export interface LinearRegex {
  /** The first match from a position on. */
  find(text: string, from: number): Match | undefined;
}

/** Compiles a pattern; flags are those of JavaScript, of which i, m and s count. */
export function compileRegex(pattern: string, flags: string): LinearRegex | Flaw {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(RE2JS.translateRegExp(pattern), flagsOf(flags));
  } catch (thrown) {
    const reason = (thrown as { message?: unknown }).message;
    return new Flaw(
      `the regular expression ${JSON.stringify(pattern.slice(0, 100))} cannot be used: ${typeof reason === 'string' ? reason.slice(0, 200) : 'it cannot be read'} (RE2 has no back references and no look-around)`,
    );
  }
  const count = compiled.groupCount();
  return {
    find(text, from) {
      const matcher = compiled.matcher(text);
      if (from > text.length || !matcher.find(from)) return undefined;
      const groups = Array.from({ length: count }, (_, i) => matcher.group(i + 1) ?? undefined);
      return { start: matcher.start(0), end: matcher.end(0), groups: [matcher.group(0) ?? '', ...groups] };
    },
  };
}

function flagsOf(flags: string): number {
  let value = 0;
  if (flags.includes('i')) value |= RE2JS.CASE_INSENSITIVE;
  if (flags.includes('m')) value |= RE2JS.MULTILINE;
  if (flags.includes('s')) value |= RE2JS.DOTALL;
  return value;
}

/** What JSONata uses of a RegExp, on a linear engine. It is given the RegExp that its parser made. */
export class LinearRegExp {
  lastIndex = 0;
  readonly #regex: LinearRegex;

  constructor({ source, flags }: RegExp) {
    const regex = compileRegex(source, flags);
    if (regex instanceof Flaw) throw { code: 'REGEX', message: regex.reason };
    this.#regex = regex;
  }

  exec(text: string): (RegExpExecArray & { readonly index: number }) | null {
    const found = this.#regex.find(text, this.lastIndex);
    this.lastIndex = found === undefined ? 0 : found.end;
    if (found === undefined) return null;
    return Object.assign([...found.groups], {
      index: found.start,
      input: text,
    }) as unknown as RegExpExecArray;
  }
}
