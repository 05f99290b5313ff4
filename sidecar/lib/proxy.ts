import { EnvHttpProxyAgent, WebSocket, type WebSocketInit } from 'undici';

const LOOPBACK = 'localhost,127.0.0.1,::1';

/**
 * Connections that go through the proxy of the environment variables HTTPS_PROXY (HTTP_PROXY for addresses without TLS), but for the hosts
 * of NO_PROXY, and straight without them. The clients of Azure Storage and Microsoft Entra ID follow the same variables by themselves.
 */
export function createAgent(options: EnvHttpProxyAgent.Options = {}): EnvHttpProxyAgent {
  return new EnvHttpProxyAgent(options);
}

/** The same, and this machine is never reached through a proxy: what it would be shown is the application key. */
export function createLocalAgent(options: EnvHttpProxyAgent.Options = {}): EnvHttpProxyAgent {
  const { no_proxy, NO_PROXY } = process.env;
  const others = no_proxy ?? NO_PROXY;
  return createAgent({ ...options, noProxy: others ? `${others},${LOOPBACK}` : LOOPBACK });
}

/** A WebSocket class for Azure's AMQP libraries, whose sockets go the same way. */
export function proxiedWebSocket(): typeof WebSocket {
  const dispatcher = createAgent();
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[] | WebSocketInit) {
      const given = typeof protocols === 'object' && !Array.isArray(protocols) ? protocols : { protocols };
      super(url, { dispatcher, ...given } as WebSocketInit);
    }
  };
}

/** What undici's error says when a proxy opens no tunnel: for which it has neither a class nor a code of its own. */
export function proxyRefusal(message: string): string | undefined {
  const status = /Proxy response \((\d{3})\)/.exec(message)?.[1];
  return status === undefined ? undefined : `the proxy answered ${status}`;
}
