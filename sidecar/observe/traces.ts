import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Instrumenter,
  type TracingContext,
  type TracingSpan,
  useInstrumenter,
} from '@azure/core-tracing';
import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { toConnectorError } from '../errors/connector-error.ts';
import { VERSION } from '../version.ts';
import type { Log } from './log.ts';
import { TRACED_WORK, type TracedWork } from './spans.ts';

interface TracesOptions {
  /** The base address of an OTLP receiver. */
  readonly url: string;
  readonly log: Log;
}

const SERVICE = 'azure-iot-sidecar';
/** Also bounds the end of the sidecar while the receiver does not answer. */
const EXPORT_TIMEOUT_MS = 5_000;
const KINDS = {
  operation: SpanKind.SERVER,
  batch: SpanKind.CONSUMER,
  call: SpanKind.CLIENT,
} as const satisfies Record<TracedWork['kind'], SpanKind>;

/**
 * Makes OpenTelemetry spans of traced work and sends them over OTLP. This module is loaded only when traces are switched on.
 *
 * A hub that an operation connects works on after the operation has ended. So calls are recorded only while their operation or batch runs,
 * and a batch always begins a trace.
 */
export class Traces {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #current = new AsyncLocalStorage<Span | undefined>();
  readonly #spans = new WeakMap<TracedWork, Span>();

  constructor({ url, log }: TracesOptions) {
    const exporter = new OTLPTraceExporter({
      url: `${url.replace(/\/+$/, '')}/v1/traces`,
      timeoutMillis: EXPORT_TIMEOUT_MS,
    });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({ 'service.name': SERVICE, 'service.version': VERSION }),
      spanProcessors: [new BatchSpanProcessor({ exporter: reported(exporter, url, log) })],
    });
    this.#tracer = this.#provider.getTracer(SERVICE, VERSION);
  }

  start(): void {
    TRACED_WORK.start.bindStore(this.#current, (work) => this.#open(work));
    TRACED_WORK.asyncEnd.subscribe(this.#close);
    useInstrumenter(this.#storageCalls());
  }

  /** Sends what is left, or drops it when the receiver does not take it. Idempotent. */
  async stop(): Promise<void> {
    TRACED_WORK.start.unbindStore(this.#current);
    TRACED_WORK.asyncEnd.unsubscribe(this.#close);
    // It rejects with the failure of the last export, which is in the log already.
    await this.#provider.shutdown().catch(() => undefined);
  }

  /** Gives what is current while the work runs: its span, or the span around it when it has none. */
  #open(work: TracedWork): Span | undefined {
    const parent = work.kind === 'batch' ? undefined : this.#running();
    if (work.kind === 'call' && !parent) return undefined;
    const span = this.#begin(work.name, work.kind, parent);
    for (const [name, value] of Object.entries(work.attributes))
      if (value !== undefined) span.setAttribute(name, value);
    this.#spans.set(work, span);
    return span;
  }

  readonly #close = (message: unknown): void => {
    const work = message as TracedWork & { error?: unknown };
    const span = this.#spans.get(work);
    if (!span) return;
    if (work.error !== undefined) fail(span, toConnectorError(work.error).code);
    span.end();
  };

  /** The span around the code that runs, unless its work has ended. */
  #running(): Span | undefined {
    const span = this.#current.getStore();
    return span?.isRecording() ? span : undefined;
  }

  #begin(name: string, kind: TracedWork['kind'], parent: Span | undefined): Span {
    const context = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
    return this.#tracer.startSpan(name, { kind: KINDS[kind] }, context);
  }

  /** The SDK announces each call of the Storage client here, and each HTTP request of the call, which would say the same again. */
  #storageCalls(): Instrumenter {
    return {
      startSpan: (name, { packageName }) => {
        const parent = packageName === '@azure/storage-blob' ? this.#running() : undefined;
        const span = parent ? this.#begin(`Storage ${name}`, 'call', parent) : undefined;
        return { span: sdkSpan(span), tracingContext: NO_CONTEXT };
      },
      withContext: (_context, callback, ...args) => callback(...args),
      parseTraceparentHeader: () => undefined,
      createRequestHeaders: () => ({}),
    };
  }
}

/** The SDK passes contexts on; here the current span comes from the asynchronous context instead. */
const NO_CONTEXT: TracingContext = {
  setValue: () => NO_CONTEXT,
  getValue: () => undefined,
  deleteValue: () => NO_CONTEXT,
};

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** What the SDK tells about its call is left out but for its failure: attributes and messages may hold addresses with signatures. */
function sdkSpan(span: Span | undefined): TracingSpan {
  return {
    setStatus: (status) => {
      if (!span || status.status !== 'error') return;
      const { error } = status;
      fail(span, (error instanceof Error && 'code' in error && String(error.code)) || 'AZURE_FAILED');
    },
    setAttribute: () => undefined,
    recordException: () => undefined,
    isRecording: () => span?.isRecording() ?? false,
    end: () => span?.end(),
  };
}

/** Logs once when spans cannot be sent, and once when they can again. */
function reported(exporter: SpanExporter, url: string, log: Log): SpanExporter {
  let isFailing = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined;
        if (failed && !isFailing)
          log.warn(
            { reason: result.error?.message, receiver: url },
            'Traces cannot be sent and are dropped until the receiver accepts them.',
          );
        if (!failed && isFailing) log.info({ receiver: url }, 'Traces are sent again.');
        isFailing = failed;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}
