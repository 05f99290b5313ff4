/**
 * The state and REST side behind a plain HTTPS server, without the wire side: events are collected, sessions and
 * command queues are as small as their interfaces allow. Clients are Microsoft's own, dialled to a free port.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type * as Iothub from 'azure-iothub';
import { type Authority, openAuthority } from '../authority.ts';
import { HubAuthorizer } from '../iothub/authorizer.ts';
import { Faults } from '../iothub/faults.ts';
import type {
  CommandMessage,
  CommandQueues,
  DeviceSessions,
  EventStream,
  FileNotification,
  HubNotification,
  MethodRequest,
  MethodResponse,
} from '../iothub/hub.ts';
import { HubError } from '../iothub/hub-error.ts';
import { HubState, type HubStateOptions } from '../iothub/hub-state.ts';
import { identityKey } from '../iothub/identity.ts';
import { partitionOf } from '../iothub/partition-hash.ts';
import { openPolicies, type Policies } from '../iothub/policies.ts';
import { Telemetry } from '../iothub/telemetry.ts';

const require = createRequire(import.meta.url);
const iothub = require('azure-iothub') as typeof Iothub;

/** What a test made of the pieces that the wire side owns. */
export class Wire implements DeviceSessions, CommandQueues, EventStream {
  readonly events: HubNotification[] = [];
  readonly desired: { key: string; patch: unknown; version: number }[] = [];
  readonly cut: string[] = [];
  readonly files: FileNotification[] = [];
  readonly methods = new Map<string, (request: MethodRequest) => Promise<MethodResponse> | MethodResponse>();
  readonly #queues = new Map<
    string,
    { lockToken: string; message: CommandMessage; deliveryCount: number }[]
  >();
  #lastLock = 0;

  async append(event: HubNotification): Promise<void> {
    this.events.push(event);
  }

  isConnected(deviceId: string, moduleId?: string): boolean {
    return this.methods.has(identityKey(deviceId, moduleId));
  }
  async invokeMethod(
    deviceId: string,
    moduleId: string | undefined,
    request: MethodRequest,
  ): Promise<MethodResponse> {
    const device = this.methods.get(identityKey(deviceId, moduleId));
    if (!device) throw new HubError('DeviceNotOnline');
    return await device(request);
  }
  notifyDesired(deviceId: string, moduleId: string | undefined, patch: unknown, version: number): void {
    this.desired.push({ key: identityKey(deviceId, moduleId), patch, version });
  }
  disconnect(deviceId: string, moduleId?: string): void {
    this.cut.push(identityKey(deviceId, moduleId));
  }

  async enqueue(deviceId: string, message: CommandMessage): Promise<void> {
    const queue = this.#queues.get(deviceId) ?? [];
    this.#lastLock += 1;
    queue.push({ lockToken: `lock-${this.#lastLock}`, message, deliveryCount: 0 });
    this.#queues.set(deviceId, queue);
  }
  count(deviceId: string): number {
    return this.#queues.get(deviceId)?.length ?? 0;
  }
  purge(deviceId: string): number {
    const count = this.count(deviceId);
    this.#queues.delete(deviceId);
    return count;
  }
  receive(deviceId: string) {
    const first = this.#queues.get(deviceId)?.[0];
    if (first) first.deliveryCount += 1;
    return first;
  }
  settle(deviceId: string, lockToken: string, outcome: 'complete' | 'abandon' | 'reject'): boolean {
    const queue = this.#queues.get(deviceId) ?? [];
    const index = queue.findIndex((entry) => entry.lockToken === lockToken);
    if (index < 0) return false;
    if (outcome !== 'abandon') queue.splice(index, 1);
    return true;
  }

  fileUploaded(notification: FileNotification): void {
    this.files.push(notification);
  }
}

export interface Harness {
  port: number;
  agent: Agent;
  authority: Authority;
  policies: Policies;
  connectionString: string;
  state: HubState;
  faults: Faults;
  wire: Wire;
  registry: Iothub.Registry;
  jobClient: Iothub.JobClient;
  client: Iothub.Client;
  /** A request with the token of a policy, or with the given Authorization header. */
  call(method: string, path: string, options?: CallOptions): Promise<CallResult>;
  stop(): Promise<void>;
}

export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  authorization?: string;
  policy?: string;
  /** Sent instead of body. */
  raw?: Uint8Array;
  agent?: Agent;
}

export interface CallResult {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the hub answers is what the tests look into
  json: any;
}

/** Sends every request of an SDK to the harness, whatever host and port it wants. */
export class DialAgent extends Agent {
  readonly #port: number;
  readonly #ca: string;
  readonly #client: { cert: string; key: string } | undefined;

  constructor(port: number, ca: string, client?: { cert: string; key: string }) {
    super({ keepAlive: true });
    this.#port = port;
    this.#ca = ca;
    this.#client = client;
  }

