import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildPackage } from '../../scripts/build.ts';
import { extractFolder } from '../../scripts/local/unzip.ts';

const ROOT = join(import.meta.dirname, '..', '..');

interface Sbom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: { readonly 'bom-ref': string; readonly version: string } };
  readonly components: ReadonlyArray<{
    readonly 'bom-ref': string;
    readonly group?: string;
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly licenses: ReadonlyArray<{
      readonly license?: { readonly id: string };
      readonly expression?: string;
    }>;
  }>;
  readonly dependencies: ReadonlyArray<{ readonly ref: string; readonly dependsOn: readonly string[] }>;
}

describe('the shipped bundle', () => {
  let directory: string;
  let sbom: Sbom;
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const nameOf = ({ group, name }: Sbom['components'][number]) => (group ? `${group}/${name}` : name);

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bundle-'));
    // Built once by scripts/test.ts.
    const zip = process.env.CONNECTOR_ZIP ?? (await buildPackage({ outputDirectory: directory }));
    await extractFolder(zip, 'ui/AzureIotHubConnector/sidecar/', directory);
    sbom = JSON.parse(read('sbom.cdx.json')) as Sbom;
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('contains the packages that the product is built on', () => {
    const names = new Set(sbom.components.map(nameOf));
    for (const name of [
      '@azure/event-hubs',
      'azure-iothub',
      '@azure/storage-blob',
      'express',
      'ajv',
      'archiver',
    ])
      assert.ok(names.has(name), name);
  });

  test('is ASCII, which V8 keeps with one byte for each character', () => {
    const code = read('program.mjs');
    const found = /[^\0-\x7f]/.exec(code);
    assert.equal(found, null, found ? code.slice(found.index - 100, found.index + 20) : '');
  });

  test('contains Registry, JobClient and DeviceMethod of azure-iothub, without its AMQP stack', () => {
    const code = read('program.mjs');
    for (const text of [
      // Errors of registry.js, job_client.js and device_method.js.
      "The 'config' argument is missing either the host property",
      'queryCondition must be a sql WHERE clause string',
      'methodName must be a string',
    ])
      assert.ok(code.includes(text), text);
    assert.ok(!code.includes('amqp error('), 'amqp_common_errors.js');
    const names = sbom.components.map(nameOf);
    for (const name of ['ws', 'machina', 'getos', '@azure/ms-rest-js'])
      assert.ok(!names.includes(name), name);
    // azure-iothub depends on rhea 1.
    const versions = sbom.components.filter(({ name }) => name === 'rhea').map(({ version }) => version);
    assert.deepEqual(
      versions.map((version) => version.split('.')[0]),
      ['3'],
    );
  });

  test('has a complete SBOM', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.deepEqual([sbom.bomFormat, sbom.specVersion], ['CycloneDX', '1.6']);
    assert.equal(sbom.metadata.component.version, version);
    const refs = new Set(sbom.components.map((component) => component['bom-ref']));
    assert.equal(refs.size, sbom.components.length, 'every reference is unique');
    for (const component of sbom.components) {
      assert.equal(component.purl, `pkg:npm/${nameOf(component).replace('@', '%40')}@${component.version}`);
      const [licence] = component.licenses;
      assert.ok(licence?.license?.id || licence?.expression, component.purl);
    }
    const root = sbom.metadata.component['bom-ref'];
    assert.deepEqual(
      sbom.dependencies.map(({ ref }) => ref),
      [root, ...refs],
    );
    for (const { ref, dependsOn } of sbom.dependencies)
      for (const target of dependsOn) assert.ok(refs.has(target), `${ref} depends on ${target}`);
  });

  test('has the licence text of every package', () => {
    const notices = read('NOTICES.txt');
    for (const { group, name, version } of sbom.components) {
      const title = `${group ? `${group}/` : ''}${name} ${version} (`;
      const start = notices.indexOf(`\n${title}`);
      assert.ok(start >= 0, title);
      const text = notices.slice(start).split('\n').slice(3, 13).join('\n');
      assert.match(text, /copyright|permission|licen[cs]e/i, title);
      assert.ok(text.length > 150, title);
    }
  });

  test('keeps the names of classes, and its source map leads to the sources', () => {
    const code = read('program.mjs');
    for (const name of ['ConnectorError', 'RestClient', 'Registry'])
      assert.match(code, new RegExp(`\\b(?:class ${name}\\b|${name}=class\\b)`));
    assert.match(code, /\n\/\/# sourceMappingURL=program\.mjs\.map\s*$/);
    const map = JSON.parse(read('program.mjs.map')) as { sources: string[]; sourcesContent?: unknown };
    assert.ok(map.sources.includes('sidecar/main.ts'));
    assert.ok(map.sources.every((source) => !source.startsWith('/') && !source.includes('..')));
    assert.equal(map.sourcesContent, undefined);
    const lines = code.split('\n');
    const line = lines.findIndex((text) => text.includes('The sidecar listens.'));
    const column = (lines[line] as string).indexOf('The sidecar listens.');
    const entry = new SourceMap(map as never).findEntry(line, column) as {
      originalSource: string;
      originalLine: number;
    };
    assert.match(entry.originalSource, /^sidecar\/.*\.ts$/);
    const source = readFileSync(join(ROOT, entry.originalSource), 'utf8').split('\n');
    assert.match(source[entry.originalLine] ?? '', /The sidecar listens\./);
  });
});
