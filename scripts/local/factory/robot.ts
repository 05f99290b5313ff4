import { createHash } from 'node:crypto';
import { Machine, type MethodAnswer, rounded } from './machine.ts';

/** The order of a software package, as docs/software-packages.md describes it. */
interface PackageOrder {
  readonly deploymentId: string;
  readonly name: string;
  readonly version: string;
  readonly url: string;
  readonly contentMd5?: string;
  readonly cancel?: boolean;
}

/** A robot: two axes and a state. It installs software packages: loads the file, checks it, and reports each step. */
export class Robot extends Machine {
  readonly properties = { axis1: 'NUMBER', axis2: 'NUMBER', state: 'STRING', software: 'STRING' };
  readonly shown = ['axis1', 'axis2', 'state', 'software'];
  #ticks = 0;
  #state = 'working';
  #software = '1.0.0';
  #lastDeployment = '';

  override async open(connectionString: string, ca: string): Promise<void> {
    await super.open(connectionString, ca);
    this.offer('installPackage', 'home');
  }

  async tick(): Promise<void> {
    this.#ticks += 1;
    await this.send({
      axis1: rounded(90 * Math.sin(this.#ticks / 5)),
      axis2: rounded(45 * Math.cos(this.#ticks / 8)),
      state: this.#state,
      software: this.#software,
    });
  }

  protected override command(name: string, payload: unknown): MethodAnswer {
    if (name === 'home') {
      this.#ticks = 0;
      return { status: 200, payload: { axis1: 0, axis2: 45 } };
    }
    const order = payload as PackageOrder;
    if (order.cancel) return { status: 409, payload: { message: 'The installation cannot be stopped.' } };
    // An order that comes again is the same order.
    if (order.deploymentId !== this.#lastDeployment) {
      this.#lastDeployment = order.deploymentId;
      void this.#install(order);
    }
    return { status: 202 };
  }

  async #install(order: PackageOrder): Promise<void> {
    const say = (state: string, message = '', progress = 0) =>
      this.report({
        softwarePackages: { [order.name]: { deploymentId: order.deploymentId, state, message, progress } },
      });
    try {
      this.#state = 'updating';
      await say('downloading');
      const content = Buffer.from(await (await fetch(order.url)).arrayBuffer());
      const md5 = createHash('md5').update(content).digest('base64');
      if (order.contentMd5 !== undefined && order.contentMd5 !== md5) throw new Error('The file is damaged.');
      for (const progress of [25, 50, 75]) {
        await say('installing', '', progress);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      this.#software = order.version;
      await say('installed', '', 100);
    } catch (error) {
      await say('failed', (error as Error).message);
    } finally {
      this.#state = 'working';
    }
  }
}
