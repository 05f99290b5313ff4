import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
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
}

interface Batch {
  readonly partition?: string;
  readonly groups: readonly {
    readonly properties: readonly string[];
    readonly rows: readonly (readonly unknown[])[];
  }[];
}

/**
 * Stands where ThingWorx stands, for measuring the sidecar alone: takes every row at once (or after a delay) and keeps nothing. The
 * ThingWorx emulator runs the real scripts and would be what is measured.
 */
export class Sink {
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #properties: Readonly<Record<string, string>>;
  readonly #hubThings: readonly string[];
  delayMs = 0;
  measureLatency = false;
  /** Called when the sidecar asks a hub Thing to connect. */
  onConnect: (hubThing: string) => Promise<void> = async () => undefined;
  #calls = 0;
  #rows = 0;
  #values = 0;
  #bodyBytes = 0;
  #latenciesMs: number[] = [];
  #arrivalsMs = new Map<string, number>();

  constructor(options: { hubThings: readonly string[]; properties: Readonly<Record<string, string>> }) {
    this.#hubThings = options.hubThings;
    this.#properties = options.properties;
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/Thingworx`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  facts(): SinkFacts {
    return {
      calls: this.#calls,
      rows: this.#rows,
      values: this.#values,
      bodyBytes: this.#bodyBytes,
      latenciesMs: this.#latenciesMs,
      arrivalsMs: this.#arrivalsMs,
    };
  }

  reset(): void {
    this.#calls = 0;
    this.#rows = 0;
    this.#values = 0;
    this.#bodyBytes = 0;
    this.#latenciesMs = [];
    this.#arrivalsMs = new Map();
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
    const thing = { template: 'AzureIoT.Device_TT', properties };
    return { things: Object.fromEntries(names.names.map((name) => [name, thing])), missing: [] };
  }

  async #receive(body: Buffer): Promise<unknown> {
    const { batch } = JSON.parse(body.toString()) as { batch: Batch };
    const now = Date.now();
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    let accepted = 0;
    for (const { properties, rows } of batch.groups) {
      accepted += rows.length;
      this.#values += rows.length * properties.length;
      if (this.measureLatency) for (const row of rows) this.#latenciesMs.push(now - Number(row[1]));
    }
    if (accepted > 0 && batch.partition !== undefined) this.#arrivalsMs.set(batch.partition, Date.now());
    this.#calls += 1;
    this.#rows += accepted;
    this.#bodyBytes += body.byteLength;
    return { accepted, repeated: 0, refused: [] };
  }
}
