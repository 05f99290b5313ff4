import { execFile } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { PACKAGE_NAME, VERSION } from '../sidecar/version.ts';
import { buildPackage } from './build.ts';
import { readCommandLine, refuse, UsageError } from './command-line.ts';
import { extractFolder } from './local/unzip.ts';
import { releaseNotes } from './release/changelog.ts';
import { type Digest, type Envelope, provenance, verifyProvenance } from './release/provenance.ts';

const USAGE = `npm run release -- [options]: makes a release of the commit that has the tag of the version
  --out DIR        where its files go (dist/release)
  --key FILE       the private key (Ed25519, PEM) that signs the provenance; also RELEASE_KEY_FILE
  --builder URI    who builds (urn:thingworx-azure-iot-connector:local)
  --rehearsal      without the tag, the clean work tree, the date in CHANGELOG.md and the key
  --verify DIR     instead: checks the files of a release with --key FILE, the public key (PEM)
  --rebuild        with --verify: also builds the zip again from this commit, and compares it
The files: the zip, its bill of materials, the release notes, SHA256SUMS and the provenance.`;

const ROOT = path.join(import.meta.dirname, '..');
const ZIP = `${PACKAGE_NAME}-${VERSION}.zip`;
const SBOM = `${PACKAGE_NAME}-${VERSION}.cdx.json`;
const NOTES = `${PACKAGE_NAME}-${VERSION}.md`;
const CHECKSUMS = 'SHA256SUMS';
const PROVENANCE = `${PACKAGE_NAME}-${VERSION}.intoto.json`;
const SIDECAR = `ui/${PACKAGE_NAME}/sidecar/`;

const { values } = readCommandLine(USAGE, {
  out: { type: 'string' },
  key: { type: 'string' },
  builder: { type: 'string', default: 'urn:thingworx-azure-iot-connector:local' },
  rehearsal: { type: 'boolean', default: false },
  verify: { type: 'string' },
  rebuild: { type: 'boolean', default: false },
});
const keyFile = values.key ?? process.env['RELEASE_KEY_FILE'];

try {
  if (values.verify === undefined)
    await release(path.resolve(values.out ?? path.join(ROOT, 'dist', 'release')));
  else await verifyRelease(path.resolve(values.verify));
} catch (error) {
  if (error instanceof UsageError) refuse(USAGE, error);
  throw error;
}

async function release(folder: string): Promise<void> {
  if (!values.rehearsal) await requireTaggedCommit();
  const key = keyFile === undefined ? undefined : createPrivateKey(await readKey(keyFile));
  if (key === undefined && !values.rehearsal)
    throw new UsageError('--key is not given; expected the private key that signs the provenance');
  const changelog = await readFile(path.join(ROOT, 'CHANGELOG.md'), 'utf8');
  const notes = releaseNotes(changelog, VERSION, { needsDate: !values.rehearsal });
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0)
    throw new UsageError(`${folder} is not empty; expected a new folder`);
  const zip = await buildPackage({ outputDirectory: folder });
  await withFolder(async (unpacked) => {
    await extractFolder(zip, SIDECAR, unpacked);
    await copyFile(path.join(unpacked, 'sbom.cdx.json'), path.join(folder, SBOM));
  });
  await writeFile(path.join(folder, NOTES), notes);
  const files = await digests(folder, [ZIP, SBOM, NOTES]);
  await writeFile(
    path.join(folder, CHECKSUMS),
    files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(''),
  );
  const origin = {
    version: VERSION,
    commit: await git('rev-parse', 'HEAD'),
    lockFile: sha256(await readFile(path.join(ROOT, 'package-lock.json'))),
    node: process.versions.node,
    builder: values.builder,
  };
  await writeFile(path.join(folder, PROVENANCE), `${JSON.stringify(provenance(files, origin, key))}\n`);
  for (const name of (await readdir(folder)).sort()) console.log(path.join(folder, name));
}

/** What is released is what the tag names, and nothing beside it. */
async function requireTaggedCommit(): Promise<void> {
  const changed = await git('status', '--porcelain');
  if (changed !== '') throw new UsageError('the work tree has changes; expected a clean one');
  const tags = (await git('tag', '--points-at', 'HEAD')).split('\n');
  if (!tags.includes(`v${VERSION}`))
    throw new UsageError(`this commit does not have the tag v${VERSION}, the version in package.json`);
}

async function verifyRelease(folder: string): Promise<void> {
  if (keyFile === undefined)
    throw new UsageError('--key is not given; expected the public key of the releases');
  const key = createPublicKey(await readKey(keyFile));
  const sums = (await readRelease(folder, CHECKSUMS)).toString('utf8').trim().split('\n');
  const files = await digests(
    folder,
    sums.map((line) => line.replace(/^[0-9a-f]+ {2}/, '')),
  );
  for (const [index, { name, sha256: found }] of files.entries()) {
    if (sums[index] !== `${found}  ${name}`)
      throw new UsageError(`${name} does not have the checksum in ${CHECKSUMS}`);
  }
  const envelope = JSON.parse((await readRelease(folder, PROVENANCE)).toString('utf8')) as Envelope;
  verifyProvenance(envelope, files, key);
  if (values.rebuild) {
    await withFolder(async (again) => {
      const built = sha256(await readFile(await buildPackage({ outputDirectory: again })));
      if (built !== files.find(({ name }) => name === ZIP)?.sha256)
        throw new UsageError(`${ZIP} is not what this commit builds`);
    });
  }
  console.log(
    `${folder} is the release ${VERSION}, as it was signed${values.rebuild ? ' and as this commit builds it' : ''}.`,
  );
}

async function digests(folder: string, names: readonly string[]): Promise<Digest[]> {
  const found: Digest[] = [];
  for (const name of names) found.push({ name, sha256: sha256(await readRelease(folder, name)) });
  return found;
}

async function readRelease(folder: string, name: string): Promise<Buffer> {
  // A list of checksums is not trusted with paths.
  if (name !== path.basename(name))
    throw new UsageError(`${CHECKSUMS} names ${name}; expected a file of the release`);
  try {
    return await readFile(path.join(folder, name));
  } catch {
    throw new UsageError(`${path.join(folder, name)} cannot be read`);
  }
}

async function readKey(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw new UsageError(`--key: the file ${file} cannot be read`);
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function git(...words: string[]): Promise<string> {
  return (await promisify(execFile)('git', words, { cwd: ROOT })).stdout.trim();
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'azure-iot-release-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
