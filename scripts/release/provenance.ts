import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { UsageError } from '../command-line.ts';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1';

/** A file with its SHA-256 in hexadecimal. */
export interface Digest {
  readonly name: string;
  readonly sha256: string;
}

/** From what and by whom a release was built. */
export interface Origin {
  readonly version: string;
  readonly commit: string;
  readonly lockFile: string;
  readonly node: string;
  /** A URI. */
  readonly builder: string;
}

/** A DSSE envelope: the statement in base64 with its signatures. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

interface Statement {
  readonly _type: string;
  readonly predicateType: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
}

/** An in-toto statement with SLSA provenance, signed with Ed25519 in a DSSE envelope. Without a key it has no signature. */
export function provenance(files: readonly Digest[], origin: Origin, key: KeyObject | undefined): Envelope {
  const statement = {
    _type: STATEMENT_TYPE,
    subject: files.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: 'urn:thingworx-azure-iot-connector:npm-run-release:1',
        externalParameters: { version: origin.version },
        internalParameters: { node: origin.node },
        resolvedDependencies: [
          { name: 'source', digest: { gitCommit: origin.commit } },
          { name: 'package-lock.json', digest: { sha256: origin.lockFile } },
        ],
      },
      runDetails: { builder: { id: origin.builder } },
    },
  };
  const payload = Buffer.from(JSON.stringify(statement));
  return {
    payloadType: PAYLOAD_TYPE,
    payload: payload.toString('base64'),
    signatures:
      key === undefined
        ? []
        : [
            {
              keyid: keyId(createPublicKey(key)),
              sig: sign(null, signedBytes(payload), key).toString('base64'),
            },
          ],
  };
}

/**
 * Checks the signature, and that the statement names these files and no other.
 * @throws UsageError that says what does not agree
 */
export function verifyProvenance(envelope: Envelope, files: readonly Digest[], key: KeyObject): void {
  if (envelope.payloadType !== PAYLOAD_TYPE)
    throw new UsageError(
      `the provenance has the payload type ${envelope.payloadType}; expected ${PAYLOAD_TYPE}`,
    );
  const payload = Buffer.from(envelope.payload, 'base64');
  const isSigned = envelope.signatures.some(({ sig }) =>
    verify(null, signedBytes(payload), key, Buffer.from(sig, 'base64')),
  );
  if (!isSigned) throw new UsageError('the provenance has no signature of this key');
  const statement = JSON.parse(payload.toString('utf8')) as Statement;
  if (statement._type !== STATEMENT_TYPE || statement.predicateType !== PREDICATE_TYPE)
    throw new UsageError('the provenance is not a statement with SLSA provenance v1');
  const stated = new Map(statement.subject.map(({ name, digest }) => [name, digest.sha256]));
  for (const { name, sha256 } of files) {
    if (!stated.has(name)) throw new UsageError(`the provenance does not name ${name}`);
    if (stated.get(name) !== sha256)
      throw new UsageError(`${name} is not the file that the provenance names`);
    stated.delete(name);
  }
  for (const name of stated.keys()) throw new UsageError(`${name} is missing, which the provenance names`);
}

/** The pre-authentication encoding of DSSE. */
function signedBytes(payload: Buffer): Buffer {
  const head = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** The last 16 characters of the key itself: enough to find the right one among several. */
function keyId(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('hex').slice(-16);
}
