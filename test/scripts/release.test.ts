import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { appendFile, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { releaseNotes } from '../../scripts/release/changelog.ts';
import { VERSION } from '../../sidecar/version.ts';
import { Command } from '../e2e/command.ts';

const ZIP = `AzureIotHubConnector-${VERSION}.zip`;

describe('the release notes', () => {
  const changelog =
    '# Changelog\n\n## [1.1.0] - 2027-01-02\n\n### Added\n- One.\n\n## [1.0.0] - unreleased\n- Old.\n\n[1.1.0]: https://example.com\n';

  test('are the section of the version', () => {
    assert.equal(releaseNotes(changelog, '1.1.0', { needsDate: true }), '# 1.1.0\n\n### Added\n- One.\n');
    assert.equal(releaseNotes(changelog, '1.0.0', { needsDate: false }), '# 1.0.0\n\n- Old.\n');
  });

  test('need a section with a date', () => {
    assert.throws(() => releaseNotes(changelog, '1.0.0', { needsDate: true }), /unreleased.*date/);
    assert.throws(() => releaseNotes(changelog, '2.0.0', { needsDate: false }), /no section for 2.0.0/);
  });
});

describe('npm run release', () => {
  let folder = '';
  const file = (...names: string[]) => path.join(folder, ...names);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'release-'));
    for (const name of ['right', 'wrong']) {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519');
      await writeFile(file(`${name}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }), {
        mode: 0o600,
      });
      await writeFile(file(`${name}.pub`), publicKey.export({ type: 'spki', format: 'pem' }));
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('makes files that are verified with the public key, and again by building anew', async (t) => {
    const made = await new Command(t, 'release.ts', [
      '--rehearsal',
      '--out',
      file('out'),
      '--key',
      file('right.pem'),
    ]).end();
    assert.equal(made.code, 0, made.error);
    const names = (await readdir(file('out'))).sort();
    const stem = `AzureIotHubConnector-${VERSION}`;
    assert.deepEqual(
      names,
      [`${stem}.cdx.json`, `${stem}.intoto.json`, `${stem}.md`, ZIP, 'SHA256SUMS'].sort(),
    );
    const sums = spawnSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: file('out'), encoding: 'utf8' });
    assert.equal(sums.status, 0, sums.stderr);
    const sbom = JSON.parse(await readFile(file('out', `${stem}.cdx.json`), 'utf8')) as { bomFormat: string };
    assert.equal(sbom.bomFormat, 'CycloneDX');
    const { payload } = JSON.parse(await readFile(file('out', `${stem}.intoto.json`), 'utf8')) as {
      payload: string;
    };
    const statement = JSON.parse(Buffer.from(payload, 'base64').toString('utf8'));
    assert.match(
      statement.predicate.buildDefinition.resolvedDependencies[0].digest.gitCommit,
      /^[0-9a-f]{40}$/,
    );
    const { code, out, error } = await new Command(t, 'release.ts', [
      '--verify',
      file('out'),
      '--key',
      file('right.pub'),
      '--rebuild',
    ]).end();
    assert.equal(code, 0, error);
    assert.match(out, /as it was signed and as this commit builds it/);
  });

  for (const [what, change, words] of [
    ['another key', async () => 'wrong.pub', /no signature of this key/],
    ['a changed zip', (copy: string) => appendFile(path.join(copy, ZIP), 'x'), /does not have the checksum/],
    ['a changed zip with its checksum', changeWithChecksum, /is not the file that the provenance names/],
    ['a missing file', (copy: string) => rm(path.join(copy, ZIP)), /cannot be read/],
    ['a file that is left out', leaveOut, /is missing, which the provenance names/],
    [
      'a path in the checksums',
      (copy: string) => appendFile(path.join(copy, 'SHA256SUMS'), `${'0'.repeat(64)}  ../x\n`),
      /expected a file of the release/,
    ],
  ] as const) {
    test(`finds ${what}`, async (t) => {
      const copy = file(what.replaceAll(' ', '-'));
      await mkdir(copy);
      await cp(file('out'), copy, { recursive: true });
      const key = (await change(copy)) ?? 'right.pub';
      const { code, error } = await new Command(t, 'release.ts', [
        '--verify',
        copy,
        '--key',
        file(key),
      ]).end();
      assert.equal(code, 2);
      assert.match(error, words);
    });
  }

  test('wants the tag, a clean work tree and a key', async (t) => {
    const { code, error } = await new Command(t, 'release.ts', ['--out', file('other')]).end();
    assert.equal(code, 2);
    assert.match(error, /work tree has changes|does not have the tag|--key is not given/);
  });
});

async function changeWithChecksum(copy: string): Promise<undefined> {
  await copyFile(path.join(copy, 'SHA256SUMS'), path.join(copy, ZIP));
  const { stdout } = spawnSync('sha256sum', [ZIP], { cwd: copy, encoding: 'utf8' });
  const sums = (await readFile(path.join(copy, 'SHA256SUMS'), 'utf8')).split('\n');
  await writeFile(
    path.join(copy, 'SHA256SUMS'),
    sums.map((line) => (line.endsWith(ZIP) ? stdout.trim() : line)).join('\n'),
  );
}

async function leaveOut(copy: string): Promise<undefined> {
  const sums = (await readFile(path.join(copy, 'SHA256SUMS'), 'utf8')).split('\n');
  await writeFile(path.join(copy, 'SHA256SUMS'), sums.filter((line) => !line.endsWith(ZIP)).join('\n'));
}
