import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import iotDevice, { type Client } from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import type { Browser, Locator, Page } from 'playwright-core';
import { Plant } from '../../scripts/local/factory/plant.ts';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { HUB_THING, LocalSystem, NOTIFICATION_SOURCES } from '../../scripts/local/system.ts';
import { eventually } from '../e2e/observe.ts';
import { launchBrowser } from './chromium.ts';

/** Of every user that a test adds. */
export const PASSWORD = 'a-Password-of-the-factory-1';
const TICK_MS = 300;
/** Where pictures go; none are taken unless it is set. */
const shots = process.env['SCREENSHOTS'];

/** The factory in miniature of `npm start`, and a browser in front of it. */
export class BrowserFactory {
  readonly system = new LocalSystem({
    devices: 0,
    builtInSources: NOTIFICATION_SOURCES,
    fileRepository: true,
  });
  /** What went wrong inside a page. */
  readonly faults: string[] = [];
  readonly #plant = new Plant(this.system);
  readonly #ending = new AbortController();
  readonly #clients: Client[] = [];
  #browser: Browser | undefined;
  #ticking: Promise<void> | undefined;

  async start(): Promise<void> {
    await this.system.start();
    await this.system.platform.invoke(HUB_THING, 'GrantPermissions');
    await this.#plant.start();
    this.#ticking = this.#tick();
    this.#browser = await launchBrowser();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#browser?.close();
    await this.#ticking;
    await Promise.allSettled(this.#clients.splice(0).map((client) => client.close()));
    await this.#plant.stop();
    await this.system.stop();
  }

  async newPage(): Promise<Page> {
    assert.ok(this.#browser, 'The factory is not started.');
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      ignoreHTTPSErrors: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => this.faults.push(error.message));
    return page;
  }

  /** A page in which the user is logged in and sees the menu. Without a user: the administrator of ThingWorx. */
  async openMashups(user?: string): Promise<MashupPage> {
    const mashups = new MashupPage(await this.newPage(), this.system.cloud.thingworxUrl);
    await mashups.open('Home');
    const { thingworxUser, thingworxPassword } = this.system.cloud;
    await mashups.login(user ?? thingworxUser, user === undefined ? thingworxPassword : PASSWORD);
    return mashups;
  }

  /** The console, as a person opens it who has the token. */
  async openConsole(title: string): Promise<Page> {
    const page = await this.newPage();
    await page.goto(`${this.system.sidecar.url}/console`);
    await page.getByLabel('Token').fill(this.system.sidecar.token);
    await page.getByRole('button', { name: 'Log in' }).click();
    await visit(page, title);
    return page;
  }

  /** A user of ThingWorx in one group. */
  async addUser(name: string, group: string): Promise<void> {
    const { platform } = this.system;
    await platform.invokeOn('Resources', 'EntityServices', 'CreateUser', {
      name,
      password: PASSWORD,
      description: '',
      tags: '',
    });
    await platform.invokeOn('Groups', group, 'AddMember', { member: name, type: 'User' });
  }

  /** A device with its Thing that never connects by itself. */
  async addDevice(deviceId: string): Promise<void> {
    await this.system.platform.invoke(HUB_THING, 'CreateDevice', { deviceId, createThing: true });
  }

  /** Connects a device over AMQP, with which a device can also reject messages. Gives the client, for its messages. */
  async connect(deviceId: string): Promise<Client> {
    const { cloud } = this.system;
    const strings = await registerDevices(cloud.iotHubConnectionString, [deviceId]);
    await this.addDevice(deviceId);
    const client = iotDevice.Client.fromConnectionString(strings.get(deviceId) ?? '', amqp.Amqp);
    this.#clients.push(client);
    await client.setOptions({ ca: await readFile(cloud.caFile, 'utf8') });
    await client.open();
    return client;
  }

  /** Sets a fault of the emulated ThingWorx; without one, all of them end. */
  async fault(rule?: Row): Promise<void> {
    const answer = await fetch(`${this.system.cloud.thingworxControlUrl}/faults`, {
      method: rule ? 'POST' : 'DELETE',
      ...(rule ? { body: JSON.stringify(rule) } : {}),
    });
    assert.ok(answer.ok, `The fault was answered ${answer.status}.`);
  }

  container(name: string): ContainerClient {
    return BlobServiceClient.fromConnectionString(
      this.system.cloud.storageConnectionString,
    ).getContainerClient(name);
  }

  valuesOf(thing: string): Promise<Row> {
    return this.system.platform.properties(thing);
  }

  async letterIds(): Promise<unknown[]> {
    const { rows } = (await this.system.platform.invoke(HUB_THING, 'ListDeadLetters')) as { rows: Row[] };
    return rows.map(({ id }) => id);
  }

  async #tick(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      await this.#plant.tick();
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }
}

