/**
 * Preloaded into a process: connections to the hosts that REDIRECTS names go to other ports of this machine. REDIRECTS is JSON: a host, or a host with
 * a port, to the port. Conformance suites use the standard ports of IoT Hub, which only an administrator may open; under chaos the sidecar talks
 * through proxies without knowing of them, because IoT Hub checks the address in a token.
 */
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';

const redirects = JSON.parse(process.env['REDIRECTS'] ?? '{}') as Record<string, number>;

type Connect = (...args: unknown[]) => unknown;

function portFor(host: unknown, port: unknown): number | undefined {
  return redirects[`${String(host)}:${String(port)}`] ?? redirects[String(host)];
}

/** Both take (options, ...), (port, options, ...) or (port, host, options, ...). */
function redirected(connect: Connect): Connect {
  return function (this: unknown, ...args: unknown[]) {
    const at = args.findIndex((argument) => typeof argument === 'object' && argument !== null);
    const options = args[at] as { host?: string; port?: unknown; servername?: string } | undefined;
    // The members of the options take precedence over the arguments before them.
    const port = options && portFor(options.host, options.port ?? args[0]);
    if (port !== undefined)
      args[at] = {
        ...options,
        host: '127.0.0.1',
        port,
        ...(net.isIP(options?.host ?? '') === 0 ? { servername: options?.host } : {}),
      };
    const other = portFor(args[1], args[0]);
    if (other !== undefined) args.splice(0, 2, other, '127.0.0.1');
    return connect.apply(this, args);
  };
}

tls.connect = redirected(tls.connect as unknown as Connect) as unknown as typeof tls.connect;
net.connect = redirected(net.connect as unknown as Connect) as unknown as typeof net.connect;
net.createConnection = net.connect;
syncBuiltinESMExports();
