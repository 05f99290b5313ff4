import type { Request, Response } from 'express';
import { Router } from 'express';
import type { Metrics } from './metrics.ts';

export interface Readiness {
  readonly ready: boolean;
  /** One line per part that is not ready, in plain words. */
  readonly reasons: readonly string[];
  /** One line per problem that needs somebody although everything works, in plain words. */
  readonly warnings: readonly string[];
}

/**
 * /health/live answers as long as the process works; /health/ready answers 503 with the reasons until ThingWorx has answered and every
 * enabled hub receives, and warns of refused settings and a state directory that fails; /metrics is Prometheus text. Mounted before everything else, so every request is counted here. None of them needs the token: they hold no data and no names of devices.
 */
export function healthRoutes(readiness: () => Readiness, metrics: Metrics): Router {
  const router = Router();
  router.use((request, response, next) => {
    response.once('finish', () => {
      const route = (request.route as { path?: string } | undefined)?.path ?? 'none';
      metrics.httpRequests.inc({ route, status: String(response.statusCode) });
    });
    next();
  });
  router.get('/health/live', (_request: Request, response: Response) => {
    response.json({ status: 'live' });
  });
  router.get('/health/ready', (_request: Request, response: Response) => {
    const { ready, reasons, warnings } = readiness();
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'waiting', reasons, warnings });
  });
  router.get('/metrics', async (_request: Request, response: Response) => {
    response.type(metrics.registry.contentType).send(await metrics.text());
  });
  return router;
}
