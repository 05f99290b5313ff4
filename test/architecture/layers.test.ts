import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { INNER_LAYERS, LAYERS } from '../../scripts/layers.ts';
import { cycles, readSources } from './imports.ts';

const sources = readSources('sidecar');

/** The room of a file: the folder below sidecar/, or the name of a file that lies in sidecar/ itself. */
function roomOf(file: string): string {
  const [, name = ''] = file.split('/');
  return name.replace(/\.ts$/, '');
}

/** The inner room of a file in a folder that has an inner order; '.' for files in the folder itself. */
function innerRoomOf(file: string): string {
  const [, , name = '', more] = file.split('/');
  return more === undefined && name.endsWith('.ts') ? '.' : name;
}

const levels = new Map(LAYERS.flatMap(({ rooms }, level) => rooms.map((room) => [room, level] as const)));

describe('the layers of the sidecar', () => {
  test('name every folder and file below sidecar/, and nothing else', () => {
    const rooms = new Set(sources.map(({ file }) => roomOf(file)));
    assert.deepEqual([...levels.keys()].toSorted(), [...rooms].toSorted());
  });

  test('are kept by every import', () => {
    const wrong: string[] = [];
    for (const { file, imports } of sources) {
      for (const target of imports) {
        if (!target.startsWith('sidecar/')) continue;
        const [from, to] = [roomOf(file), roomOf(target)];
        if (from === to) continue;
        if ((levels.get(from) as number) >= (levels.get(to) as number))
          wrong.push(`${file} imports ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  for (const [folder, order] of Object.entries(INNER_LAYERS)) {
    const inner = new Map(order.flatMap((rooms, level) => rooms.map((room) => [room, level] as const)));
    test(`inside ${folder} are kept by every import`, () => {
      const wrong: string[] = [];
      const within = sources.filter(({ file }) => roomOf(file) === folder);
      assert.deepEqual(
        [...new Set(within.map(({ file }) => innerRoomOf(file)))].filter((room) => !inner.has(room)),
        [],
        'rooms without a place in INNER_LAYERS',
      );
      for (const { file, imports } of within) {
        for (const target of imports) {
          if (!target.startsWith(`sidecar/${folder}/`)) continue;
          const [from, to] = [innerRoomOf(file), innerRoomOf(target)];
          if (from === to) continue;
          if ((inner.get(from) as number) >= (inner.get(to) as number))
            wrong.push(`${file} imports ${target}`);
        }
      }
      assert.deepEqual(wrong, []);
    });
  }
});

test('no files import each other in a circle', () => {
  assert.deepEqual(cycles(sources), []);
  assert.deepEqual(cycles(readSources('extension')), []);
  assert.deepEqual(cycles(readSources('scripts')), []);
});
