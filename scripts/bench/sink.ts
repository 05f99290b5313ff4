import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What a sink has seen since it was last reset. */
export interface SinkFacts {
  readonly calls: number;
  readonly rows: number;
  readonly values: number;
  readonly bodyBytes: number;
  /** Arrival minus the time that the row carries, ms, of every row when `latencies` is on. */
  readonly latenciesMs: readonly number[];
  /** When the last rows of each partition arrived, ms since 1970. */
  readonly arrivalsMs: ReadonlyMap<string, number>;
  /** The bodies of the last calls, as many as `keptBodies` says. */
  readonly bodies: readonly string[];
  /** Calls of DescribeThings. */
  readonly describes: number;
}

interface Batch {
  readonly partition?: string;
  readonly fromTime: number;
  readonly signatures: readonly (readonly [properties: readonly string[]])[];
  readonly things: readonly {
    readonly rows: readonly (readonly [sequenceNumber: number, signature: number, time: number])[];
  }[];
}

/**
 * Stands where ThingWorx stands, for measuring the sidecar alone: takes every row at once (or after a delay) and keeps nothing. The
 * ThingWorx emulator runs the real scripts and would be what is measured.
 */
export class Sink {
  #server: Server | undefined;
  readonly #properties: Readonly<Record<string, string>>;
  readonly #hubThings: readonly string[];
  delayMs = 0;
  measureLatency = false;
  keptBodies = 0;
  /** Called when the sidecar asks a hub Thing to connect. */
  onConnect: (hubThing: string) => Promise<void> = async () => undefined;
  #calls = 0;
  #rows = 0;
  #values = 0;
  #bodyBytes = 0;
  #latenciesMs: number[] = [];
  #arrivalsMs = new Map<string, number>();
  #bodies: string[] = [];
  #describes = 0;

  constructor(options: { hubThings: readonly string[]; properties: Readonly<Record<string, string>> }) {
    this.#hubThings = options.hubThings;
    this.#properties = options.properties;
  }

  /** Gives the address. With a certificate and its key the sink speaks https. */
  async start(secure?: { readonly certificate: string; readonly key: string }): Promise<string> {
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      void this.#answer(request, response);
    const server = secure
      ? createSecureServer({ cert: secure.certificate, key: secure.key }, answer)
      : createServer(answer);
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return `${secure ? 'https' : 'http'}://127.0.0.1:${port}/Thingworx`;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  facts(): SinkFacts {
    return {
      calls: this.#calls,
      rows: this.#rows,
      values: this.#values,
      bodyBytes: this.#bodyBytes,
      latenciesMs: this.#latenciesMs,
      arrivalsMs: this.#arrivalsMs,
      bodies: this.#bodies,
      describes: this.#describes,
    };
  }

  reset(): void {
    this.#calls = 0;
    this.#rows = 0;
    this.#values = 0;
    this.#bodyBytes = 0;
    this.#latenciesMs = [];
    this.#arrivalsMs = new Map();
    this.#bodies = [];
    this.#describes = 0;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const [thing = '', , service = ''] = request.url?.split('/').slice(-3) ?? [];
    let answer: unknown;
    try {
      answer = await this.#invoke(decodeURIComponent(thing), service, body);
    } catch (error) {
      response.writeHead(500).end(String(error));
      return;
    }
    response
      .setHeader('content-type', 'application/json')
      .end(answer === undefined ? '' : JSON.stringify(answer));
  }

  async #invoke(thing: string, service: string, body: Buffer): Promise<unknown> {
    switch (service) {
      case 'GetImplementingThings':
        return { dataShape: { fieldDefinitions: {} }, rows: this.#hubThings.map((name) => ({ name })) };
      case 'Connect':
        await this.onConnect(thing);
        return {};
      case 'DescribeThings':
        return this.#describe(JSON.parse(body.toString()) as { names: { names: string[] } });
      case 'ReceiveUpdates':
        return await this.#receive(body);
      default:
        return undefined;
    }
  }

  #describe({ names }: { names: { names: string[] } }): unknown {
    const properties = Object.fromEntries(
      Object.entries(this.#properties).map(([name, baseType]) => [name, { baseType, dataShape: '' }]),
    );
    this.#describes += 1;
    const thing = { template: 'AzureIoT.Device_TT', properties: 0 };
    return {
      propertySets: [properties],
      things: Object.fromEntries(names.names.map((name) => [name, thing])),
      missing: [],
    };
  }

  async #receive(body: Buffer): Promise<unknown> {
    const text = body.toString();
    const { batch } = JSON.parse(text) as { batch: Batch & { readonly opens?: boolean } };
    if (batch.opens === true) return { accepted: 0, repeated: 0, refused: [] };
    if (this.keptBodies > 0) this.#bodies = [...this.#bodies.slice(1 - this.keptBodies), text];
    const now = Date.now();
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    let accepted = 0;
    for (const { rows } of batch.things) {
      accepted += rows.length;
      for (const [, signature, time] of rows) {
        this.#values += batch.signatures[signature]?.[0].length ?? 0;
        if (this.measureLatency) this.#latenciesMs.push(now - (batch.fromTime + time));
      }
    }
    if (accepted > 0 && batch.partition !== undefined) this.#arrivalsMs.set(batch.partition, Date.now());
    this.#calls += 1;
    this.#rows += accepted;
    this.#bodyBytes += body.byteLength;
    return { accepted, repeated: 0, refused: [] };
  }
}
