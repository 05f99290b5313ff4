import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import yauzl from 'yauzl';
import { packageFiles, packageVersion } from '../../extension/generate/package.ts';
import { buildPackage } from '../../scripts/build.ts';
import { NODE_FLAGS } from '../../sidecar/setup/trial-run.ts';
import { attribute, find, parseXml } from './fixture.ts';

const ROOT = join(import.meta.dirname, '..', '..');

interface ZipEntry {
  readonly name: string;
  readonly time: string;
  readonly content: string;
}

function readZip(path: string): Promise<ZipEntry[]> {
  return new Promise((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, strictFileNames: true }, (error, zip) => {
      if (error) return reject(error);
      const entries: ZipEntry[] = [];
      zip.on('error', reject);
      zip.on('end', () => resolve(entries));
      zip.on('entry', (entry: yauzl.Entry) => {
        zip.openReadStream(entry, (failure, stream) => {
          if (failure) return reject(failure);
          const chunks: Buffer[] = [];
          stream.on('data', (chunk: Buffer) => chunks.push(chunk));
          stream.on('end', () => {
            entries.push({
              name: entry.fileName,
              time: entry.getLastModDate().toISOString(),
              content: Buffer.concat(chunks).toString('utf8'),
            });
            zip.readEntry();
          });
        });
      });
      zip.readEntry();
    });
  });
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'extension-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('the zip', () => {
  test('holds metadata.xml, one file for each entity and the sidecar, sorted, and nothing else', async (t) => {
    const output = folder(t);
    const path = await buildPackage({ outputDirectory: join(output, 'dist') });
    assert.ok(path.endsWith(`AzureIotHubConnector-${packageVersion()}.zip`));
    const entries = await readZip(path);
    const names = entries.map(({ name }) => name);
    assert.deepEqual(names, [...names].sort());
    assert.equal(new Set(entries.map(({ time }) => time)).size, 1);
    const sidecar = 'ui/AzureIotHubConnector/sidecar/';
    assert.deepEqual(
      names
        .filter((name) => name.startsWith(sidecar))
        .map((name) => name.slice(sidecar.length).replace(/-[A-Z0-9]{8}\./, '-HASH.'))
        .filter((name) => !name.startsWith('docs/')),
      [
        'LICENSE.txt',
        'NOTICES.txt',
        'README.txt',
        'azure-iot-sidecar.service',
        'console/console-HASH.js',
        'console/icon.svg',
        'console/index.html',
        'console/part-HASH.js',
        'console/part-HASH.js',
        'console/styles-HASH.css',
        'package.json',
        'program.mjs',
        'program.mjs.map',
        'sbom.cdx.json',
        'sidecar.mjs',
        'windows-service.md',
      ],
    );
    const pages = names
      .filter((name) => name.startsWith(`${sidecar}docs/`))
      .map((name) => name.slice(sidecar.length));
    assert.deepEqual(pages, globSync('docs/**/*.{md,json,mjs}', { cwd: ROOT }).sort());
    const rest = names.filter((name) => !name.startsWith(sidecar));
    assert.deepEqual(rest, [...packageFiles().keys()].sort());
    for (const name of rest) assert.match(name, /^(metadata\.xml|Entities\/[A-Za-z]+\/AzureIoT\.\w+\.xml)$/);
    const read = (name: string) => entries.find((item) => item.name === sidecar + name)?.content ?? '';
    assert.match(read('NOTICES.txt'), /^ajv \d+\.\d+\.\d+ \(MIT\)$[\s\S]*The MIT License/m);
    assert.match(read('NOTICES.txt'), /^fast-deep-equal /m, 'dependencies of dependencies too');
    assert.match(read('NOTICES.txt'), /^preact /m, 'packages of the console too');
    assert.ok(!read('program.mjs').includes(ROOT), 'no path of the machine that built it');
    assert.equal((JSON.parse(read('package.json')) as { version: string }).version, packageVersion());
    const program = join(output, 'sidecar.mjs');
    for (const name of ['sidecar.mjs', 'program.mjs']) writeFileSync(join(output, name), read(name));
    const run = promisify(execFile)(process.execPath, [program], { cwd: output, env: {} });
    await assert.rejects(run, {
      code: 1,
      stdout: '',
      stderr: /^azure-iot-sidecar: SETTING_MISSING: THINGWORX_URL [^\n]*\n$/,
    });
  });

  test('starts the sidecar with the same flags everywhere', () => {
    const texts = ['README.txt', 'azure-iot-sidecar.service', 'windows-service.md'].map((name) =>
      join('extension', 'package', name),
    );
    for (const text of [...texts, join('docs', 'install.md')]) {
      const flags = readFileSync(join(ROOT, text), 'utf8').match(
        /--(?:max|heap|no-allocation)-[a-z-]+(?:=\d+)?/g,
      );
      assert.deepEqual(flags, NODE_FLAGS, text);
    }
  });

  test('is byte for byte the same each time', async (t) => {
    const output = folder(t);
    const hash = async (name: string) => {
      const path = await buildPackage({ withoutSidecar: true, outputDirectory: join(output, name) });
      return createHash('sha256').update(readFileSync(path)).digest('hex');
    };
    assert.equal(await hash('a'), await hash('b'));
  });

  test('without the sidecar holds the XML alone', async (t) => {
    const path = await buildPackage({ withoutSidecar: true, outputDirectory: folder(t) });
    const names = (await readZip(path)).map(({ name }) => name);
    assert.deepEqual(names, [...packageFiles().keys()].sort());
  });
});

describe('metadata.xml', () => {
  const [extension] = find(
    parseXml(packageFiles().get('metadata.xml') ?? ''),
    'Entities',
    'ExtensionPackages',
    'ExtensionPackage',
  );

  test('has what the platform asks for', () => {
    assert.ok(extension);
    assert.equal(attribute(extension, 'name'), 'AzureIotHubConnector');
    assert.equal(attribute(extension, 'packageVersion'), packageVersion());
    assert.equal(attribute(extension, 'minimumThingWorxVersion'), '9.0.0');
    assert.equal(attribute(extension, 'haCompatible'), 'true');
  });

  test('declares nothing that needs more than the right to import entities', () => {
    assert.doesNotMatch(packageFiles().get('metadata.xml') ?? '', /JarResources|FileResource|Widget|WebApp/);
  });
});
