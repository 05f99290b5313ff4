import { createHash } from 'node:crypto';
import type { Client, DeviceMethodRequest, DeviceMethodResponse, ModuleClient, Twin } from 'azure-iot-device';

/** What a device gets of a package. */
export interface PackageOrder {
  readonly deploymentId: string;
  readonly name: string;
  readonly version: string;
  readonly url: string;
  readonly size: number;
  readonly contentMd5?: string;
  readonly information?: unknown;
  readonly cancel?: boolean;
}

/** A step of an installation: what the device reports, or a wait of the test. */
export type Step =
  | { readonly state: string; readonly message?: string; readonly progress?: number }
  | Promise<unknown>;

/**
 * An installer as docs/software-packages.md describes it, on Microsoft's device SDK: takes orders by method or message, loads the file, checks it,
 * and reports how far it is under `softwarePackages.<name>`.
 */
export class Installer {
  readonly orders: PackageOrder[] = [];
  readonly loaded: Buffer[] = [];
  /** What is reported for an order, one after the other, once the file is loaded. */
  steps: (order: PackageOrder) => readonly Step[] = () => [{ state: 'installing' }, { state: 'installed' }];
  /** The answer to the method. */
  answer: (order: PackageOrder) => { status: number; payload?: unknown } = () => ({ status: 202 });
  readonly #twin: Promise<Twin>;
  readonly #seen = new Set<string>();

  constructor(client: Client | ModuleClient) {
    this.#twin = client.getTwin();
    const onMethod = (request: DeviceMethodRequest, response: DeviceMethodResponse) => {
      const { status, payload } = this.answer(request.payload);
      void response.send(status, payload).then(async () => {
        if (status < 300) await this.take(request.payload);
      });
    };
    if ('onDeviceMethod' in client) client.onDeviceMethod('installPackage', onMethod);
    else client.onMethod('installPackage', onMethod as never);
  }

  /** A second order of the same deployment is the first one again. */
  async take(order: PackageOrder): Promise<void> {
    this.orders.push(order);
    if (order.cancel || this.#seen.has(order.deploymentId)) return;
    this.#seen.add(order.deploymentId);
    await this.#report(order, { state: 'downloading' });
    const content = Buffer.from(await (await fetch(order.url)).arrayBuffer());
    const md5 = createHash('md5').update(content).digest('base64');
    if (md5 !== order.contentMd5) {
      await this.#report(order, { state: 'failed', message: 'The file is damaged.' });
      return;
    }
    this.loaded.push(content);
    for (const step of this.steps(order)) {
      if (step instanceof Promise) await step;
      else await this.#report(order, step);
    }
  }

  async #report({ name, deploymentId, version }: PackageOrder, step: Step): Promise<void> {
    const twin = await this.#twin;
    const softwarePackages = { [name]: { deploymentId, version, message: '', ...step } };
    await new Promise<void>((resolve, reject) =>
      twin.properties.reported.update({ softwarePackages }, (error: Error | null) =>
        error ? reject(error) : resolve(),
      ),
    );
  }
}
