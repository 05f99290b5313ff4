import { json, type RequestHandler, Router } from 'express';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Introduction } from '../hub/introduction.ts';
import type { RateLimit } from './rate-limit.ts';
import { sendResult } from './reply.ts';

const MAX_NAME_CHARACTERS = 300;
const BODY_BYTES = 2_000;

/**
 * `POST /v1/introductions {thing}`: a Thing that does not know this address yet asks the sidecar to introduce itself. It has nothing to
 * identify itself with: the token goes to introduced addresses alone. So anybody may ask; the answer is always the same, and what it leads
 * to is that the sidecar tells a Thing of its own templates its own addresses.
 */
export function introductionRoute(introduction: Introduction, limit: RateLimit): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const perform: RequestHandler = async (request, response) => {
    const { thing } = (request.body ?? {}) as { thing?: unknown };
    if (typeof thing !== 'string' || thing === '' || thing.length > MAX_NAME_CHARACTERS) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        `thing is missing or is not a name; expected a text of 1 to ${MAX_NAME_CHARACTERS} characters.`,
      );
    }
    await introduction.introduceOnRequest(thing);
    sendResult(request, response, {});
  };
  router.post(
    '/introductions',
    (_request, response, next) => {
      response.locals.route = '/v1/introductions';
      limit.take('');
      next();
    },
    json({ limit: BODY_BYTES, inflate: false }),
    perform,
  );
  return router;
}
