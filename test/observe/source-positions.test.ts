import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { buildPackage } from '../../scripts/build.ts';
import { extractFolder } from '../../scripts/local/unzip.ts';
import { SourcePositions } from '../../sidecar/observe/source-positions.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const TEXT = 'The sidecar listens.';

describe('places in the sources', () => {
  let directory: string;
  let program: string;
  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'positions-'));
    // Built once by scripts/test.ts.
    const zip = process.env['CONNECTOR_ZIP'] ?? (await buildPackage({ outputDirectory: directory }));
    await extractFolder(zip, 'ui/AzureIotHubConnector/sidecar/', directory);
    program = pathToFileURL(path.join(directory, 'program.mjs')).href;
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** The place of a text in the program, as a stack has it. */
  function placeOf(text: string): string {
    const lines = readFileSync(path.join(directory, 'program.mjs'), 'utf8').split('\n');
    const line = lines.findIndex((candidate) => candidate.includes(text));
    return `${line + 1}:${(lines[line] ?? '').indexOf(text) + 1}`;
  }

  test('are those of the line that was bundled', () => {
    const stack = `Error: broken\n    at run (${program}:${placeOf(TEXT)})\n    at node:internal/process/task_queues:104:5`;
    const [first, second, third] = new SourcePositions(program).inSources(stack).split('\n');
    assert.equal(first, 'Error: broken');
    const [, file = '', line = ''] = /^ {4}at run \((sidecar\/.*\.ts):(\d+)\)$/.exec(second ?? '') ?? [];
    assert.ok(
      readFileSync(path.join(ROOT, file), 'utf8').split('\n')[Number(line) - 1]?.includes(TEXT),
      second,
    );
    assert.equal(third, '    at node:internal/process/task_queues:104:5');
  });

  test('are found in a folder with blanks and brackets in its name', () => {
    const folder = path.join(directory, 'Program Files (x86)');
    mkdirSync(folder);
    for (const name of ['program.mjs', 'program.mjs.map'])
      writeFileSync(path.join(folder, name), readFileSync(path.join(directory, name)));
    const { href } = pathToFileURL(path.join(folder, 'program.mjs'));
    const stack = `Error\n    at run (${href}:${placeOf(TEXT)})\n    at ${href}:${placeOf(TEXT)}`;
    assert.match(
      new SourcePositions(href).inSources(stack),
      /^Error\n {4}at run \((sidecar\/.*\.ts:\d+)\)\n {4}at \1$/,
    );
  });

  test('stay as they are where the map has no source, and where the text is no place', () => {
    const bare = path.join(directory, 'bare.mjs');
    const { href } = pathToFileURL(bare);
    writeFileSync(`${bare}.map`, JSON.stringify({ version: 3, sources: [], mappings: 'A' }));
    for (const text of [`${href}:1:1`, `${href}:${'9'.repeat(400)}:1`, `${href}`, `${href}:1`, `${href}: no`])
      assert.equal(new SourcePositions(href).inSources(`Error: ${text}`), `Error: ${text}`);
  });

  test('of other files, and of a program without a map, stay as they are', () => {
    const other = 'Error\n    at file:///opt/other.mjs:1:1\n    at run (/opt/program.mjs:3:4)';
    assert.equal(new SourcePositions(program).inSources(other), other);
    const stack = `Error\n    at run (${import.meta.url}:1:1)`;
    assert.equal(new SourcePositions(import.meta.url).inSources(stack), stack);
  });
});
