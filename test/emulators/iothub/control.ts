/**
 * The control endpoint: plain HTTP on a loopback port of its own, through which tests and people make the emulator
 * misbehave, look at it, and fill the event stream without devices. See README-wire.md for its requests.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { BulkJobs } from './bulk-jobs.ts';
import type { DelayPoint, FaultProtocol, Faults, RestFaultRule } from './faults.ts';
import type { EventStream, HubNotification } from './hub.ts';
import type { Quotas, ThrottlingOptions } from './quotas.ts';

/** What the endpoint acts on; the emulator gives it. */
export interface ControlTarget {
  faults: Faults;
  /** Appends past routing. */
  log: EventStream;
  quotas: Quotas;
  bulkJobs: BulkJobs;
  describe(): object;
  /** Returns how many connections were cut. */
  cut(protocol: FaultProtocol | undefined, deviceId: string | undefined): number;
  /** Returns how many links were detached. */
  detach(address: string, condition: string, description: string): number;
  expireTokens(): void;
  /** Returns false when the module is not connected. */
  sendInput(
    deviceId: string,
    moduleId: string,
    inputName: string,
    body: Buffer,
    properties: Record<string, string>,
  ): boolean;
}

/** An event as the control endpoint takes it. */
export interface PreloadEvent {
  deviceId: string;
  moduleId?: string;
  source?: HubNotification['source'];
  /** Text is taken as it is, anything else as JSON. */
  body?: unknown;
  bodyBase64?: string;
  contentType?: string;
  contentEncoding?: string;
  messageId?: string;
  correlationId?: string;
  creationTimeUtc?: string;
  properties?: Record<string, string>;
}

const MAX_BODY_BYTES = 256 << 20;
const PROTOCOLS: readonly FaultProtocol[] = ['amqp', 'mqtt', 'http'];
/** Appended without waiting for the disk, at most. */
const MAX_IN_FLIGHT = 2000;

class BadRequest extends Error {}

export class ControlServer {
  readonly #target: ControlTarget;
  readonly #server: Server;

