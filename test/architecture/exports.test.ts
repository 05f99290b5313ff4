import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { readSources } from './imports.ts';

const DECLARATION =
  /^export (?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type|enum) (\w+)/gm;
const LIST = /^export (?:type )?\{([^}]*)\}/gm;
const IMPORT = /(?:import|export) (?:type )?(?:\* as \w+|(?:\w+, )?\{([^}]*)\}) from '(\.[^']+)'/g;
/** A module that is loaded as a whole: all of its exports count as used. */
const WHOLE = /(?:\* as \w+ from |import\(|new URL\()'(\.[^']+\.ts)'/g;

/** The names in a list such as `a, type B, c as d`; of a renamed one, the first or the last. */
function names(list: string, which: 0 | -1): string[] {
  return list
    .split(',')
    .map(
      (item) =>
        item
          .trim()
          .replace(/^type /, '')
          .split(' as ')
          .at(which) ?? '',
    )
    .filter((name) => name !== '');
}

test('every export of the sidecar is imported somewhere', () => {
  const sources = ['sidecar', 'extension', 'scripts', 'test'].flatMap(readSources);
  const used = new Set<string>();
  const whole = new Set<string>();
  for (const { file, text } of sources) {
    const target = (specifier = ''): string => path.posix.join(path.posix.dirname(file), specifier);
    for (const [, list = '', specifier] of text.matchAll(IMPORT))
      for (const name of names(list, 0)) used.add(`${target(specifier)} ${name}`);
    for (const [, specifier] of text.matchAll(WHOLE)) whole.add(target(specifier));
  }
  const unused: string[] = [];
  let exported = 0;
  for (const { file, text } of sources) {
    if (!file.startsWith('sidecar/') || whole.has(file)) continue;
    const declared = [...text.matchAll(DECLARATION)].map(([, name = '']) => name);
    const listed = [...text.matchAll(LIST)].flatMap(([, list = '']) => names(list, -1));
    for (const name of [...declared, ...listed]) {
      exported += 1;
      if (!used.has(`${file} ${name}`)) unused.push(`${file} ${name}`);
    }
  }
  assert.ok(exported > 500, `${exported} exports were found`);
  assert.deepEqual(unused, []);
});
