import type { Field, Schema } from './model.ts';

const MAX_VALUES = 30;

/** Text in one line, as attributes of entities must be. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Sentences in one line. */
export function sentences(...parts: readonly string[]): string {
  return parts
    .map(oneLine)
    .filter((part) => part !== '')
    .map((part) => (/[.!?:]$/.test(part) ? part : `${part}.`))
    .join(' ');
}

/** What is known of a value beyond its name and type. */
export function unitDescription({ name, title, description, schema }: Field): string {
  return sentences(description === '' ? title || name : description, noteOf(schema));
}

function noteOf(schema: Schema): string {
  if (schema.kind === 'primitive') return schema.note ?? '';
  if (schema.kind !== 'enum') return '';
  const values = schema.values
    .slice(0, MAX_VALUES)
    .map(({ value, title }) =>
      title === '' || title === String(value) ? `${value}` : `${value} (${title})`,
    );
  const rest = schema.values.length > MAX_VALUES ? ', and others' : '';
  return `One of: ${values.join(', ')}${rest}`;
}
