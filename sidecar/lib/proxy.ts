import { EnvHttpProxyAgent, WebSocket, type WebSocketInit } from 'undici';

const LOOPBACK = 'localhost,127.0.0.1,::1';

/**
 * An agent that uses the proxy of the environment variables HTTPS_PROXY (HTTP_PROXY for addresses without TLS), except for the hosts in
 * NO_PROXY. Without these variables it connects directly. The clients of Azure Storage and Microsoft Entra ID read the same variables.
 */
export function createAgent(options: EnvHttpProxyAgent.Options = {}): EnvHttpProxyAgent {
  return new EnvHttpProxyAgent(options);
}

/** The same, but never uses a proxy for this machine: the proxy would see the application key. */
export function createLocalAgent(options: EnvHttpProxyAgent.Options = {}): EnvHttpProxyAgent {
  const { no_proxy, NO_PROXY } = process.env;
  const others = no_proxy ?? NO_PROXY;
  return createAgent({ ...options, noProxy: others ? `${others},${LOOPBACK}` : LOOPBACK });
}

/** A WebSocket class for the AMQP libraries of Azure, with the same proxy rules. */
export function proxiedWebSocket(): typeof WebSocket {
  const dispatcher = createAgent();
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[] | WebSocketInit) {
      const given = typeof protocols === 'object' && !Array.isArray(protocols) ? protocols : { protocols };
      super(url, { dispatcher, ...given } as WebSocketInit);
    }
  };
}

/** Recognizes the error of undici for a proxy that refuses the tunnel. It has no error code of its own. */
export function proxyRefusal(message: string): string | undefined {
  const status = /Proxy response \((\d{3})\)/.exec(message)?.[1];
  return status === undefined ? undefined : `the proxy answered ${status}`;
}

/** TLS: this process does not trust the certificate of the server. */
export const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'CERT_REVOKED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);
