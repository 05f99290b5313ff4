import { DeviceMethod } from 'azure-iothub/dist/device_method.js';
import type { DeviceMethodParams } from 'azure-iothub/dist/interfaces.js';
import { JobClient } from 'azure-iothub/dist/job_client.js';
import { Registry } from 'azure-iothub/dist/registry.js';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { HubAnswer, HubRequest, RestClient } from './rest-client.ts';

/** What the package does not know about a call: deadline, signal, ETag, rate class, and the words of its errors. */
export type PackageCall = Omit<HubRequest, 'method' | 'path' | 'body' | 'headers'>;

type Headers = Readonly<Record<string, string | number>>;
type Done = (error: unknown, body?: unknown, response?: unknown) => void;

/** The package requires a host and credentials, and gives them to its own REST client only, which is replaced here. */
const CONFIG = {
  host: 'replaced-by-the-transport',
  sharedAccessSignature: 'replaced-by-the-transport',
};

/**
 * The transport below azure-iothub for one call (docs/decisions/032). It replaces the REST client of the package, whose `executeApiCall` is
 * the only method that the package uses. The package builds the request; RestClient sends it.
 */
class CallTransport<T> {
  readonly #rest: RestClient;
  readonly #call: PackageCall;
  #answer: HubAnswer<T> | undefined;
  readonly #unexpected = Promise.withResolvers<never>();

  constructor(rest: RestClient, call: PackageCall) {
    this.#rest = rest;
    this.#call = call;
    this.#unexpected.promise.catch(() => undefined);
  }

  /** As the package calls it: a timeout and request options may stand before the callback. The deadline of the call replaces the timeout. */
  executeApiCall(
    method: HubRequest['method'],
    path: string,
    headers: Headers | null | undefined,
    body: unknown,
    ...rest: readonly unknown[]
  ): void {
    const done = rest.findLast((argument) => typeof argument === 'function') as Done;
    this.#rest
      .request<T>(this.#request(method, path, headers ?? {}, body))
      .then(
        (answer) => {
          this.#answer = answer;
          const continuation =
            answer.continuation === undefined ? {} : { [CONTINUATION]: answer.continuation };
          done(null, answer.body, { statusCode: answer.status, headers: continuation });
        },
        (error: unknown) => done(error),
      )
      // The callbacks of the package throw for a response that they do not expect; nothing of the package catches that.
      .catch(() => {
        const { action } = this.#call;
        this.#unexpected.reject(
          new ConnectorError('AZURE_FAILED', `${action}: IoT Hub returned an unexpected response.`),
        );
      });
  }

  /** Resolves with the response as it was received: the classes of the package change it (docs/decisions/032). */
  async answer(run: () => Promise<unknown>): Promise<HubAnswer<T>> {
    try {
      await Promise.race([run(), this.#unexpected.promise]);
    } catch (thrown) {
      if (thrown instanceof ConnectorError) throw thrown;
      // The package checks its arguments itself, with errors of its own.
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new ConnectorError('REQUEST_INVALID', `${this.#call.action}: ${reason}.`);
    }
    return this.#answer as HubAnswer<T>;
  }

  #request(method: HubRequest['method'], path: string, headers: Headers, body: unknown): HubRequest {
    const [pathname = '', search] = path.split('?', 2);
    const { 'api-version': _, ...query } = Object.fromEntries(new URLSearchParams(search));
    const own = Object.entries(headers).filter(([name]) => name.startsWith('x-ms-'));
    return {
      ...this.#call,
      method,
      path: pathname,
      query: { ...query, ...this.#call.query },
      headers: Object.fromEntries(own.map(([name, value]) => [name, String(value)])),
      ifMatch: this.#call.ifMatch ?? etagOf(headers['If-Match']),
      ...(body === undefined || body === null ? {} : { body }),
    };
  }
}

const CONTINUATION = 'x-ms-continuation';

/** The package quotes the asterisk as if it were an ETag. */
function etagOf(header: string | number | undefined): string | undefined {
  return header === undefined ? undefined : header === '"*"' ? '*' : String(header);
}

/** Makes one call with the `Registry` of azure-iothub. Throws what RestClient throws, and REQUEST_INVALID for arguments that it refuses. */
export async function callRegistry<T = unknown>(
  rest: RestClient,
  call: PackageCall,
  run: (registry: Registry) => Promise<unknown>,
): Promise<HubAnswer<T>> {
  const transport = new CallTransport<T>(rest, call);
  return await transport.answer(async () => await run(new Registry(CONFIG, transport as never)));
}

/** Makes one call with the `JobClient` of azure-iothub. Throws as `callRegistry`. */
export async function callJobClient<T = unknown>(
  rest: RestClient,
  call: PackageCall,
  run: (jobs: JobClient) => Promise<unknown>,
): Promise<HubAnswer<T>> {
  const transport = new CallTransport<T>(rest, call);
  return await transport.answer(async () => await run(new JobClient(transport as never)));
}

/** Calls a direct method with the `DeviceMethod` of azure-iothub. Throws as `callRegistry`. */
export async function callDeviceMethod<T = unknown>(
  rest: RestClient,
  call: PackageCall,
  params: DeviceMethodParams,
  run: (method: DeviceMethod) => Promise<unknown>,
): Promise<HubAnswer<T>> {
  const transport = new CallTransport<T>(rest, call);
  return await transport.answer(async () => await run(new DeviceMethod(params, transport as never)));
}