  constructor(target: ControlTarget) {
    this.#target = target;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        const status = error instanceof BadRequest ? 400 : 500;
        send(response, status, { error: error instanceof Error ? error.message : String(error) });
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => resolve());
    });
  }

  stop(): Promise<void> {
    if (!this.#server.listening) return Promise.resolve();
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A page in a browser on this machine must not reach in here.
    if (request.headers.origin !== undefined) {
      send(response, 403, { error: 'Not from a browser' });
      return;
    }
    const path = new URL(request.url ?? '/', 'http://control').pathname;
    const key = `${request.method} ${path}`;
    if (key === 'POST /events') {
      send(response, 200, { appended: await this.#preload(request) });
      return;
    }
    const input = request.method === 'POST' ? ((await readJson(request)) as Record<string, unknown>) : {};
    const answer = this.#act(key, input);
    if (answer) send(response, 200, answer);
    else send(response, 404, { error: `There is no ${key}` });
  }

  #act(key: string, input: Record<string, unknown>): object | undefined {
    const { faults } = this.#target;
    switch (key) {
      case 'GET /':
        return this.#target.describe();
      case 'POST /refuse':
        for (const protocol of protocolsOf(input.protocol)) faults.refuse(protocol, input.refused !== false);
        return faults.describe();
      case 'POST /delay':
        faults.delay(text(input.point, 'point') as DelayPoint, number(input.milliseconds, 'milliseconds'));
        return faults.describe();
      case 'POST /pause':
        faults.pausePartition(number(input.partition, 'partition'), input.paused !== false);
        return faults.describe();
      case 'POST /clock':
        faults.shiftClock(number(input.offsetMs, 'offsetMs'));
        return faults.describe();
      case 'POST /rest-faults':
        faults.addRule(input as RestFaultRule);
        return faults.describe();
      case 'GET /throttle':
        return this.#target.quotas.describe();
      case 'POST /throttle':
        this.#target.quotas.throttle(input.on === false ? undefined : (input as ThrottlingOptions));
        return this.#target.quotas.describe();
      case 'POST /bulk-jobs':
        this.#target.bulkJobs.hold(input.held !== false);
        return {};
      case 'POST /cut':
        return { cut: this.#target.cut(optional(input.protocol) as FaultProtocol, optional(input.deviceId)) };
      case 'POST /detach': {
        const condition = optional(input.condition) ?? 'amqp:link:detach-forced';
        const description = optional(input.description) ?? 'The link was detached by the service';
        return { detached: this.#target.detach(text(input.address, 'address'), condition, description) };
      }
      case 'POST /expire-tokens':
        this.#target.expireTokens();
        return {};
      case 'POST /input': {
        const { deviceId, moduleId, inputName, body, properties } = input;
        const sent = this.#target.sendInput(
          text(deviceId, 'deviceId'),
          text(moduleId, 'moduleId'),
          text(inputName, 'inputName'),
          bytesOf(body),
          (properties ?? {}) as Record<string, string>,
        );
        return { sent };
      }
      case 'DELETE /faults':
        faults.clear();
        return faults.describe();
      default:
        return undefined;
    }
  }

  /**
   * The body is one event, an array of them, or, as application/x-ndjson, one per line. `?copies=n` stores each of
   * them n times.
   */
  async #preload(request: IncomingMessage): Promise<number> {
    const copies = Number(new URL(request.url ?? '/', 'http://control').searchParams.get('copies') ?? 1);
    const append = this.#appender();
    if ((request.headers['content-type'] ?? '').startsWith('application/x-ndjson')) {
      for await (const line of createInterface({ input: request })) {
        if (line.trim() !== '') await append(parse(line) as PreloadEvent, copies);
      }
    } else {
      const body = await readJson(request);
      for (const event of [body].flat() as PreloadEvent[]) await append(event, copies);
    }
    return append.finish();
  }

  #appender() {
    let pending: Promise<void>[] = [];
    let count = 0;
    const settle = async () => {
      const all = pending;
      pending = [];
      await Promise.all(all);
    };
    const append = async (event: PreloadEvent, copies: number) => {
      const hubEvent = toHubEvent(event);
      for (let copy = 0; copy < copies; copy += 1) {
        pending.push(this.#target.log.append(hubEvent));
        count += 1;
        if (pending.length >= MAX_IN_FLIGHT) await settle();
      }
    };
    const finish = async () => {
      await settle();
      return count;
    };
    return Object.assign(append, { finish });
  }
}

function toHubEvent(event: PreloadEvent): HubNotification {
  const { messageId, correlationId, contentType, contentEncoding, creationTimeUtc } = event;
  return {
    source: event.source ?? 'Telemetry',
    deviceId: text(event.deviceId, 'deviceId'),
    ...(event.moduleId === undefined ? {} : { moduleId: event.moduleId }),
    body: event.bodyBase64 === undefined ? bytesOf(event.body) : Buffer.from(event.bodyBase64, 'base64'),
    properties: {
      ...(messageId === undefined ? {} : { messageId }),
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(creationTimeUtc === undefined ? {} : { creationTimeUtc }),
      application: event.properties ?? {},
    },
    authMethod: '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
    authGenerationId: '637000000000000000',
  };
}

function bytesOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function protocolsOf(given: unknown): readonly FaultProtocol[] {
  if (given === undefined || given === 'all') return PROTOCOLS;
  const protocol = PROTOCOLS.find((known) => known === given);
  if (!protocol) throw new BadRequest(`protocol must be one of ${PROTOCOLS.join(', ')} or all`);
  return [protocol];
}

function text(given: unknown, name: string): string {
  if (typeof given !== 'string' || given === '') throw new BadRequest(`${name} must be a text`);
  return given;
}

function optional(given: unknown): string | undefined {
  return typeof given === 'string' && given !== '' ? given : undefined;
}

function number(given: unknown, name: string): number {
  if (typeof given !== 'number') throw new BadRequest(`${name} must be a number`);
  return given;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new BadRequest('The body is too large');
  }
  return bytes === 0 ? {} : parse(Buffer.concat(chunks).toString('utf8'));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new BadRequest('The body is not JSON');
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
