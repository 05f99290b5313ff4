import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'acorn';

const SCRIPTS = join(import.meta.dirname, '..', 'scripts');
const SHARED = join(SCRIPTS, 'shared');

/** A function of extension/scripts/shared with the comment above it. */
interface Helper {
  readonly name: string;
  readonly text: string;
  readonly words: ReadonlySet<string>;
}

/** Read once: a few hundred scripts are made, and each test that imports the entities makes them. */
const HELPERS: readonly Helper[] = readdirSync(SHARED)
  .sort()
  .flatMap((file) => helpersOf(readFileSync(join(SHARED, file), 'utf8')));

/**
 * The complete script of a service: constants, the shared functions that it uses, directly or through each other, and the
 * body. ThingWorx has no modules, so each script carries what it needs.
 */
export function script(body: string, constants: Readonly<Record<string, unknown>> = {}): string {
  const lines = Object.entries(constants).map(([name, value]) => `var ${name} = ${JSON.stringify(value)};`);
  const used = new Set<string>();
  const visit = (words: ReadonlySet<string>) => {
    for (const helper of HELPERS) {
      if (used.has(helper.name) || !words.has(helper.name)) continue;
      used.add(helper.name);
      visit(helper.words);
    }
  };
  visit(wordsOf(body));
  const parts = HELPERS.filter((helper) => used.has(helper.name)).map((helper) => helper.text);
  return [...(lines.length > 0 ? [lines.join('\n')] : []), ...parts, body.trim()].join('\n\n');
}

/** The script that extension/scripts/<name>.js holds. */
export function handWritten(name: string, constants: Readonly<Record<string, unknown>> = {}): string {
  return script(readFileSync(join(SCRIPTS, `${name}.js`), 'utf8'), constants);
}

/** The services whose scripts are written by hand, by file. */
export function handWrittenNames(): string[] {
  return readdirSync(SCRIPTS)
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.slice(0, -'.js'.length))
    .sort();
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.match(/\w+/g));
}

function helpersOf(source: string): Helper[] {
  const helpers: Helper[] = [];
  let start = 0;
  for (const node of parse(source, { ecmaVersion: 5 }).body) {
    if (node.type !== 'FunctionDeclaration') throw new Error('extension/scripts/shared holds functions only');
    const text = source.slice(start, node.end).trim();
    helpers.push({ name: node.id.name, text, words: wordsOf(text) });
    start = node.end;
  }
  return helpers;
}
