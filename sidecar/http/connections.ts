import type { Socket } from 'node:net';

/** Set on a connection once a request with the right token has come over it. */
const trusted = new WeakSet<Socket>();

/** Notes that the right token has come over this connection. */
export function trust(socket: Socket): void {
  trusted.add(socket);
}

/**
 * Bounds the connections of callers that have not shown the token: the oldest of them is closed when one more comes, so whoever opens
 * many connections closes their own, and not those of ThingWorx.
 */
export class Connections {
  readonly #maxStrangers: number;
  readonly #strangers = new Set<Socket>();

  constructor(maxStrangers: number) {
    this.#maxStrangers = maxStrangers;
  }

  add(socket: Socket): void {
    this.#strangers.add(socket);
    socket.once('close', () => this.#strangers.delete(socket));
    if (this.#strangers.size <= this.#maxStrangers) return;
    for (const one of this.#strangers) {
      this.#strangers.delete(one);
      if (trusted.has(one)) continue;
      one.destroy();
      return;
    }
  }
}