/** Goes to a page of the console. */
export async function visit(page: Page, title: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title }).click();
  await page.getByRole('heading', { name: title, level: 1 }).waitFor();
}

/** Takes a picture for people who look at it. */
export async function shoot(page: Page, name: string, fullPage = false): Promise<void> {
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage });
}

/** The mashups in the viewer, by the words that a person sees. */
export class MashupPage {
  readonly page: Page;
  readonly #url: string;

  constructor(page: Page, thingworxUrl: string) {
    this.page = page;
    this.#url = thingworxUrl;
  }

  /** Opens a mashup by its address. */
  async open(name: string, parameters: Readonly<Record<string, string>> = {}): Promise<void> {
    const hash = new URLSearchParams({ mashup: `AzureIoT.${name}_MU`, ...parameters });
    await this.page.goto('about:blank');
    await this.page.goto(`${this.#url}/Runtime/index.html#${hash}`);
  }

  async login(user: string, password: string): Promise<void> {
    await this.page.getByLabel('User').fill(user);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Log in' }).click();
    await this.shown('state', 'running');
  }

  /** Goes to the menu and from there to a mashup. */
  async menu(entry: string): Promise<void> {
    const home = this.button('Home');
    if (await home.isVisible()) await home.click();
    await this.page.getByText('Azure IoT Hub', { exact: true }).waitFor();
    await this.choose(entry);
    await home.waitFor();
  }

  /** Goes to a device by the menu and the list. */
  async openDevice(deviceId: string): Promise<void> {
    await this.menu('Devices');
    await this.row('devices', deviceId).click();
    await this.choose('Open');
    const chosen = this.page.getByRole('combobox', { name: /^Device/ });
    await eventually(async () => assert.equal(await chosen.inputValue({ timeout: 5_000 }), deviceId));
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  choose(name: string): Promise<void> {
    return this.button(name).click();
  }

  /** Answers the question that is open. */
  confirm(name: string): Promise<void> {
    return this.page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
  }

  tab(name: string): Promise<void> {
    return this.page.getByRole('tab', { name, exact: true }).click();
  }

  field(name: string): Locator {
    return this.page.getByLabel(name, { exact: true });
  }

  table(name: string): Locator {
    return this.page.getByRole('table', { name, exact: true });
  }

  row(table: string, text: string): Locator {
    return this.table(table).getByRole('row').filter({ hasText: text }).first();
  }

  /** Selects a dead letter by a text in its row, and waits until its details are shown. Gives its id. */
  async selectLetter(text: string, details: RegExp): Promise<string> {
    await this.row('letters', text).click();
    const letter = this.field('Selected dead letter');
    await eventually(async () => assert.match(await letter.inputValue(), details));
    return (JSON.parse(await letter.inputValue()) as { id: string }).id;
  }

  /** Waits until a widget shows a text. */
  shown(widget: string, text: string | RegExp): Promise<void> {
    return this.page.locator(`[data-widget="${widget}"]`).filter({ hasText: text }).waitFor();
  }

  /** Waits until the line below the title says what the last action did. */
  message(text: string | RegExp): Promise<void> {
    return this.shown('message', text);
  }

  shoot(name: string): Promise<void> {
    return shoot(this.page, name);
  }
}
