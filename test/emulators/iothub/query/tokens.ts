/** Splits the text of a query into tokens, after the grammar of the article on the IoT Hub query language. */
import { HubError } from '../hub-error.ts';

export interface Token {
  kind: 'name' | 'string' | 'number' | 'symbol' | 'end';
  /** The text of names and symbols. */
  text: string;
  /** The value of literals. */
  value?: string | number;
  at: number;
}

/** Longest first. `[[name]]` is how a query names a configuration whose id is no identifier. */
const symbols = [
  '<>',
  '!=',
  '<=',
  '>=',
  '=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '(',
  ')',
  '[',
  ']',
  ',',
  '.',
];

/** Hyphens inside a name belong to it (`$dt-dataschema`); a subtraction needs spaces around the sign. */
const namePattern = /[A-Za-z_$][\w$]*(?:-[\w$]+)*/y;
const numberPattern = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const quotedNamePattern = /\[\[([^\]]+)\]\]/y;

export function syntaxError(text: string, at: number): HubError {
  return new HubError(
    'ArgumentInvalid',
    `BadRequest: the query has a syntax error at character ${at}: ${text}`,
  );
}

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text) ?? undefined;
  };
  while (at < text.length) {
    const character = text[at] ?? '';
    if (/\s/.test(character)) {
      at += 1;
      continue;
    }
    if (character === "'" || character === '"') {
      const { value, end } = readString(text, at);
      tokens.push({ kind: 'string', text: text.slice(at, end), value, at });
      at = end;
      continue;
    }
    const quoted = take(quotedNamePattern);
    if (quoted) {
      tokens.push({ kind: 'name', text: quoted[1] ?? '', at });
      at += quoted[0].length;
      continue;
    }
    const number = take(numberPattern);
    if (number) {
      tokens.push({ kind: 'number', text: number[0], value: Number(number[0]), at });
      at += number[0].length;
      continue;
    }
    const name = take(namePattern);
    if (name) {
      tokens.push({ kind: 'name', text: name[0], at });
      at += name[0].length;
      continue;
    }
    const symbol = symbols.find((known) => text.startsWith(known, at));
    if (!symbol) throw syntaxError(`unexpected '${character}'`, at);
    tokens.push({ kind: 'symbol', text: symbol, at });
    at += symbol.length;
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

/** Escapes of the grammar: \' \" \\ and \uXXXX. */
function readString(text: string, start: number): { value: string; end: number } {
  const quote = text[start];
  let value = '';
  let at = start + 1;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === quote) return { value, end: at + 1 };
    if (character !== '\\') {
      value += character;
      at += 1;
      continue;
    }
    const next = text[at + 1] ?? '';
    if (next === 'u') {
      const code = text.slice(at + 2, at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(code)) throw syntaxError('a \\u escape needs four hexadecimal digits', at);
      value += String.fromCharCode(Number.parseInt(code, 16));
      at += 6;
    } else if (next === "'" || next === '"' || next === '\\') {
      value += next;
      at += 2;
    } else {
      throw syntaxError(`the escape \\${next} is not known`, at);
    }
  }
  throw syntaxError('a text is not closed', start);
}
