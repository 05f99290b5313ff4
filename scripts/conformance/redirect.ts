/**
 * Preloaded into the process of a conformance suite: connections to REDIRECT_HOST, on any port, go to REDIRECT_PORT of this machine. The
 * suites use the standard ports of IoT Hub, which only an administrator may open.
 */
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';

const { REDIRECT_HOST: host, REDIRECT_PORT: port } = process.env;

type Connect = (...args: unknown[]) => unknown;

/** Both take (options, ...), (port, options, ...) or (port, host, options, ...). */
function redirected(connect: Connect): Connect {
  return function (this: unknown, ...args: unknown[]) {
    const at = args.findIndex((argument) => typeof argument === 'object' && argument !== null);
    const options = args[at] as { host?: string; port?: unknown; servername?: string } | undefined;
    // The members of the options take precedence over the arguments before them.
    if (options?.host === host)
      args[at] = { ...options, host: '127.0.0.1', port: Number(port), servername: host };
    if (args[1] === host) args.splice(0, 2, Number(port), '127.0.0.1');
    return connect.apply(this, args);
  };
}

tls.connect = redirected(tls.connect as unknown as Connect) as unknown as typeof tls.connect;
net.connect = redirected(net.connect as unknown as Connect) as unknown as typeof net.connect;
syncBuiltinESMExports();
