import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import {
  blobName,
  containerName,
  folderName,
  folderPrefix,
  maskMatcher,
  searchPrefix,
} from '../../sidecar/files/paths.ts';
import { hostile } from './hostile.ts';

function refused(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch (error) {
    assert.ok(error instanceof ConnectorError);
    assert.equal(error.code, 'PATH_INVALID');
    return true;
  }
}

describe('paths', () => {
  test('mean the blob of exactly their text, with or without the slash of the root', () => {
    for (const name of [
      'a.txt',
      'folder/a.txt',
      'Grüße/日本/🚀.txt',
      '%2e%2e/x',
      'a%2Fb',
      'a b/ c',
      '...a',
      'a..b',
      '~/x',
      "it's?#&+=.txt",
      'x'.repeat(1024),
    ]) {
      assert.equal(blobName(name), name);
      assert.equal(blobName(`/${name}`), name);
    }
  });

  test('keep composed and decomposed letters apart: they are different blobs', () => {
    assert.notEqual(blobName('\u00e9'), blobName('e\u0301'));
  });

  test('are refused when they could mean another blob', () => {
    for (const path of [
      '',
      '/',
      '//x',
      'a//b',
      'a/',
      '..',
      '../x',
      '/../x',
      'a/../b',
      'a/./b',
      './a',
      'a/..',
      'a\\b',
      '..\\x',
      '\\\\server\\share',
      'C:/x',
      'c:/Windows',
      'a\0b',
      'a\nb',
      'a\u0085b',
      'a\u007fb',
      'file.',
      'a./b',
      ' /x',
      'gpj.\u202Eexe',
      '\uD800',
      'a\uFFFF',
      'x'.repeat(1025),
      'a/'.repeat(254).concat('b'),
    ]) {
      assert.ok(
        refused(() => blobName(path)),
        JSON.stringify(path.slice(0, 40)),
      );
    }
  });

  test('of any text are refused, or mean that text and nothing else', () => {
    fc.assert(
      fc.property(hostile, (path) => {
        let name: string;
        try {
          name = blobName(path);
        } catch (error) {
          assert.equal((error as ConnectorError).code, 'PATH_INVALID');
          return;
        }
        assert.equal(name, path.replace(/^\//, ''));
        // What an address makes of the encoded name is the same name again: nothing is normalised on the way.
        const url = new URL(
          `https://account.blob.core.windows.net/c/${name.split('/').map(encodeURIComponent).join('/')}`,
        );
        assert.equal(url.pathname.slice('/c/'.length).split('/').map(decodeURIComponent).join('/'), name);
        assert.ok(name.split('/').every((part) => part !== '' && part !== '.' && part !== '..'));
        assert.doesNotMatch(name, /[\\\p{Cc}]/u);
      }),
      { numRuns: 3000 },
    );
  });

  test('of folders: the root, with or without a slash at the end', () => {
    assert.equal(folderName(''), '');
    assert.equal(folderName('/'), '');
    assert.equal(folderName('/a/b/'), 'a/b');
    assert.equal(folderPrefix('/a/b'), 'a/b/');
    assert.equal(folderPrefix('/'), '');
    for (const path of ['a//', '/..', 'a/../b', 'a\\'])
      assert.ok(
        refused(() => folderName(path)),
        path,
      );
  });

  test('of folders never lead out of them, whatever name follows', () => {
    fc.assert(
      fc.property(hostile, (name) => {
        let full: string;
        try {
          full = blobName(`${folderPrefix('/box')}${name}`);
        } catch {
          return;
        }
        assert.ok(full.startsWith('box/'));
      }),
    );
  });

  test('as a beginning may end anywhere', () => {
    assert.equal(searchPrefix('/logs/2026-'), 'logs/2026-');
    assert.ok(refused(() => searchPrefix('a\\')));
    assert.ok(refused(() => searchPrefix('a\0')));
  });

  test('of containers are those of Azure', () => {
    assert.equal(containerName('my-files'), 'my-files');
    for (const name of ['', 'ab', 'Files', 'a--b', '-ab', 'ab-', 'a/b', '..', 'x'.repeat(64)])
      assert.ok(
        refused(() => containerName(name)),
        name,
      );
  });
});

describe('a name mask', () => {
  test('matches as * and ? say', () => {
    const cases: [string, string, boolean][] = [
      ['', 'anything', true],
      ['*', 'anything', true],
      ['*.*', 'no-extension', true],
      ['*.txt', 'a.txt', true],
      ['*.txt', 'a.TXT', false],
      ['*.txt', 'a.txt.gz', false],
      ['a*z', 'az', true],
      ['a*z', 'abz', true],
      ['a*z', 'abzc', false],
      ['?.txt', 'a.txt', true],
      ['?.txt', '🚀.txt', true],
      ['?.txt', 'ab.txt', false],
      ['a.c', 'abc', false],
      ['a.c', 'a.c', true],
      ['*a*b*', 'xxaxxbxx', true],
      ['*ab', 'ab', true],
      ['ab*ab', 'ab', false],
      ['[a]', 'a', false],
    ];
    for (const [mask, name, expected] of cases)
      assert.equal(maskMatcher(mask)(name), expected, `${mask} ${name}`);
  });

  test('agrees with a pattern, and takes no longer for many stars', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const names = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(letters, names, (mask, name) => {
        const pattern = mask.replaceAll('*', '[ab]*').replaceAll('?', '[ab]');
        assert.equal(maskMatcher(mask)(name), mask === '' || new RegExp(`^${pattern}$`).test(name));
      }),
      { numRuns: 2000 },
    );
    assert.equal(maskMatcher(`${'*a'.repeat(50)}b`)('a'.repeat(1000)), false);
  });
});
