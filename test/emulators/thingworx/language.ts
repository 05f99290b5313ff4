import type { Comment, Options } from 'acorn';
import { defaultLanguageRules, findAboveLevel, type LanguageRules } from './script/language-levels.ts';
import { findMisreadings } from './script/language-misreadings.ts';
import { findMissing } from './script/language-missing.ts';
import { findRejections, topLevelReturn } from './script/language-rejections.ts';
import { type ParsedScript, parseScript } from './script/parse.ts';
import { analyseScopes } from './script/scopes.ts';
import { walk } from './script/walk.ts';

/**
 * What is wrong with a script for Rhino 1.7.11, as measured with that engine.
 *
 * - `rejected`: it does not compile; the service then has no handler.
 * - `misread`: it compiles and means something else than in standard JavaScript.
 * - `missing`: it uses what the engine does not have, or what the platform has locked.
 * - `unsupported`: Rhino may run it, this emulator cannot (E4X, `let` expressions, expression closures, ...).
 */
export interface ScriptFinding {
  kind: 'rejected' | 'misread' | 'missing' | 'unsupported';
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  /** The language feature, in words. */
  feature: string;
  /** For `rejected` the engine's message, as it appears in the ErrorLog; else what happens. */
  message: string;
}

/** A finding before its position is turned into line and column. */
export interface RawFinding extends Omit<ScriptFinding, 'line' | 'column'> {
  /** Index in the source. */
  at: number;
}

/**
 * Checks the source of a service, in the order of the source. An empty list: Rhino runs it as it reads.
 *
 * @param rules what is not known of the platform; language level ES6 unless given
 */
export function checkScript(source: string, rules: LanguageRules = defaultLanguageRules): ScriptFinding[] {
  const comments: Comment[] = [];
  const options: Options = {
    ecmaVersion: 2024,
    sourceType: 'script',
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true,
    allowSuperOutsideMethod: true,
    allowHashBang: false,
    onComment: comments,
  };
  let findings: RawFinding[];
  try {
    const parsed = parseScript(source, options);
    const { program } = parsed;
    const scopes = analyseScopes(program);
    findings = [
      ...findRejections(program, source, comments, scopes).filter(
        ({ feature, at }) =>
          feature !== topLevelReturn ||
          rules.returnAtTheEnd === 'refuse' ||
          at !== program.body.at(-1)?.start,
      ),
      ...eachWithoutIn(parsed),
      ...findAboveLevel(program, source, scopes, rules.languageLevel),
      ...findMisreadings(program, source, scopes),
      ...findMissing(program, scopes),
    ];
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      throw error;
    }
    findings = [syntaxError(source, error as SyntaxError & { pos?: number })];
  }
  const lines = new LineIndex(source);
  return findings
    .sort((a, b) => a.at - b.at)
    .map(({ at, ...finding }) => ({ ...finding, ...lines.position(at) }));
}

/** The first thing that keeps a script from compiling, in the words of the platform's ErrorLog; undefined if it compiles. */
export function compileError(source: string, name: string): string | undefined {
  const found = checkScript(source).find(({ kind }) => kind === 'rejected' || kind === 'unsupported');
  return found === undefined ? undefined : `${found.message} (${name}#${found.line})`;
}

function eachWithoutIn({ program, each }: ParsedScript): RawFinding[] {
  const left = new Set(each);
  walk(program, (node) => {
    if (node.type === 'ForInStatement') {
      left.delete(node.start);
    }
  });
  return [...left].map((at) => ({
    kind: 'rejected',
    at,
    feature: 'for each without in',
    message: 'syntax error',
  }));
}

const mozilla: [RegExp, string][] = [
  [/\blet\s*\(/, 'let expression'],
  [/catch\s*\(\s*\w+\s+if\b/, 'conditional catch'],
  [/[=(,[]\s*<[A-Za-z>][^;]*>/, 'E4X'],
];

function syntaxError(source: string, error: SyntaxError & { pos?: number }): RawFinding {
  const at = error.pos ?? 0;
  const extension = mozilla.find(([pattern]) => pattern.test(source));
  if (extension !== undefined) {
    const message = `Mozilla's ${extension[1]} is not run by the emulator; write standard JavaScript`;
    return { kind: 'unsupported', at, feature: extension[1], message };
  }
  const again = /Identifier '(.*)' has already been declared/.exec(error.message);
  if (again !== null) {
    const message = `TypeError: redeclaration of variable ${again[1]}.`;
    return { kind: 'rejected', at, feature: 'name declared twice', message };
  }
  const reason = error.message.replace(/ \(\d+:\d+\)$/, '');
  return { kind: 'rejected', at, feature: `syntax error: ${reason}`, message: 'syntax error' };
}

class LineIndex {
  private readonly starts: number[] = [0];

  constructor(source: string) {
    for (const match of source.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) {
      this.starts.push(match.index + match[0].length);
    }
  }

  position(at: number): { line: number; column: number } {
    const line = this.starts.findLastIndex((start) => start <= at);
    return { line: line + 1, column: at - (this.starts[line] ?? 0) + 1 };
  }
}
