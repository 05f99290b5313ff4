import type { Request, RequestHandler, Response } from 'express';
import type { Access } from '../contract/session.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { readCredentials, sameText } from './auth.ts';
import { cookieName, readCookie, type Session, type Sessions } from './sessions.ts';

/** The header that every request of the console carries. A page of another origin cannot set it without leave, which is never given. */
export const CONSOLE_HEADER = 'x-sidecar-console';

interface AccessOptions {
  readonly sessions: Sessions;
  readonly viewerToken?: string | undefined;
  /** Lets in who has the sidecar token, and refuses everybody else. */
  readonly requireToken: RequestHandler;
  /** Counts the request of a session or of the viewer token, as the check of the sidecar token does with its own. */
  readonly admit: (request: Request) => void;
}

/**
 * Lets in the session of a browser and the viewer token; everything else is left to the check of the sidecar token. Who only has the right
 * to read may call what `response.locals.viewer` says, or else what GET and HEAD ask for.
 */
export function grantAccess({ sessions, viewerToken, requireToken, admit }: AccessOptions): RequestHandler {
  return async (request, response, next) => {
    const access = accessOf(request, sessions, viewerToken);
    response.locals.access = access ?? 'full';
    if (access === undefined) {
      await requireToken(request, response, next);
      return;
    }
    admit(request);
    // A file from storage that a browser shows instead of saving must not run anything in the name of the console.
    response.set('Content-Security-Policy', "default-src 'none'; sandbox");
    if (access === 'viewer') checkReading(request, response);
    next();
  };
}

function accessOf(request: Request, sessions: Sessions, viewerToken: string | undefined): Access | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const credentials = readCredentials(authorization);
    if (!credentials || viewerToken === undefined) return undefined;
    const given = credentials.scheme === 'bearer' ? credentials.token : credentials.password;
    return sameText(given, viewerToken) ? 'viewer' : undefined;
  }
  const session = sessionOf(request, sessions);
  if (!session) return undefined;
  requireConsoleHeader(request);
  return session.access;
}

/** The session that the cookie of a request names. */
export function sessionOf(request: Request, sessions: Sessions): Session | undefined {
  const id = readCookie(request.headers.cookie, cookieName(request.socket.localPort));
  return id === undefined ? undefined : sessions.find(id);
}

/**
 * A browser sends the cookie with requests that another page on this machine makes, too; it sends the header only for the console.
 * GET needs none: nobody else can read its answer, and a link to a file cannot carry it.
 * @throws ConnectorError FORGERY_REFUSED
 */
export function requireConsoleHeader(request: Request): void {
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (reads || request.get(CONSOLE_HEADER) !== undefined) return;
  throw new ConnectorError(
    'FORGERY_REFUSED',
    'The request has a session cookie, but not the header X-Sidecar-Console.',
  );
}

/** @throws ConnectorError READ_ONLY */
function checkReading(request: Request, response: Response): void {
  const { viewer } = response.locals as { viewer?: boolean };
  const allowed = viewer ?? (request.method === 'GET' || request.method === 'HEAD');
  if (!allowed) throw new ConnectorError('READ_ONLY', 'The viewer token does not allow this request.');
}
