import { tracingChannel } from 'node:diagnostics_channel';
import type { Span } from '@opentelemetry/api';

/** Work that a trace shows as one span. It names things and counts; it never holds a secret, a value or a body. */
export interface TracedWork {
  /** A `call` to ThingWorx or Azure belongs to the operation or batch that makes it. */
  readonly kind: 'operation' | 'batch' | 'call';
  /** One of few: ids stand in the attributes. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
}

/** Where all traced work is announced. Nobody subscribes unless traces are switched on. */
export const TRACED_WORK = tracingChannel<Span | undefined, TracedWork>('azure-iot-sidecar.work');

/** Runs the work. `describe` is called only when traces are switched on. */
export function inSpan<T>(describe: () => TracedWork, work: () => Promise<T>): Promise<T> {
  return TRACED_WORK.hasSubscribers ? TRACED_WORK.tracePromise(work, describe()) : work();
}
