import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Extensions } from '../import/extensions.ts';
import type { LossList } from '../import/report.ts';
import type { Platform } from '../platform.ts';
import type { PlatformServer } from '../rest/server.ts';
import { setSwitches } from '../switches.ts';
import type { Faults } from './faults.ts';

export interface Controlled {
  server: PlatformServer;
  faults: Faults;
  losses: LossList;
  extensions: Extensions;
}

interface Answer {
  status: number;
  body: unknown;
}

/**
 * Endpoint for whoever runs the emulator, on a port of its own. JSON in and out:
 *
 * - `GET /switches`, `PUT /switches` {name: value}
 * - `GET /faults`, `POST /faults` {action, path, method, count, skip, ...}, `DELETE /faults`, `DELETE /faults/<id>`;
 *   action `refuse` {forMs} stops listening
 * - `POST /clock` {offsetMs}: shifts the clock that clients see, until 0 or `DELETE /faults`
 * - `GET /losses`, `DELETE /losses`: what imports lost in silence
 * - `GET /extensions`: installed and queued packages
 * - `POST /restart`: what a restart of the server does
 * - `GET /idle`: whether events or scripts are still in work
 */
export class ControlServer {
  private readonly platform: Platform;
  private readonly controlled: Controlled;
  private readonly options: { host: string; port: number };
  private server: Server | undefined;
  private port = 0;
  private refusing: NodeJS.Timeout | undefined;

  constructor(platform: Platform, controlled: Controlled, options: { host: string; port: number }) {
    this.platform = platform;
    this.controlled = controlled;
    this.options = options;
  }

  get url(): string {
    return `http://${this.options.host}:${this.port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.receive(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.options.port, this.options.host, resolve);
    });
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    clearTimeout(this.refusing);
    const server = this.server;
    this.server = undefined;
    if (server !== undefined) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    }
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) {
        chunks.push(chunk);
      }
      const text = Buffer.concat(chunks).toString('utf8');
      const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
      const path = new URL(request.url ?? '/', 'http://localhost').pathname.split('/').slice(1);
      // A page in a browser on this machine must not reach in here.
      answer =
        request.headers.origin === undefined
          ? await this.route(request.method ?? 'GET', path, body)
          : { status: 403, body: { error: 'Not from a browser' } };
    } catch (error) {
      answer = { status: 400, body: { error: error instanceof Error ? error.message : String(error) } };
    }
    const bytes = Buffer.from(JSON.stringify(answer.body ?? {}));
    response.writeHead(answer.status, { 'Content-Type': 'application/json', 'Content-Length': bytes.length });
    response.end(bytes);
  }

  private async route(method: string, path: string[], body: Record<string, unknown>): Promise<Answer> {
    const { platform, controlled } = this;
    const ok = (answer: unknown): Answer => ({ status: 200, body: answer });
    switch (`${method} ${path[0]}`) {
      case 'GET switches':
        return ok(platform.switches);
      case 'PUT switches':
        setSwitches(platform.switches, body);
        platform.changed();
        return ok(platform.switches);
      case 'GET faults':
        return ok({ faults: controlled.faults.list() });
      case 'POST faults':
        return body.action === 'refuse' ? ok(await this.refuse(body)) : ok(controlled.faults.add(body));
      case 'DELETE faults':
        return this.clearFaults(path[1]);
      case 'POST clock':
        controlled.faults.shiftClock(body.offsetMs);
        return ok({ nowMs: controlled.faults.nowMs() });
      case 'GET losses':
        return ok({ losses: controlled.losses.list() });
      case 'DELETE losses':
        controlled.losses.clear();
        return ok({});
      case 'GET extensions':
        return ok({
          installed: [...controlled.extensions.installed.values()].map(({ description, entities }) => ({
            name: description.name,
            version: description.version.text,
            entities: [...entities],
          })),
          queued: [...controlled.extensions.queued.values()].map(({ description }) => ({
            name: description.name,
            version: description.version.text,
          })),
        });
      case 'POST restart':
        this.restart();
        return ok({});
      case 'GET idle':
        return ok({ idle: platform.events.pending === 0, events: platform.events.pending });
      default:
        return { status: 404, body: { error: `${method} /${path.join('/')} does not exist` } };
    }
  }

  private async clearFaults(id: string | undefined): Promise<Answer> {
    if (id !== undefined && id !== '') {
      return this.controlled.faults.remove(Number(id))
        ? { status: 200, body: {} }
        : { status: 404, body: { error: `There is no fault ${id}` } };
    }
    this.controlled.faults.clear();
    clearTimeout(this.refusing);
    await this.controlled.server.start();
    return { status: 200, body: {} };
  }

  /** Stops listening, so that connections are refused, until the faults are cleared or `forMs` are over. */
  private async refuse(body: Record<string, unknown>): Promise<unknown> {
    clearTimeout(this.refusing);
    await this.controlled.server.stop();
    const forMs = Number(body.forMs ?? 0);
    if (forMs > 0) {
      this.refusing = setTimeout(() => void this.controlled.server.start(), forMs);
    }
    return { action: 'refuse', ...(forMs > 0 ? { forMs } : {}) };
  }

  /** Queued extensions are installed, values that are not persistent are gone, ThingStart fires. */
  private restart(): void {
    const { platform } = this;
    platform.lifecycle.stopAll();
    this.controlled.extensions.installQueued();
    platform.restoreTables();
    for (const thing of platform.store.all('Things')) {
      platform.properties.forget(thing, platform.inheritance.thing(thing), false);
    }
    platform.lifecycle.startAll();
  }
}
