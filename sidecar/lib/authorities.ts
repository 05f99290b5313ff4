import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { ConnectorError } from '../errors/connector-error.ts';

/**
 * Trusts the certificate authorities in the file of NODE_EXTRA_CA_CERTS. Node.js reads this variable only from the environment it is started
 * with, not from the file of its option `--env-file`, in which `setup` writes it.
 *
 * @throws ConnectorError SETTING_INVALID when the file cannot be read or holds no certificate
 */
export function trustExtraAuthorities(environment: NodeJS.ProcessEnv): void {
  const file = environment['NODE_EXTRA_CA_CERTS'];
  if (!file || tls.getCACertificates('extra').length > 0) return;
  try {
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), readFileSync(file, 'utf8')]);
  } catch (cause) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `NODE_EXTRA_CA_CERTS: the file ${file} cannot be used; expected a readable PEM file with certificates.`,
      { cause },
    );
  }
}
