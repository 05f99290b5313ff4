import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}

interface SpanMessage {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code: number; readonly message?: string };
}

interface TracesMessage {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly SpanMessage[] }[];
  }[];
}

export interface ReceivedSpan extends Omit<SpanMessage, 'attributes'> {
  readonly service: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Receives traces as an OpenTelemetry collector does: OTLP over HTTP, in JSON. */
export class OtlpReceiver {
  /** Answered to every request; 200 accepts. */
  status = 200;
  readonly spans: ReceivedSpan[] = [];
  /** The bodies of all requests. */
  received = '';
  refusals = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void text(request).then((body) => {
        this.received += body;
        if (this.status === 200 && request.method === 'POST' && request.url === '/v1/traces') {
          this.#take(JSON.parse(body) as TracesMessage);
          response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
        } else {
          this.refusals += 1;
          response.writeHead(this.status === 200 ? 404 : this.status).end();
        }
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The spans below a span. */
  below({ spanId, traceId }: ReceivedSpan): ReceivedSpan[] {
    return this.spans.filter((span) => span.parentSpanId === spanId && span.traceId === traceId);
  }

  #take({ resourceSpans }: TracesMessage): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        const service = values(resource.attributes)['service.name'];
        this.spans.push({ ...span, service, attributes: values(span.attributes) });
      }
    }
  }
}

function values(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
}