  override createConnection(...[options, callback]: Parameters<Agent['createConnection']>) {
    const dial = { ...options, host: '127.0.0.1', port: this.#port, servername: 'localhost', ca: this.#ca };
    return super.createConnection({ ...dial, ...this.#client }, callback);
  }
}

export const apiVersion = 'api-version=2021-04-12';

/** What the hub has to say beside telemetry. */
export const sources = [
  'twinChangeEvents',
  'deviceLifecycleEvents',
  'deviceConnectionStateEvents',
  'deviceJobLifecycleEvents',
  'digitalTwinChangeEvents',
] as const;

/** @param options replace or add to what the harness gives its state */
export async function startHarness(options: Partial<HubStateOptions> = {}): Promise<Harness> {
  const scratch = await mkdtemp(join(tmpdir(), 'hub-state-'));
  const authority = await openAuthority(join(scratch, 'ca'));
  const policies = openPolicies(join(scratch, 'policies.json'));
  const wire = new Wire();
  const state = new HubState({
    hubName: 'localhost',
    log: wire,
    partitionOf: (deviceId) => partitionOf(deviceId, 4),
    sessions: () => wire,
    queues: () => wire,
    notifications: () => wire,
    // Every source reaches the stream, so that tests see the hub's own messages.
    routes: sources.map((source) => ({ name: source, source, endpointNames: ['events'] })),
    ...options,
  });
  const { identities } = state;
  await state.start();
  identities.on('deleted', ({ deviceId, moduleId }) => wire.disconnect(deviceId, moduleId));
  identities.on('disabled', ({ deviceId, moduleId }) => wire.disconnect(deviceId, moduleId));
  const faults = new Faults();
  const handler = state.restHandler({
    authorizer: new HubAuthorizer(policies, identities, new Set(['localhost'])),
    sessions: wire,
    queues: wire,
    telemetry: new Telemetry(state.routing, identities),
    faults,
    certificateOf: (request) => certificateOf(request.socket as TLSSocket),
  });
  const server = createServer(
    {
      cert: authority.certificate,
      key: authority.key,
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: false,
    },
    handler,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new DialAgent(port, authority.ca);
  const owner = policies.hub.get('iothubowner');
  const connectionString = `HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=${owner?.primaryKey}`;
  return {
    port,
    agent,
    authority,
    policies,
    connectionString,
    state,
    faults,
    wire,
    ...sdkClients(connectionString, agent),
    call: (method, path, options = {}) => call(agent, policies, method, path, options),
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await state.stop();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** The SDK's REST clients take no port, but an agent once they are made. */
export function sdkClients(connectionString: string, agent: Agent) {
  const registry = iothub.Registry.fromConnectionString(connectionString);
  const jobClient = iothub.JobClient.fromConnectionString(connectionString);
  const client = iothub.Client.fromConnectionString(connectionString);
  for (const owner of [registry, jobClient, client]) {
    const inner = owner as unknown as { _restApiClient: { setOptions(options: unknown): void } };
    inner._restApiClient.setOptions({ http: { agent } });
  }
  return { registry, jobClient, client };
}

export function serviceToken(
  policies: Policies,
  name: string,
  resource = 'localhost',
  ttlSeconds = 3600,
): string {
  const { SharedAccessSignature } = require('azure-iot-common') as typeof import('azure-iot-common');
  const key = policies.hub.get(name)?.primaryKey ?? '';
  return SharedAccessSignature.create(
    resource,
    name,
    key,
    Math.ceil(Date.now() / 1000) + ttlSeconds,
  ).toString();
}

export function deviceToken(deviceId: string, key: string, moduleId?: string): string {
  const { SharedAccessSignature } = require('azure-iot-common') as typeof import('azure-iot-common');
  const path = moduleId === undefined ? '' : `%2Fmodules%2F${encodeURIComponent(moduleId)}`;
  const resource = `localhost%2Fdevices%2F${encodeURIComponent(deviceId)}${path}`;
  const token = SharedAccessSignature.create(resource, '', key, Math.ceil(Date.now() / 1000) + 3600);
  return token
    .toString()
    .replace(/&skn=$/, '')
    .replace(/&skn=(?=&|$)/, '');
}

async function call(
  agent: Agent,
  policies: Policies,
  method: string,
  path: string,
  options: CallOptions,
): Promise<CallResult> {
  const { request } = await import('node:https');
  const body =
    options.raw ?? (options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body)));
  const address = path.includes('api-version')
    ? path
    : `${path}${path.includes('?') ? '&' : '?'}${apiVersion}`;
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: 'localhost',
        method,
        path: address,
        agent: options.agent ?? agent,
        headers: {
          ...(options.authorization === ''
            ? {}
            : {
                Authorization:
                  options.authorization ?? serviceToken(policies, options.policy ?? 'iothubowner'),
              }),
          ...(options.body === undefined ? {} : { 'Content-Type': 'application/json; charset=utf-8' }),
          ...options.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = String(response.headers['content-type']).includes('json') && text !== '';
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: isJson ? JSON.parse(text) : undefined,
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function certificateOf(socket: TLSSocket) {
  const certificate = socket.getPeerCertificate();
  if (!certificate?.fingerprint) return undefined;
  return {
    commonName: String(certificate.subject.CN),
    thumbprintSha1: certificate.fingerprint.replaceAll(':', ''),
    thumbprintSha256: certificate.fingerprint256.replaceAll(':', ''),
    chainTrusted: socket.authorized,
  };
}
