import type { Request, Response } from 'express';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { CONSOLE_HEADER } from './access.ts';
import { CHALLENGE } from './auth.ts';
import { forbiddenKey, toProblem } from './problem.ts';

/** True if the caller is a script, which needs status 200 for every answer. */
function wantsEnvelope(request: Request): boolean {
  return request.get('x-sidecar-envelope') === '1';
}

export function sendResult(request: Request, response: Response, result: object): void {
  const key = forbiddenKey(result);
  if (key !== undefined) {
    throw new ConnectorError(
      'INTERNAL',
      `The answer has the top-level key ${key}, which ThingWorx would overwrite.`,
    );
  }
  response.status(200).json(wantsEnvelope(request) ? { ok: true, result } : result);
}

/** Sends the problem in the form that the caller needs. A missing or wrong token always gets a real status 401, because clients wait for it. */
export function sendError(
  request: Request,
  response: Response,
  error: ConnectorError,
  requestId: string,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const problem = toProblem(error, requestId);
  // For the console a browser must not ask for a password by itself.
  if (error.code === 'UNAUTHORIZED' && request.get(CONSOLE_HEADER) === undefined)
    response.set('WWW-Authenticate', CHALLENGE);
  if (error.retryAfterMs !== undefined)
    response.set('Retry-After', String(Math.ceil(error.retryAfterMs / 1000)));
  if (wantsEnvelope(request) && error.code !== 'UNAUTHORIZED') {
    response.status(200).json({ ok: false, problem });
  } else {
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }
}

/** How much of a body is read after its request was answered. */
const DISCARD_BYTES = 20_000_000;

/** Closes the connection of a request whose body, read by nobody, is too large or takes longer than `bodyMs`. */
export function limitRest(request: Request, bodyMs: number): void {
  if (request.complete || request.destroyed) return;
  let left = DISCARD_BYTES;
  const timer = setTimeout(() => request.destroy(), bodyMs);
  timer.unref();
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  for (const event of ['end', 'close', 'error']) request.once(event, () => clearTimeout(timer));
}

/**
 * Lets the rest of a refused body go by without keeping it: many clients read no answer before they have sent their whole body, so the
 * connection cannot just be cut. Whoever sends too much or too slowly is cut off.
 */
export function discardBody(request: Request, response: Response, bodyMs: number): void {
  if (request.complete || request.destroyed) return;
  limitRest(request, bodyMs);
  request.resume();
  if (Number(request.headers['content-length'] ?? 0) > DISCARD_BYTES) {
    response.set('Connection', 'close');
    // Time for the answer to be read: what still comes in would make the system drop it.
    response.once('finish', () => setTimeout(() => request.destroy(), 1_000).unref());
  }
}

/** Maps errors of Express and its body parser to ConnectorErrors. */
export function asConnectorError(thrown: unknown): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown;
  const { type, status } = thrown as { type?: unknown; status?: unknown };
  if (type === 'entity.too.large') {
    const { limit } = thrown as { limit?: number };
    return new ConnectorError('REQUEST_TOO_LARGE', `The body is larger than ${limit} bytes.`, {
      cause: thrown,
    });
  }
  if (type === 'entity.parse.failed') {
    return new ConnectorError('REQUEST_INVALID', 'The body is not JSON; expected one JSON object.', {
      cause: thrown,
    });
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new ConnectorError(
      'REQUEST_INVALID',
      'The request is malformed: its path, headers or encoding cannot be read.',
      {
        cause: thrown,
      },
    );
  }
  return toConnectorError(thrown);
}

/** Aborted when the caller closes the connection before the answer is complete. */
export function callerSignal(request: Request, response: Response): AbortSignal {
  const abort = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) abort.abort();
  });
  if (request.socket.destroyed) abort.abort();
  return abort.signal;
}
