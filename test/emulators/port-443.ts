import { type Agent, globalAgent } from 'node:https';

/**
 * Sends what this process asks of port 443 to another port, until the returned function is called: the device SDK's upload of files knows
 * no port.
 */
export function redirectPort443(port: number): () => void {
  const original = globalAgent.createConnection;
  globalAgent.createConnection = function dial(this: Agent, options, callback) {
    return original.call(
      this,
      { ...options, port: Number(options.port) === 443 ? port : options.port },
      callback,
    );
  } as typeof original;
  return () => {
    globalAgent.createConnection = original;
  };
}
