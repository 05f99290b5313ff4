import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** A package with files in a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier or expression. */
  readonly licence: string;
  /** The text of the licence. */
  readonly text: string;
  /** Package URL (github.com/package-url/purl-spec). */
  readonly purl: string;
  /** Package URLs of the packages that it imports in the bundle. */
  readonly dependencies: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly author: string;
}

/** The part of a path in a bundle that is the folder of a package. */
const FOLDER = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/**
 * The packages with files in the bundle, sorted by name. `directory` is where the paths of the metafile begin. Throws for a package without a
 * name, a version, a licence or its text.
 */
export function bundledPackages(metafile: Metafile, directory: string): BundledPackage[] {
  const used = new Map<string, Set<string>>();
  for (const [path, { imports }] of Object.entries(metafile.inputs)) {
    const folder = FOLDER.exec(path)?.[1];
    if (folder === undefined) continue;
    const targets = used.get(folder) ?? new Set();
    used.set(folder, targets);
    for (const { path: imported } of imports) {
      const target = FOLDER.exec(imported)?.[1];
      if (target !== undefined && target !== folder) targets.add(target);
    }
  }
  const manifests = new Map(
    [...used.keys()].map((folder) => [folder, readManifest(join(directory, folder))]),
  );
  const purlOf = (folder: string): string => purl(manifests.get(folder) as Manifest);
  // One package may be installed in several folders in one version.
  const packages = new Map<string, BundledPackage>();
  for (const [folder, manifest] of manifests) {
    const id = purlOf(folder);
    const targets = [...(used.get(folder) ?? [])].filter((target) => manifests.has(target)).map(purlOf);
    packages.set(id, {
      name: manifest.name,
      version: manifest.version,
      licence: manifest.license,
      text: licenceText(join(directory, folder), manifest),
      purl: id,
      dependencies: [...new Set([...targets, ...(packages.get(id)?.dependencies ?? [])])].sort(),
    });
  }
  return [...packages.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
}

/** NOTICES.txt: each package with the text of its licence. */
export function noticesOf(packages: readonly BundledPackage[]): string {
  const parts = packages.map(({ name, version, licence, text }) => {
    const title = `${name} ${version} (${licence})`;
    return `${title}\n${'-'.repeat(title.length)}\n${text}\n`;
  });
  const head =
    'The sidecar contains the following packages, each under its own licence.\nThe sidecar itself is under the Apache License 2.0.\n';
  return [head, ...parts].join('\n');
}

/** A software bill of materials in CycloneDX 1.6 (cyclonedx.org/docs/1.6/json). Without a time stamp, so that equal builds are equal. */
export function sbomOf(
  packages: readonly BundledPackage[],
  product: { name: string; version: string },
): string {
  const root = `pkg:npm/${product.name}@${product.version}`;
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': root,
        name: product.name,
        version: product.version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: packages.map(componentOf),
    dependencies: [
      { ref: root, dependsOn: packages.map(({ purl }) => purl) },
      ...packages.map(({ purl, dependencies }) => ({ ref: purl, dependsOn: dependencies })),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function componentOf({ name, version, licence, purl }: BundledPackage): object {
  const [group, own] = name.startsWith('@') ? name.split('/') : [undefined, name];
  const isExpression = /[ (]/.test(licence);
  return {
    type: 'library',
    'bom-ref': purl,
    ...(group === undefined ? {} : { group }),
    name: own,
    version,
    licenses: [isExpression ? { expression: licence } : { license: { id: licence } }],
    purl,
  };
}

function readManifest(folder: string): Manifest {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { name, version, license } = manifest;
  for (const value of [name, version, license])
    if (typeof value !== 'string' || value === '')
      throw new Error(`${String(name ?? folder)}: name, version or license is missing in its package.json.`);
  const author = manifest.author as string | { name?: string } | undefined;
  const text = typeof author === 'string' ? author : author?.name;
  return { name, version, license, author: text ?? `the authors of ${String(name)}` } as Manifest;
}

/** `@` of a scope is encoded. */
function purl({ name, version }: Manifest): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function licenceText(folder: string, { name, license, author }: Manifest): string {
  const file = readdirSync(folder)
    .sort()
    .find((entry) => /^(licen[cs]e|copying)(\.|-|$)/i.test(entry));
  if (file !== undefined) {
    const text = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim();
    if (text !== '') return text;
  }
  // Some packages name the MIT License in their manifest and leave its text out.
  if (license === 'MIT') return `Copyright (c) ${author.replace(/\s*[<(].*$/, '')}\n\n${MIT}`;
  throw new Error(`${name} (${license}) has no licence text.`);
}

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;
