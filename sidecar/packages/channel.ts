import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import { type Deployment, type Progress, progressOf, reportOf, targetOf } from './deployment.ts';

export interface ChannelOptions {
  readonly clients: () => Promise<HubClients>;
  readonly storages: StorageAccounts;
}

const RESPONSE_SECONDS = 30;
const CANCEL_SECONDS = 10;
const READ_TIMEOUT_MS = 15_000;
/** As long as a link can live. */
const MAX_LINK_MINUTES = 1_440;

/** What passes between a deployment and its device: the same for direct methods and for cloud-to-device messages. */
export class Channel {
  readonly #options: ChannelOptions;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /**
   * Hands the package to the device. Resolves to what became of it. A repeat is no harm: the device knows a deployment by its id.
   * `onAttempt` is awaited before the call that may reach it.
   *
   * @throws ConnectorError FILE_REPLACED for a file that is another by now, FILE_NOT_FOUND, LINK_NOT_POSSIBLE, DEVICE_OFFLINE, DEVICE_TIMEOUT,
   * DEVICE_QUEUE_FULL and what storage and hub give
   */
  async send(deployment: Deployment, onAttempt: () => Promise<void>, signal: AbortSignal): Promise<Progress> {
    const content = await this.#content(deployment, signal);
    await onAttempt();
    if (deployment.delivery === 'message') {
      await this.#message(deployment, content, signal);
      return { state: 'sent', code: '', message: 'The message lies in the queue of the device.' };
    }
    const { status, payload } = await this.#method(deployment, content, RESPONSE_SECONDS, signal);
    const said = progressOf(payload);
    if (status >= 200 && status < 300) return said ?? { state: 'sent', code: '', message: '' };
    const { message = '' } = (payload ?? {}) as { message?: unknown };
    return {
      state: 'failed',
      code: 'PACKAGE_FAILED',
      message: `The device answered with status ${status}${message === '' ? '' : `: ${String(message).slice(0, 500)}`}`,
      confirmed: true,
    };
  }

  /** What the device reports of it by now; undefined when nothing. */
  async readReport(deployment: Deployment, signal: AbortSignal): Promise<Progress | undefined> {
    const { twins } = await this.#options.clients();
    const twin = await twins.get(targetOf(deployment), { signal, timeoutMs: READ_TIMEOUT_MS });
    return reportOf(deployment, twin.properties.reported);
  }

  /** Asks the device to stop, once. Resolves to whether it says that it does; a message has no answer. */
  async cancel(deployment: Deployment, signal: AbortSignal): Promise<boolean> {
    const content = { deploymentId: deployment.id, name: deployment.name, cancel: true };
    if (deployment.delivery === 'message') {
      await this.#message(deployment, content, signal);
      return false;
    }
    const { status } = await this.#method(deployment, content, CANCEL_SECONDS, signal);
    return status >= 200 && status < 300;
  }

  /** @throws ConnectorError FILE_NOT_FOUND, PRECONDITION_FAILED for a file that is another by now, and what storage gives */
  async deleteFile({ account, container, path, file }: Deployment, signal: AbortSignal): Promise<void> {
    const files = this.#options.storages.require(account).container(container);
    try {
      await files.delete(path, { ifMatch: file.etag }, signal);
    } catch (thrown) {
      // No file has no ETag either: which of both it is shows here.
      if (toConnectorError(thrown).code === 'PRECONDITION_FAILED') await files.facts(path, signal);
      throw thrown;
    }
  }

  /** What the device gets, with a link that works until the deadline. */
  async #content(deployment: Deployment, signal: AbortSignal): Promise<Record<string, unknown>> {
    const { id, name, version, account, container, path, file, information, deadlineMs } = deployment;
    const { deleteFile } = deployment;
    const files = this.#options.storages.require(account).container(container);
    const facts = await files.facts(path, signal);
    if (facts.etag !== file.etag)
      throw new ConnectorError('FILE_REPLACED', `${path} was changed since the deployment began.`);
    const minutes = Math.ceil((deadlineMs - Date.now()) / 60_000);
    const link = await files.downloadLink(path, Math.min(Math.max(minutes, 1), MAX_LINK_MINUTES), signal);
    return {
      deploymentId: id,
      name,
      version,
      url: link.url,
      expiresAt: link.expiresAt,
      fileName: facts.name,
      size: file.size,
      contentType: file.contentType,
      deleteFile,
      ...(file.contentMd5 === undefined ? {} : { contentMd5: file.contentMd5 }),
      ...(information === undefined ? {} : { information }),
    };
  }

  async #method(
    deployment: Deployment,
    payload: unknown,
    responseTimeoutSeconds: number,
    signal: AbortSignal,
  ) {
    const clients = await this.#options.clients();
    const { methodName } = deployment;
    return await clients.invokeMethod(
      { ...targetOf(deployment), methodName, payload, responseTimeoutSeconds },
      { signal },
    );
  }

  async #message(deployment: Deployment, content: { readonly cancel?: boolean }, signal: AbortSignal) {
    const { messages } = await this.#options.clients();
    const { id, deviceId, deadlineMs } = deployment;
    await messages.send(
      deviceId,
      {
        messageId: content.cancel ? `${id}-cancel` : id,
        body: JSON.stringify(content),
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        properties: { kind: 'package' },
        expiresAt: new Date(deadlineMs),
        ack: 'full',
      },
      { signal },
    );
  }
}
