import { type Request, type RequestHandler, Router } from 'express';
import { grantAccess, sessionOf } from './access.ts';
import { readCredentials } from './auth.ts';
import type { ConsoleAsset } from './console-assets.ts';
import { consoleRoutes } from './console-routes.ts';
import { Sessions } from './sessions.ts';
import { StreamRoutes, type StreamSources } from './stream-routes.ts';

interface ConsoleOptions {
  /** The files of the bundled console; without any, /console says that they are missing. */
  readonly assets: ReadonlyMap<string, ConsoleAsset>;
  readonly sources: StreamSources;
  /** Allows reading alone, for browsers and for callers of the API. */
  readonly viewerToken?: string | undefined;
}

/** What people have beside the API: the console with its sessions, the viewer token and the live stream. */
export class Console {
  readonly #options: ConsoleOptions;
  readonly #sessions = new Sessions();
  #stream: StreamRoutes | undefined;

  constructor(options: ConsoleOptions) {
    this.#options = options;
  }

  /** Lets in sessions and the viewer token beside what `requireToken` lets in; `admit` counts their requests. */
  grantAccess(requireToken: RequestHandler, admit: (request: Request) => void): RequestHandler {
    const { viewerToken } = this.#options;
    return grantAccess({ sessions: this.#sessions, viewerToken, requireToken, admit });
  }

  /** @param authorise what `grantAccess` gave */
  routes(authorise: RequestHandler): Router {
    const { assets, sources } = this.#options;
    const sessions = this.#sessions;
    this.#stream = new StreamRoutes({
      sources,
      authorise,
      isStillAllowed: (request) =>
        readCredentials(request.headers.authorization) !== undefined ||
        sessionOf(request, sessions) !== undefined,
    });
    const router = Router();
    router.use(consoleRoutes({ assets, sessions, authorise }));
    router.use('/v1', this.#stream.router);
    return router;
  }

  /** Ends the open streams. Idempotent. */
  stop(): void {
    this.#stream?.stop();
  }
}
