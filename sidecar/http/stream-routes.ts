import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { HubStatus } from '../contract/status.ts';
import { MESSAGE_OUTCOMES, STREAM_TOPICS, type StatusEvent, type StreamTopic } from '../contract/stream.ts';
import { ERRORS } from '../errors/catalogue.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { HISTORY_INTERVAL_MS, type History } from '../hub/history.ts';
import type { MessageWatch, WatchFilter } from '../ingest/message-watch.ts';
import type { LogRing } from '../observe/log-ring.ts';
import type { SidecarFacts } from '../operations/context.ts';

/** Where the events of the live stream come from. */
export interface StreamSources {
  readonly log: LogRing;
  readonly messages: MessageWatch;
  readonly history: History;
  readonly hubs: () => readonly HubStatus[];
  /** Why the sidecar is not ready; empty when it is. */
  readonly notReady: () => readonly string[];
  readonly sidecar: SidecarFacts;
}

interface StreamRouteOptions {
  readonly sources: StreamSources;
  readonly authorise: RequestHandler;
  /** Whether the caller of a request that was let in is still let in: a session ends while its stream is open. */
  readonly isStillAllowed: (request: Request) => boolean;
}

const STATUS_MS = 2_000;
const MAX_STREAMS = 50;
/** What may wait for a slow client, in bytes; beyond it messages and log lines are left out. */
const MAX_WAITING_BYTES = 2_000_000;
const PARAMETERS = ['topics', 'hub', 'deviceId', 'outcome'] as const;

interface StreamQuery {
  readonly topics: ReadonlySet<StreamTopic>;
  readonly filter: WatchFilter;
}

/** GET /v1/stream: server-sent events of status, log and messages, for as long as the client stays. Read-only. */
export class StreamRoutes {
  readonly router = Router({ caseSensitive: true, strict: true });
  readonly #options: StreamRouteOptions;
  readonly #open = new Set<() => void>();

  constructor(options: StreamRouteOptions) {
    this.#options = options;
    this.router.get('/stream', nameRoute, options.authorise, (request, response) =>
      this.#serve(request, response),
    );
  }

