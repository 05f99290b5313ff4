import type { Program } from 'acorn';
import type { RawFinding } from '../language.ts';
import type { ScopeTable } from './scopes.ts';
import { walk } from './walk.ts';

/** Language levels of Rhino, as it names them, highest first. */
export type LanguageLevel = 'es6' | '1.8' | '1.7' | 'default';

/** What is not known of the language that the platform compiles. */
export interface LanguageRules {
  /** No public source says which level the platform sets. */
  languageLevel: LanguageLevel;
  /** A `return` as the last statement of a script: the bare engine refuses it, one source saw it work on the platform. */
  returnAtTheEnd: 'refuse' | 'accept';
}

export const defaultLanguageRules: Readonly<LanguageRules> = {
  languageLevel: 'es6',
  returnAtTheEnd: 'refuse',
};

const typedArrays = [
  'ArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
];
const collections = ['Map', 'Set', 'WeakMap', 'Symbol'];

/** Global objects that a level does not have. */
export const absentGlobals: Readonly<Record<LanguageLevel, readonly string[]>> = {
  es6: [],
  '1.8': collections,
  '1.7': [...collections, ...typedArrays],
  default: [...collections, ...typedArrays],
};

/** What compiles or exists at level ES6 and not at the given one, as measured with 1.7.11 at each level. */
export function findAboveLevel(
  program: Program,
  source: string,
  scopes: ScopeTable,
  level: LanguageLevel,
): RawFinding[] {
  if (level === 'es6') {
    return [];
  }
  const findings: RawFinding[] = [];
  const reject = (at: number, feature: string) =>
    findings.push({
      kind: 'rejected',
      at,
      feature: `${feature} at language level ${level}`,
      message: 'syntax error',
    });
  walk(program, (node) => {
    if (node.type === 'ForOfStatement') {
      reject(node.start, 'for...of');
    } else if (node.type === 'Literal' && /^0[bo]/i.test(source.slice(node.start, node.end))) {
      reject(node.start, 'binary or octal literal');
    } else if (node.type === 'ObjectPattern' && level !== '1.8') {
      reject(node.start, 'destructuring of an object');
    } else if (node.type === 'VariableDeclaration' && node.kind === 'let' && level === 'default') {
      reject(node.start, 'let');
    }
  });
  for (const { name, node, variable } of scopes.references) {
    if (variable === undefined && absentGlobals[level].includes(name)) {
      const message = `${name} is not there at language level ${level}`;
      findings.push({ kind: 'missing', at: node.start, feature: name, message });
    }
  }
  return findings;
}
