import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { buildPackage } from '../../scripts/build.ts';
import type { AppOptions } from '../../sidecar/http/app.ts';
import { Introduction, sidecarAddresses } from '../../sidecar/hub/introduction.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { startThingworx, type ThingworxEmulator } from '../emulators/thingworx/emulator.ts';
import type { Switches } from '../emulators/thingworx/switches.ts';
import { Client, until } from '../emulators/thingworx-tests/platform-support.ts';
import { startApp, type TestApp, TOKEN } from '../http/fixture.ts';

export const HUB = 'Plant.Hub';

/** The emulated platform with the extension imported from its zip, and the sidecar's HTTP app beside it. */
export interface ExtensionPlatform {
  readonly client: Client;
  /** The platform from within. */
  readonly platform: ThingworxEmulator['platform'];
  readonly app: TestApp;
  /** An application key of a user who is a member of AzureIoT.Sidecar_UG and nothing else. */
  readonly sidecarKey: string;
  /** Rows of the uploader's answer. */
  readonly reports: readonly { extensionReportStatus: number; reportMessage: string }[];
}

export async function startPlatform(
  t: TestContext,
  switches: Partial<Switches> = {},
  appOptions: Partial<AppOptions> = {},
): Promise<ExtensionPlatform> {
  // A Thing that connects waits for the sidecar, which calls RegisterSidecar meanwhile, while subscriptions pause.
  const emulator = await startThingworx({ switches, scriptWorkers: 3 });
  t.after(() => emulator.stop());
  const client = new Client(emulator);
  zip ??= buildZip();
  const answer = await client.upload(await zip);
  if (answer.status !== 200) throw new Error(`the import was answered ${answer.status} ${answer.text}`);
  const reports = (answer.json.rows as Record<string, { rows: ExtensionPlatform['reports'] }>[]).flatMap(
    (step) => Object.values(step).flatMap(({ rows }) => rows),
  );
  const { platform } = emulator;
  const sidecarKey = await createSidecarKey(client);
  const thingworx = new ThingworxClient({ url: `${emulator.url}/Thingworx`, appKey: sidecarKey });
  t.after(() => thingworx.close());
  const reach = { host: '127.0.0.1', tls: false, hostNames: [], publicUrls: [] };
  const introduction = new Introduction(thingworx, createLog('silent', { write: () => undefined }), () =>
    sidecarAddresses({ ...reach, port: app.port }),
  );
  const app: TestApp = await startApp(t, { introduction, ...appOptions });
  return { client, platform, app, sidecarKey, reports };
}

/** Built once for all platforms of a file. */
let zip: Promise<Buffer> | undefined;

async function buildZip(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'extension-'));
  try {
    return await readFile(await buildPackage({ withoutSidecar: true, outputDirectory: folder }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What an administrator does after the import: a user in the sidecar's group, and an application key for it. */
async function createSidecarKey(client: Client): Promise<string> {
  const user = 'azure-iot-sidecar';
  const keyId = randomUUID();
  const expires = new Date(Date.now() + 86_400_000).toISOString();
  const documents = [
    `<Users><User name="${user}" enabled="true" password="a-Long-Enough-1"/></Users>`,
    `<ApplicationKeys><ApplicationKey name="${user}" keyId="${keyId}" userNameReference="${user}" clientName="" ipWhitelist=""
      expirationDate="${expires}"/></ApplicationKeys>`,
  ];
  for (const document of documents) {
    const answer = await client.importXml(`<Entities>${document}</Entities>`);
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  }
  await client.result('Groups/AzureIoT.Sidecar_UG', 'AddMember', { member: user, type: 'User' });
  return keyId;
}

/** A hub Thing with address and token of the app, as an administrator makes it in Composer. */
export async function createHub(
  { client, app }: ExtensionPlatform,
  settings: Record<string, unknown> = {},
  hub = HUB,
): Promise<void> {
  await client.thing(hub, 'AzureIoT.Hub_TT');
  const answer = await client.write(hub, {
    sidecarUrl: `http://127.0.0.1:${app.port}`,
    sidecarToken: TOKEN,
    ...settings,
  });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
}

/** Deletes the Things of hubs and devices. A test that shares its platform calls it at its end. */
export async function deleteThings({ client }: ExtensionPlatform): Promise<void> {
  for (const template of ['AzureIoT.Hub_TT', 'AzureIoT.Device_TT']) {
    const { rows } = await client.result(`ThingTemplates/${template}`, 'GetImplementingThings');
    for (const { name } of rows as { name: string }[])
      await client.result('Resources/EntityServices', 'DeleteThing', { name });
  }
}

/** Creates a device Thing with properties, by name and base type. */
export async function createDevice(
  { client }: ExtensionPlatform,
  name: string,
  properties: Record<string, string>,
): Promise<void> {
  const definitions = Object.entries(properties).map(([property, type]) => ({
    name: property,
    type,
    description: '',
    category: '',
    readOnly: false,
    persistent: false,
    logged: false,
    remote: false,
    dataChangeType: 'VALUE',
    ...(type === 'INFOTABLE' ? { dataShape: 'AzureIoT.Partition_DS' } : {}),
  }));
  await client.thing(name, 'AzureIoT.Device_TT', definitions);
}

export { until };

/** What the platform has logged at the level ERROR, in every log. */
export async function errorLines(client: Client): Promise<string[]> {
  const lines: string[] = [];
  for (const log of ['ApplicationLog', 'ScriptLog', 'ErrorLog', 'SecurityLog']) {
    const table = await client.result(`Logs/${log}`, 'QueryLogEntries', { maxItems: 1000 });
    for (const { level, content } of table.rows as { level: string; content: string }[])
      if (level === 'ERROR') lines.push(`${log}: ${content}`);
  }
  return lines;
}