  /** Ends all streams, so that the server can stop. Idempotent. */
  stop(): void {
    for (const end of [...this.#open]) end();
  }

  #serve(request: Request, response: Response): void {
    const { topics, filter } = readQuery(request.query);
    if (this.#open.size >= MAX_STREAMS) {
      throw new ConnectorError('RATE_LIMITED', `${MAX_STREAMS} streams are open, which is the most.`, {
        retryAfterMs: 10_000,
      });
    }
    const { sources, isStillAllowed } = this.#options;
    response
      .status(200)
      .set({ 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    response.flushHeaders();
    const stream = new EventStream(response);
    const closers: (() => void)[] = [];
    if (topics.has('status')) {
      stream.send('history', { intervalMs: HISTORY_INTERVAL_MS, samples: sources.history.samples });
      stream.send('status', statusEvent(sources));
    }
    if (topics.has('log')) {
      closers.push(
        sources.log.follow(({ id, text }) => stream.offer('log', 'log', `{"id":${id},"line":${text}}`)),
      );
    }
    if (topics.has('messages')) {
      const watcher = {
        filter,
        onMessage: (message: object) => stream.offer('messages', 'message', JSON.stringify(message)),
        onSkipped: (count: number) => stream.skip('messages', count),
      };
      closers.push(sources.messages.follow(watcher));
    }
    const timer = setInterval(() => {
      if (!isStillAllowed(request)) {
        end();
        return;
      }
      if (topics.has('status') && stream.hasRoom) stream.send('status', statusEvent(sources));
      stream.tellSkipped();
    }, STATUS_MS);
    const end = () => {
      clearInterval(timer);
      for (const close of closers.splice(0)) close();
      this.#open.delete(end);
      response.end();
    };
    this.#open.add(end);
    response.once('close', end);
  }
}

/** Events on their way to one client; what it is too slow for is counted instead. */
class EventStream {
  readonly #response: Response;
  readonly #skipped = new Map<StreamTopic, number>();

  constructor(response: Response) {
    this.#response = response;
  }

  get hasRoom(): boolean {
    return this.#response.writableLength < MAX_WAITING_BYTES;
  }

  send(name: string, data: object): void {
    this.#write(name, JSON.stringify(data));
  }

  /** Sends JSON text if the client keeps up. */
  offer(topic: StreamTopic, name: string, json: string): void {
    if (this.hasRoom) this.#write(name, json);
    else this.skip(topic, 1);
  }

  skip(topic: StreamTopic, count: number): void {
    this.#skipped.set(topic, (this.#skipped.get(topic) ?? 0) + count);
  }

  /** Says what was left out since the last time; a comment otherwise, which keeps the connection open. */
  tellSkipped(): void {
    if (!this.hasRoom) return;
    for (const [topic, count] of this.#skipped) this.send('skipped', { topic, count });
    if (this.#skipped.size === 0) this.#response.write(': here\n\n');
    this.#skipped.clear();
  }

  #write(name: string, json: string): void {
    this.#response.write(`event: ${name}\ndata: ${json}\n\n`);
  }
}

const nameRoute: RequestHandler = (_request, response, next) => {
  response.locals.route = '/v1/stream';
  next();
};

function statusEvent({ hubs, history, notReady, sidecar }: StreamSources): StatusEvent {
  const statuses = hubs();
  const codes = statuses.flatMap(({ lastError, stall }) => [lastError?.code, stall?.code]);
  const remedies = codes.flatMap((code) => {
    const known = code === undefined ? undefined : (ERRORS as Record<string, { remedy: string }>)[code];
    return known ? [[code, known.remedy] as const] : [];
  });
  return {
    version: sidecar.version,
    nodeVersion: process.version,
    startedAt: sidecar.startedAt.toISOString(),
    notReady: notReady(),
    now: history.now(),
    hubs: statuses,
    remedies: Object.fromEntries(remedies),
  };
}

/** @throws ConnectorError REQUEST_INVALID */
function readQuery(query: Readonly<Record<string, unknown>>): StreamQuery {
  const errors: { field: string; problem: string; expected: string }[] = [];
  const text = (name: (typeof PARAMETERS)[number]): string | undefined => {
    const value = query[name];
    if (value === undefined || value === '') return undefined;
    if (typeof value === 'string' && value.length <= 256) return value;
    errors.push({ field: name, problem: 'is not one short text', expected: 'at most 256 characters' });
    return undefined;
  };
  for (const name of Object.keys(query)) {
    if (!(PARAMETERS as readonly string[]).includes(name)) {
      errors.push({
        field: name.slice(0, 100),
        problem: 'is not known',
        expected: `one of ${PARAMETERS.join(', ')}`,
      });
    }
  }
  const named = (text('topics') ?? '').split(',').filter((topic) => topic !== '');
  const topics = STREAM_TOPICS.filter((topic) => named.includes(topic));
  if (topics.length === 0 || topics.length < new Set(named).size) {
    errors.push({
      field: 'topics',
      problem: named.length === 0 ? 'is missing' : 'names what is no topic',
      expected: `one or more of ${STREAM_TOPICS.join(', ')}, with commas between`,
    });
  }
  const given = text('outcome');
  const outcome = MESSAGE_OUTCOMES.find((word) => word === given);
  if (given !== undefined && outcome === undefined) {
    errors.push({
      field: 'outcome',
      problem: 'is not known',
      expected: `one of ${MESSAGE_OUTCOMES.join(', ')}`,
    });
  }
  const filter = { hub: text('hub'), deviceId: text('deviceId'), outcome };
  if (errors.length > 0) {
    const words = errors.map(({ field, problem, expected }) => `${field} ${problem}; expected ${expected}.`);
    throw new ConnectorError('REQUEST_INVALID', words.join(' '), { details: { errors } });
  }
  return { topics: new Set(topics), filter };
}
