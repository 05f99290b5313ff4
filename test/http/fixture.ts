import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { devNull } from 'node:os';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import Type from 'typebox';
import type { NonSecretHubSettings, SecretName } from '../../sidecar/contract/hub-settings.ts';
import type { HubStatus } from '../../sidecar/contract/status.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { StorageAccounts } from '../../sidecar/files/accounts.ts';
import { type AppOptions, createApp } from '../../sidecar/http/app.ts';
import { HttpServer } from '../../sidecar/http/server.ts';
import type { Hub } from '../../sidecar/hub/connection.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import type { OperationContext } from '../../sidecar/operations/context.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { defineOperation, type Operation } from '../../sidecar/operations/operation.ts';
import { OneTimeSecretTokens } from '../../sidecar/secrets/one-time-secret-tokens.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { VERSION } from '../../sidecar/version.ts';

export const ENVELOPE = { 'x-sidecar-envelope': '1' };
export const TOKEN = 'a-token-of-thirty-two-characters';

type Hubs = OperationContext['hubs'];

/** Hubs that remember what they were asked. */
export class MemoryHubs implements Hubs {
  readonly #secretTokens: OneTimeSecretTokens;
  readonly connected = new Map<
    string,
    { settings: NonSecretHubSettings; secrets: Partial<Record<SecretName, string>> }
  >();

  constructor(secretTokens = new OneTimeSecretTokens()) {
    this.#secretTokens = secretTokens;
  }

  async connect(thing: string, offered: Parameters<Hubs['connect']>[1], secretNames: readonly SecretName[]) {
    for (const error of offered.refused.values()) throw error;
    const settings = offered.settings as NonSecretHubSettings;
    this.connected.set(thing, { settings, secrets: {} });
    const tickets = this.#secretTokens.issue(thing, secretNames, async ({ secrets }) => {
      this.connected.set(thing, { settings, secrets });
    });
    return { status: statusOf(thing), tickets };
  }

  async disconnect(thing: string): Promise<void> {
    this.connected.delete(thing);
  }

  status(thing: string): HubStatus {
    this.require(thing);
    return statusOf(thing);
  }

  statuses(): HubStatus[] {
    return [...this.connected.keys()].map(statusOf);
  }

  require(thing: string): Hub {
    const hub = this.connected.get(thing);
    if (!hub) throw new ConnectorError('HUB_NOT_CONNECTED', `The hub Thing ${thing} is not connected.`);
    const known: Partial<Hub> = {
      thing,
      settings: hub.settings,
      azure: async () => {
        throw new ConnectorError('SETTING_MISSING', 'This hub has no Azure side.');
      },
    };
    return known as Hub;
  }
}

export function statusOf(thing: string): HubStatus {
  return {
    thing,
    state: 'running',
    counters: {
      received: 5,
      delivered: 4,
      ignored: 0,
      deadLettered: 0,
      released: 0,
      inFlight: 1,
      repeated: 2,
    },
    ratePerSecond: 1.5,
    lag: 7,
    partitions: [
      {
        partition: '0',
        owner: 'sidecar-1',
        offset: '4096',
        sequenceNumber: 41,
        lag: 7,
        inFlight: 1,
        lastEnqueuedTime: '2026-01-31T12:00:00.123Z',
      },
    ],
    ignoredByReason: {},
    deadLetteredByReason: {},
    lastDeadLetters: {},
    since: '2026-01-31T11:00:00.000Z',
    version: VERSION,
    sidecar: 'sidecar-1',
    cpuPercent: 3.5,
    memoryBytes: 150_000_000,
  };
}

/** Storage accounts of a sidecar that keeps nothing. */
export function storageAccounts(secretTokens: OneTimeSecretTokens): StorageAccounts {
  return new StorageAccounts({
    secretTokens,
    stateDirectory: devNull,
    log: createLog('silent', { write: () => undefined }),
  });
}

export const NO_CLOCKS: OperationContext['clocks'] = {
  check: async () => undefined,
  problem: undefined,
  offsets: new Map(),
};

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export interface Call {
  readonly headers?: Record<string, string>;
  /** An object is sent as JSON, a text as it is. */
  readonly body?: unknown;
  /** Without the token. */
  readonly anonymous?: true;
}

export interface TestApp {
  readonly hubs: MemoryHubs;
  readonly server: HttpServer;
  readonly port: number;
  readonly lines: string[];
  call(method: string, path: string, call?: Call): Promise<Answer>;
}

/** The app on a free port of the loopback address, stopped after the test. */
export async function startApp(
  t: TestContext,
  options: Partial<AppOptions> = {},
  { headersMs }: { readonly headersMs?: number } = {},
): Promise<TestApp> {
  const secretTokens = new OneTimeSecretTokens();
  const hubs = new MemoryHubs(secretTokens);
  const lines: string[] = [];
  const context: Omit<OperationContext, 'signal' | 'invalid'> = {
    hubs,
    history: { samples: [] },
    storages: storageAccounts(secretTokens),
    secretTokens,
    thingworx: new ThingworxClient({ url: 'http://127.0.0.1:1/Thingworx', appKey: 'none' }),
    clocks: NO_CLOCKS,
    sidecar: { version: VERSION, startedAt: new Date() },
  };
  const app = createApp({
    operations: OPERATIONS,
    context,
    token: TOKEN,
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    checkOutput: true,
    ...options,
  });
  const server = new HttpServer(app, {
    host: '127.0.0.1',
    port: 0,
    drainMs: 500,
    ...(headersMs && { headersMs }),
  });
  const port = await server.start();
  t.after(() => server.stop());
  return { hubs, server, port, lines, call: (method, path, call) => send(port, method, path, call) };
}

function send(port: number, method: string, path: string, call: Call = {}): Promise<Answer> {
  const body =
    call.body === undefined || typeof call.body === 'string' ? call.body : JSON.stringify(call.body);
  const headers: Record<string, string> = {
    ...(call.anonymous ? {} : { authorization: `Bearer ${TOKEN}` }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(String(body))) }),
    ...call.headers,
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = String(response.headers['content-type']).includes('json');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body as string | undefined);
  });
}

/** Writes text to the port as it is and reads until the other side closes the connection. */
export function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

/** Repeats an assertion until it holds, for at most 10 seconds. */
export async function eventually(assertion: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await assertion();
    } catch (thrown) {
      if (attempt === 100) throw thrown;
      await setTimeout(100);
    }
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** An operation POST /v1/probe without input and output, except for what `part` says. */
export function probe(part: Partial<Operation>): Operation {
  return defineOperation({
    name: 'Probe',
    category: 'Test',
    summary: 'For a test.',
    method: 'POST',
    path: '/probe',
    input: Type.Object({}),
    output: Type.Object({}),
    errors: [],
    run: async () => ({}),
    ...part,
  } as Operation);
}
