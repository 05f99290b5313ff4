import { TLSSocket } from 'node:tls';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Access, ConsoleSession } from '../contract/session.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { requireConsoleHeader, sessionOf } from './access.ts';
import type { ConsoleAsset } from './console-assets.ts';
import { cookieName, readCookie, type Session, type Sessions } from './sessions.ts';

interface ConsoleRouteOptions {
  readonly assets: ReadonlyMap<string, ConsoleAsset>;
  readonly sessions: Sessions;
  /** Lets in who has a token or a session, and sets `response.locals.access`. */
  readonly authorise: RequestHandler;
}

/** Scripts, styles and images from the sidecar alone, none of them inline; no frames, no forms that leave, no other hosts. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SECURITY_HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
};

/** /console: the page, its parts, and the login that gives a browser a session for the API. */
export function consoleRoutes({ assets, sessions, authorise }: ConsoleRouteOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.use('/console', (request, response, next) => {
    response.locals.route = '/console';
    requireSafeConnection(request);
    response.set(SECURITY_HEADERS);
    next();
  });
  router.get('/console', (_request, response) => response.redirect(308, '/console/'));
  router.get('/console/session', (request, response) => {
    const session = sessionOf(request, sessions);
    response.json(session ? { session: describe(session) } : {});
  });
  router.post('/console/session', asLogin, authorise, (request, response) => {
    requireConsoleHeader(request);
    const { id, session } = sessions.open(response.locals.access as Access);
    setCookie(request, response, id, session.expiresAtMs);
    response.json({ session: describe(session) });
  });
  router.delete('/console/session', (request, response) => {
    requireConsoleHeader(request);
    const id = readCookie(request.headers.cookie, cookieName(request.socket.localPort));
    if (id !== undefined) sessions.close(id);
    setCookie(request, response, '', 0);
    response.json({});
  });
  router.get('/console/', (_request, response) => sendAsset(assets, 'index.html', response));
  router.get('/console/:name', (request, response) => sendAsset(assets, request.params.name, response));
  return router;
}

/** A viewer may log in, and a session opens no other one: a login needs a token. */
const asLogin: RequestHandler = (request, response, next) => {
  response.locals.viewer = true;
  if (request.headers.authorization === undefined) {
    throw new ConnectorError('UNAUTHORIZED', 'The request carries no token.');
  }
  next();
};

function sendAsset(
  assets: ReadonlyMap<string, ConsoleAsset>,
  name: string | undefined,
  response: Response,
): void {
  if (assets.size === 0) {
    throw new ConnectorError(
      'ROUTE_NOT_FOUND',
      'This sidecar has no console: the folder console of the extension package does not lie beside sidecar.mjs.',
    );
  }
  const asset = assets.get(name ?? '');
  if (!asset) throw new ConnectorError('ROUTE_NOT_FOUND', 'The console has no such file.');
  if (asset.immutable) response.set('Cache-Control', 'private, max-age=31536000, immutable');
  response.set('Content-Type', asset.type).send(asset.content);
}

function describe({ access, expiresAtMs }: Session): ConsoleSession {
  return { access, expiresAt: new Date(expiresAtMs).toISOString() };
}

/** Path=/ because the API lies beside the console. */
function setCookie(request: Request, response: Response, id: string, expiresAtMs: number): void {
  response.cookie(cookieName(request.socket.localPort), id, {
    httpOnly: true,
    sameSite: 'strict',
    secure: request.socket instanceof TLSSocket,
    path: '/',
    expires: new Date(expiresAtMs),
  });
}

/**
 * The token and the session cookie must not leave the machine in clear.
 * @throws ConnectorError TLS_REQUIRED
 */
function requireSafeConnection({ socket }: Request): void {
  if (socket instanceof TLSSocket) return;
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  if (address === '::1' || address.startsWith('127.')) return;
  throw new ConnectorError('TLS_REQUIRED', 'The console is asked for from another machine without TLS.');
}
