import { isPlainObject } from '../translate/coerce/structure.ts';

/** A JSON object of a DTDL document. */
export type Element = Readonly<Record<string, unknown>>;

/** DTDL version 2: up to 64 characters; version 3: up to 512. */
const NAME = /^[a-zA-Z](?:[a-zA-Z0-9_]{0,510}[a-zA-Z0-9])?$/;

/** JSON-LD: one value may stand for an array with that value. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

export function elements(value: unknown): readonly Element[] {
  return listOf(value).filter(isPlainObject);
}

/** The types of an element, without the parts of their DTMIs that say who defines them. */
export function kindsOf(element: Element): readonly string[] {
  return listOf(element['@type']).flatMap((type) =>
    typeof type === 'string' ? [/^dtmi:[\w:]*:(\w+)(?:;\d+(?:\.\d+)?)?$/.exec(type)?.[1] ?? type] : [],
  );
}

export function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function nameOf(element: Element): string {
  return wordOf(element['name']) ?? '';
}

/** What is wrong with a name; undefined when nothing is. */
export function nameProblem(name: string): string | undefined {
  if (NAME.test(name)) return undefined;
  return name === ''
    ? 'The name is missing.'
    : `The name is ${JSON.stringify(name)}; expected letters, digits and underscores, a letter first and no underscore last.`;
}

/** A text that may be given in several languages: in English, else in the first one. */
export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!isPlainObject(value)) return '';
  const { en, 'en-US': american } = value;
  const chosen = [en, american, ...Object.values(value)].find((item) => typeof item === 'string');
  return typeof chosen === 'string' ? chosen : '';
}
