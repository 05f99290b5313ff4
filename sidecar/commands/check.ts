import { lstat } from 'node:fs/promises';
import { hubCredentials } from '../azure/credentials.ts';
import { HubClients } from '../azure/iot-hub/hub-clients.ts';
import { ServiceClock } from '../azure/service-clock.ts';
import {
  type HubSettings,
  SECRET_NAMES,
  SETTING_NAMES,
  type SecretName,
  withDefaults,
} from '../contract/hub-settings.ts';
import { HUB_THINGS, STORAGE_THINGS } from '../hub/finder.ts';
import { isMissing } from '../lib/files.ts';
import { requireKnownFormat } from '../lib/state-format.ts';
import { renderTable } from '../lib/text-table.ts';
import { createLog } from '../observe/log.ts';
import { checkAzure, STORAGE_STEP, skipAzure } from '../operations/check/check-azure.ts';
import { type CheckStep, checkStep, skipped } from '../operations/check/check-steps.ts';
import { resolveSecret } from '../secrets/one-time-secret-tokens.ts';
import { requireStateDirectory } from '../secrets/state-directory.ts';
import { loadSettings, type Settings } from '../settings.ts';
import { type PropertyValues, ThingworxClient } from '../thingworx/client.ts';

const CHECK_TIMEOUT_MS = 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Tests what a start needs, without starting anything or changing anything outside Azure's own check of write rights. False when a step failed.
 */
export async function check(
  environment: Environment,
  output: { write(text: string): unknown },
): Promise<boolean> {
  const steps = await checkSteps(environment, AbortSignal.timeout(CHECK_TIMEOUT_MS));
  output.write(renderSteps(steps));
  return steps.every(({ outcome }) => outcome !== 'failed');
}

async function checkSteps(environment: Environment, signal: AbortSignal): Promise<CheckStep[]> {
  let settings: Settings | undefined;
  const first = await checkStep(
    'Settings',
    async () => {
      settings = loadSettings(environment);
      return `ThingWorx is at ${settings.thingworxUrl}; the sidecar would listen on ${settings.host}:${settings.port}.`;
    },
    signal,
  );
  const names = ['State directory', 'Application key'] as const;
  if (!settings) return [first, ...names.map((name) => skipped(name, 'The settings cannot be used.'))];
  const { stateDirectory, thingworxUrl, thingworxAppKey } = settings;
  const client = new ThingworxClient({ url: thingworxUrl, appKey: thingworxAppKey });
  try {
    const directory = await checkStep(names[0], () => checkStateDirectory(stateDirectory), signal);
    return [first, directory, ...(await checkThings(client, names[1], signal))];
  } finally {
    await client.close();
  }
}

async function checkStateDirectory(directory: string): Promise<string> {
  try {
    await lstat(directory);
  } catch (error) {
    if (isMissing(error)) return `${directory} does not exist; the first start creates it.`;
  }
  await requireStateDirectory(directory);
  await requireKnownFormat(directory);
  return `${directory} belongs to this user alone.`;
}

/** The application key, the Things that it sees, and Azure as each hub Thing names it. */
async function checkThings(client: ThingworxClient, step: string, signal: AbortSignal): Promise<CheckStep[]> {
  let hubs: string[] = [];
  const key = await checkStep(
    step,
    async (limit) => {
      hubs = await thingsOf(client, HUB_THINGS.template, limit);
      const storages = await thingsOf(client, STORAGE_THINGS.template, limit);
      const names = [...hubs, ...storages].join(', ');
      return `ThingWorx takes it. Its user sees ${names === '' ? 'no hub Thing yet' : names}.`;
    },
    signal,
    {
      remedies: {
        THINGWORX_NOT_FOUND:
          'Import the extension, and add the user of the application key to the group AzureIoT.Sidecar_UG.',
      },
    },
  );
  const steps = [key];
  for (const hub of hubs) steps.push(...(await checkHub(client, hub, signal)));
  return steps;
}

