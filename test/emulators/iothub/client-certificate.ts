/**
 * The certificate that a client shows, and whether it descends from an authority that the hub trusts. The TLS server is
 * not told these authorities: OpenSSL would send them as part of the server's own chain, which no public service does,
 * and name them in its request for a certificate, after which some clients send none that was issued by somebody else.
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from './hub.ts';

const MAX_CHAIN_LENGTH = 5;

/** The certificate that the client showed, if any. */
export function clientCertificateOf(
  socket: Duplex,
  authorities: readonly X509Certificate[],
): ClientCertificate | undefined {
  const tls = socket as Partial<TLSSocket>;
  const shown = tls.getPeerX509Certificate?.();
  if (!shown) return undefined;
  const name = tls.getPeerCertificate?.().subject?.CN;
  return {
    commonName: (Array.isArray(name) ? name[0] : name) ?? '',
    thumbprintSha1: digest('sha1', shown.raw),
    thumbprintSha256: digest('sha256', shown.raw),
    chainTrusted: isIssuedBy(shown, authorities),
  };
}

/** PEM texts, each with one certificate or several. */
export function parseAuthorities(texts: readonly string[]): X509Certificate[] {
  return texts
    .flatMap((text) => text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [])
    .map((pem) => new X509Certificate(pem));
}

/** Follows the chain that the client sent until an authority has signed. */
function isIssuedBy(shown: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  let certificate = shown;
  for (let length = 0; length < MAX_CHAIN_LENGTH; length += 1) {
    if (!isInTime(certificate)) return false;
    if (authorities.some((authority) => isInTime(authority) && hasSigned(authority, certificate)))
      return true;
    const next = certificate.issuerCertificate;
    // A self-signed certificate is its own issuer.
    if (!next || next.fingerprint256 === certificate.fingerprint256) return false;
    if (!next.ca || !hasSigned(next, certificate)) return false;
    certificate = next;
  }
  return false;
}

function hasSigned(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isInTime({ validFromDate, validToDate }: X509Certificate): boolean {
  const now = Date.now();
  return validFromDate.getTime() <= now && now <= validToDate.getTime();
}

function digest(algorithm: 'sha1' | 'sha256', bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex').toUpperCase();
}
