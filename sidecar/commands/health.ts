import { Agent, request } from 'undici';
import { ConnectorError } from '../errors/connector-error.ts';
import { systemCode } from '../lib/files.ts';
import { loadSettings } from '../settings.ts';

const TIMEOUT_MS = 5_000;

/**
 * Asks the sidecar on this machine, started with the same settings, whether it is alive. For the health checks of containers, whose images
 * have no other program.
 * @throws ConnectorError UNHEALTHY
 */
export async function health(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const { host, port, tls } = loadSettings(environment);
  // Behind an address that stands for all of them, the loopback one answers too.
  const target = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const authority = target.includes(':') ? `[${target}]` : target;
  const url = `${tls ? 'https' : 'http'}://${authority}:${port}/health/live`;
  // The certificate is for another name. Trusting it and nothing else is more than a name.
  const dispatcher = new Agent({
    connect: tls ? { ca: tls.cert, allowPartialTrustChain: true, checkServerIdentity: () => undefined } : {},
  });
  let status: number;
  try {
    const answer = await request(url, { dispatcher, signal: AbortSignal.timeout(TIMEOUT_MS) });
    await answer.body.dump();
    status = answer.statusCode;
  } catch (cause) {
    throw new ConnectorError('UNHEALTHY', `The sidecar does not answer at ${url} (${systemCode(cause)}).`, {
      cause,
    });
  } finally {
    await dispatcher.destroy();
  }
  if (status !== 200)
    throw new ConnectorError('UNHEALTHY', `The sidecar answered ${status} at ${url}; expected 200.`);
}