async function thingsOf(client: ThingworxClient, template: string, signal: AbortSignal): Promise<string[]> {
  const answer = await client.invokeOn('ThingTemplates', template, 'GetImplementingThings', {}, { signal });
  const rows = (answer as { rows?: { name?: string }[] } | undefined)?.rows ?? [];
  return rows.flatMap(({ name }) => (name ? [name] : []));
}

async function checkHub(client: ThingworxClient, hub: string, signal: AbortSignal): Promise<CheckStep[]> {
  let values: PropertyValues = {};
  const reading = await checkStep(
    `${hub}: settings`,
    async (limit) => {
      values = await client.properties(hub, { signal: limit });
      return values['enabled'] === false ? 'They can be read; the hub is not enabled.' : 'They can be read.';
    },
    signal,
  );
  if (reading.outcome !== 'ok') return [reading];
  const azure = await checkHubAzure(values, signal);
  return [reading, ...azure.map((step) => ({ ...step, step: `${hub}: ${step.step}` }))];
}

/**
 * ThingWorx hands PASSWORD values over to a running sidecar only, and over REST an empty one looks like any other: what is tested here are
 * references and Microsoft Entra ID.
 */
async function checkHubAzure(values: PropertyValues, signal: AbortSignal): Promise<CheckStep[]> {
  const references = (values['secretReferences'] ?? {}) as Partial<Record<SecretName, string>>;
  if (!references.iotHubConnectionString && !references.eventHubConnectionString && !values['hostName'])
    return skipAzure(
      'ThingWorx hands its secrets over to a running sidecar only; start it and call CheckConnection of the hub Thing.',
    );
  let found: HubSettings | undefined;
  const reading = await checkStep(
    'references',
    async () => {
      found = await settingsOf(values, references);
      return 'The sidecar can read what secretReferences names.';
    },
    signal,
  );
  if (!found) return [reading, ...skipAzure('A reference cannot be read.')];
  const settings = found;
  let clients: HubClients | undefined;
  const open = async () => {
    clients ??= new HubClients({
      credentials: await hubCredentials({
        connectionString: settings.iotHubConnectionString,
        hostName: settings.hostName,
        transport: settings.amqpTransport,
      }),
    });
    return clients;
  };
  try {
    // The steps say what is wrong with the clock; nobody reads a log here.
    const clock = new ServiceClock(createLog('silent'));
    const steps = await checkAzure({ settings, azure: open, clock }, signal);
    return [reading, ...(references.storageConnectionString ? steps : steps.map(storageUnknown))];
  } finally {
    await clients?.close();
  }
}

/** Without a reference the sidecar cannot know whether ThingWorx has a connection string for the storage account. */
function storageUnknown(step: CheckStep): CheckStep {
  return step.step === STORAGE_STEP
    ? skipped(step.step, 'secretReferences does not name storageConnectionString; CheckConnection tests it.')
    : step;
}

async function settingsOf(
  values: PropertyValues,
  references: Partial<Record<SecretName, string>>,
): Promise<HubSettings> {
  const isSecret = (name: string) => (SECRET_NAMES as readonly string[]).includes(name);
  const given = Object.fromEntries(
    SETTING_NAMES.flatMap((name) => {
      const value = values[name];
      return isSecret(name) || value === undefined || value === '' ? [] : [[name, value] as const];
    }),
  );
  const settings: Record<string, unknown> = { ...withDefaults(given) };
  for (const name of SECRET_NAMES) {
    const reference = references[name];
    if (reference !== undefined) settings[name] = await resolveSecret(name, reference);
  }
  return settings as HubSettings;
}

/** The steps of a check as a table, and below it what to do. */
export function renderSteps(steps: readonly CheckStep[]): string {
  const table = renderTable(
    ['Step', 'Outcome', 'Message'],
    steps.map(({ step, outcome, message }) => [step, outcome, message]),
  );
  const remedies = steps
    .filter(({ remedy }) => remedy !== '')
    .map(({ step, remedy }) => `${step}: ${remedy}\n`);
  return remedies.length === 0 ? table : `${table}\nWhat to do\n${remedies.join('')}`;
}
