import { type Options, type Program, parse } from 'acorn';

export interface ParsedScript {
  program: Program;
  /** The source as it was parsed: every `each` of a `for each` is blank, so that all positions stay. */
  source: string;
  /** Where the statements `for each (x in object)` begin; in the program they are ForInStatements. */
  each: ReadonlySet<number>;
}

/**
 * Parses a script with Mozilla's `for each`, which Rhino has at every level and standard parsers do not.
 *
 * @throws SyntaxError with `pos`, acorn's
 */
export function parseScript(given: string, options: Options): ParsedScript {
  const each = new Set<number>();
  let source = given;
  for (;;) {
    try {
      return { program: parse(source, options), source, each };
    } catch (error) {
      const { pos } = error as { pos?: number };
      const head = pos === undefined ? null : /\bfor\s+$/.exec(source.slice(0, pos));
      if (pos === undefined || head === null || !/^each\s*\(/.test(source.slice(pos))) {
        throw error;
      }
      each.add(head.index);
      source = `${source.slice(0, pos)}    ${source.slice(pos + 'each'.length)}`;
    }
  }
}
