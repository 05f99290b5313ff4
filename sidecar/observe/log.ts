import { format } from 'node:util';
import { AzureLogger } from '@azure/logger';
import { type Logger, pino } from 'pino';
import { SourcePositions } from './source-positions.ts';

export type Log = Logger;

/** Where a log line goes: standard output unless a test listens. */
export interface LogSink {
  write(line: string): void;
}

const REDACTED = '[redacted]';

/** Keys whose values never reach a log line, wherever they stand. */
const SECRET_KEYS =
  /("(?:authorization|appkey|app_key|password|sidecartoken|token|sas|sastoken|primarykey|secondarykey|[a-z]*connectionstring)"\s*:\s*)"(?:[^"\\]|\\.)*"/gi;

/** Secrets by shape: whatever text they stand in. */
const SECRET_SHAPES: ReadonlyArray<readonly [RegExp, string]> = [
  [/((?:SharedAccessKey|AccountKey)=)[A-Za-z0-9+/=_-]+/gi, `$1${REDACTED}`],
  [/(SharedAccessSignature(?:=|\s+))sr=[^\s"';]+/gi, `$1${REDACTED}`],
  [/([?&;]sig=)[^&\s"';]+/gi, `$1${REDACTED}`],
  // The login in an address, such as that of a proxy.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, `$1${REDACTED}@`],
  [/((?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]{8,}/g, `$1${REDACTED}`],
];

/** Takes secrets out of any text: what a key or a shape tells to be one. */
export function redact(text: string): string {
  let safe = text.replace(SECRET_KEYS, `$1"${REDACTED}"`);
  for (const [shape, replacement] of SECRET_SHAPES) safe = safe.replace(shape, replacement);
  return safe;
}

/**
 * The sidecar's log: JSON, one line per event that an operator can act on. Every finished line passes through `redact`, so that no
 * field, message or stack can carry a secret out, whoever logged it.
 */
export function createLog(level: string, sink: LogSink = process.stdout): Log {
  const sources = new SourcePositions(import.meta.url);
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => serializeError(error, sources) },
    },
    { write: (line: string) => sink.write(redact(line)) },
  );
}

/**
 * Sends what Azure's SDKs log (AZURE_LOG_LEVEL) to the log as well, at level debug, where secrets are taken out. By themselves they write
 * to standard error as it is, the login of a proxy and the query of a SAS link included.
 */
export function captureAzureLog(log: Log): void {
  AzureLogger.log = (...parts: unknown[]) => log.debug({ source: 'azure' }, format(...parts).trimEnd());
}

/**
 * Code, message and the chain of causes; never the request that Azure's SDKs hang on their errors. A stack only where it helps: an error
 * of the catalogue says itself what is wrong, anything else is a fault to be found.
 */
function serializeError(error: unknown, sources: SourcePositions): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  const known = error.name === 'ConnectorError' && code !== 'INTERNAL';
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(known || error.stack === undefined ? {} : { stack: sources.inSources(error.stack) }),
    ...(error.cause instanceof Error
      ? { cause: known ? { message: error.cause.message } : serializeError(error.cause, sources) }
      : {}),
  };
}

/**
 * Ends the process with code 1 and one line in the log when an error comes out that nobody caught: whoever runs the sidecar starts it
 * again, and it goes on from its checkpoints. Node's own report would show what Azure's errors carry, which is requests with their keys.
 */
export function endOnUnexpected(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'An unexpected error ends the sidecar.');
    process.exitCode = 1;
    process.stdout.write('', () => process.exit());
  });
}
