import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import { type Deployment, type Progress, progressOf, reportOf, targetOf } from './deployment.ts';

interface ChannelOptions {
  readonly clients: () => Promise<HubClients>;
  readonly storages: StorageAccounts;
}

const RESPONSE_SECONDS = 30;
const CANCEL_SECONDS = 10;
const READ_TIMEOUT_MS = 15_000;
/** The longest lifetime of a link. */
const MAX_LINK_MINUTES = 1_440;

/** The communication of a deployment with its device, by direct method or by cloud-to-device message. */
export class Channel {
  readonly #options: ChannelOptions;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /**
   * Sends the package to the device and resolves to its progress. Safe to repeat: the device recognises a deployment by its id.
   * `onAttempt` is awaited before the call that may reach the device.
   *
   * @throws ConnectorError FILE_REPLACED if the file has changed, FILE_NOT_FOUND, LINK_NOT_POSSIBLE, DEVICE_OFFLINE, DEVICE_TIMEOUT,
   * DEVICE_QUEUE_FULL and the errors of storage and hub
   */
  async send(deployment: Deployment, onAttempt: () => Promise<void>, signal: AbortSignal): Promise<Progress> {
    const content = await this.#content(deployment, signal);
    await onAttempt();
    if (deployment.delivery === 'message') {
      await this.#message(deployment, content, signal);
      return { state: 'sent', code: '', message: 'The message is in the queue of the device.' };
    }
    const { status, payload } = await this.#method(deployment, content, RESPONSE_SECONDS, signal);
    const report = progressOf(payload);
    if (status >= 200 && status < 300) return report ?? { state: 'sent', code: '', message: '' };
    const { message = '' } = (payload ?? {}) as { message?: unknown };
    return {
      state: 'failed',
      code: 'PACKAGE_FAILED',
      message: `The device answered with status ${status}${message === '' ? '' : `: ${String(message).slice(0, 500)}`}`,
      confirmed: true,
    };
  }

  /** The progress that the device has reported so far, if any. */
  async readReport(deployment: Deployment, signal: AbortSignal): Promise<Progress | undefined> {
    const { twins } = await this.#options.clients();
    const twin = await twins.get(targetOf(deployment), {
      signal,
      timeoutMs: READ_TIMEOUT_MS,
      isOwn: true,
    });
    return reportOf(deployment, twin.properties.reported);
  }

  /** Asks the device once to stop. Resolves to whether the device confirmed; a message has no response. */
  async cancel(deployment: Deployment, signal: AbortSignal): Promise<boolean> {
    const content = { deploymentId: deployment.id, name: deployment.name, cancel: true };
    if (deployment.delivery === 'message') {
      await this.#message(deployment, content, signal);
      return false;
    }
    const { status } = await this.#method(deployment, content, CANCEL_SECONDS, signal);
    return status >= 200 && status < 300;
  }

  /** @throws ConnectorError FILE_NOT_FOUND, PRECONDITION_FAILED if the file has changed, and the errors of storage */
  async deleteFile({ account, container, path, file }: Deployment, signal: AbortSignal): Promise<void> {
    const files = this.#options.storages.require(account).container(container);
    try {
      await files.delete(path, { ifMatch: file.etag }, signal);
    } catch (thrown) {
      // A missing file fails the precondition as well: facts() tells both apart.
      if (toConnectorError(thrown).code === 'PRECONDITION_FAILED') await files.facts(path, signal);
      throw thrown;
    }
  }

  /** The content for the device, with a link that works until the deadline. */
  async #content(deployment: Deployment, signal: AbortSignal): Promise<Record<string, unknown>> {
    const { id, name, version, account, container, path, file, information, deadlineMs } = deployment;
    const { deleteFile } = deployment;
    const files = this.#options.storages.require(account).container(container);
    const facts = await files.facts(path, signal);
    if (facts.etag !== file.etag)
      throw new ConnectorError('FILE_REPLACED', `${path} has changed since the deployment started.`);
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
