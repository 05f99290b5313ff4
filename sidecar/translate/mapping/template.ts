import { safeThingName } from '../address.ts';
import { compilePath, Flaw, type Getter } from './path.ts';
import type { Scope } from './scope.ts';

/** Text filled from a scope; undefined when a path in it has no scalar value. Never throws. */
export interface Template {
  /** The text when it has no paths in it. */
  readonly fixed: string | undefined;
  fill(scope: Scope): string | undefined;
}

/**
 * Compiles text in which `{path}` stands for a value, `{path|safe}` for its spelling as the name of a Thing and `{path|compact}` for its
 * letters and digits alone; `{{` and `}}` are braces.
 */
export function compileTemplate(text: string): Template | Flaw {
  const parts: (string | Getter)[] = [];
  let literal = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if ((char === '{' || char === '}') && text[i + 1] === char) {
      literal += char;
      i++;
    } else if (char === '}') {
      return new Flaw(`a } without { at ${i}; write }} for a brace`);
    } else if (char === '{') {
      const end = text.indexOf('}', i);
      if (end === -1) return new Flaw(`a { without } at ${i}; write {{ for a brace`);
      const getter = compileSlot(text.slice(i + 1, end));
      if (getter instanceof Flaw) return getter;
      if (literal !== '') parts.push(literal);
      parts.push(getter);
      literal = '';
      i = end;
    } else literal += char;
  }
  if (parts.length === 0) return { fixed: literal, fill: () => literal };
  if (literal !== '') parts.push(literal);
  return { fixed: undefined, fill: (scope) => fill(parts, scope) };
}

const FILTERS: Readonly<Record<string, (text: string) => string>> = {
  safe: safeThingName,
  compact: (text) => text.slice(0, 1000).replace(/[^\p{L}\p{M}\p{N}]/gu, ''),
};

function compileSlot(text: string): Getter | Flaw {
  const [, path = text, name = ''] = /^(.*)\|(safe|compact)$/s.exec(text) ?? [];
  const getter = compilePath(path);
  const filter = FILTERS[name];
  if (getter instanceof Flaw || filter === undefined) return getter;
  return (scope) => {
    const value = getter(scope);
    return isScalar(value) ? filter(String(value)) : undefined;
  };
}

function fill(parts: readonly (string | Getter)[], scope: Scope): string | undefined {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') text += part;
    else {
      const value = part(scope);
      if (!isScalar(value)) return undefined;
      text += String(value);
    }
  }
  return text;
}

function isScalar(value: unknown): value is string | number | bigint | boolean {
  return (
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean'
  );
}
