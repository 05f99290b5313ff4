/**
 * A certificate authority made on the spot, for servers that listen on this machine only. Clients trust it by its PEM
 * file (NODE_EXTRA_CA_CERTS, a `ca` option, tls.setDefaultCACertificates). Elliptic-curve keys: made in milliseconds.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface KeyPair {
  /** PEM texts. */
  certificate: string;
  key: string;
}

export interface Authority {
  /** PEM file of the authority's certificate: what clients trust. */
  caFile: string;
  /** PEM files of the server certificate for localhost and its key. */
  certificateFile: string;
  keyFile: string;
  /** PEM texts of the same. */
  ca: string;
  certificate: string;
  key: string;
  /** Issues a client certificate whose common name is the device id, signed by this authority. */
  issueClient(commonName: string): Promise<KeyPair>;
}

const VALID_DAYS = 365;
const algorithm = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

/** A certificate without an authority behind it, as devices with a registered thumbprint use. */
export async function selfSignedClient(commonName: string): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    ...algorithm,
    ...validity(),
    extensions: clientExtensions(),
  });
  return { certificate: made.cert, key: made.private };
}

/**
 * Opens the authority kept in the directory, or makes a new one there when it is absent or about to end.
 * @param hostNames further DNS names for the server certificate, beside localhost, 127.0.0.1 and ::1
 */
export async function openAuthority(
  directory: string,
  hostNames: readonly string[] = [],
): Promise<Authority> {
  await mkdir(directory, { recursive: true });
  const files = {
    ca: join(directory, 'ca.pem'),
    caKey: join(directory, 'ca-key.pem'),
    certificate: join(directory, 'server.pem'),
    key: join(directory, 'server-key.pem'),
    facts: join(directory, 'authority.json'),
  };
  const names = ['localhost', ...hostNames.filter((name) => name !== 'localhost')];
  if (!(await isUsable(files.facts, names))) {
    // A name of its own, so that a client can trust several such authorities at once.
    const caName = `Local emulator authority ${randomBytes(4).toString('hex')}`;
    const ca = await generate([{ name: 'commonName', value: caName }], {
      ...algorithm,
      ...validity(),
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
      ],
    });
    const server = await generate([{ name: 'commonName', value: 'localhost' }], {
      ...algorithm,
      ...validity(),
      ca: { key: ca.private, cert: ca.cert },
      extensions: [
        { name: 'basicConstraints', cA: false, critical: true },
        { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames: [
            ...names.map((value) => ({ type: 2 as const, value })),
            { type: 7 as const, ip: '127.0.0.1' },
            { type: 7 as const, ip: '::1' },
          ],
        },
      ],
    });
    await writeFile(files.ca, ca.cert);
    await writeFile(files.caKey, ca.private, { mode: 0o600 });
    await writeFile(files.certificate, server.cert);
    await writeFile(files.key, server.private, { mode: 0o600 });
    await writeFile(files.facts, JSON.stringify({ names, notAfter: validity().notAfterDate.toISOString() }));
  }
  const ca = await readFile(files.ca, 'utf8');
  const caKey = await readFile(files.caKey, 'utf8');
  return {
    caFile: files.ca,
    certificateFile: files.certificate,
    keyFile: files.key,
    ca,
    certificate: await readFile(files.certificate, 'utf8'),
    key: await readFile(files.key, 'utf8'),
    async issueClient(commonName) {
      const made = await generate([{ name: 'commonName', value: commonName }], {
        ...algorithm,
        ...validity(),
        ca: { key: caKey, cert: ca },
        extensions: clientExtensions(),
      });
      return { certificate: made.cert, key: made.private };
    },
  };
}

/** From an hour ago, so that a clock that is a little behind accepts it. */
function validity() {
  const now = Date.now();
  return {
    notBeforeDate: new Date(now - 3_600_000),
    notAfterDate: new Date(now + VALID_DAYS * 86_400_000),
  };
}

function clientExtensions() {
  return [
    { name: 'basicConstraints' as const, cA: false, critical: true },
    { name: 'keyUsage' as const, digitalSignature: true, critical: true },
    { name: 'extKeyUsage' as const, clientAuth: true },
  ];
}

async function isUsable(factsFile: string, names: readonly string[]): Promise<boolean> {
  try {
    const facts = JSON.parse(await readFile(factsFile, 'utf8')) as { names: string[]; notAfter: string };
    const coversNames = names.every((name) => facts.names.includes(name));
    return coversNames && Date.parse(facts.notAfter) > Date.now() + 7 * 86_400_000;
  } catch {
    return false;
  }
}
