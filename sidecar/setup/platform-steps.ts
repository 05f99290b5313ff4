import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import { HUB_THINGS } from '../hub/finder.ts';
import type { PropertyValues } from '../thingworx/client.ts';
import { PACKAGE_NAME, VERSION } from '../version.ts';
import type { Administrator } from './administrator.ts';
import type { Answers } from './answers.ts';
import type { SetupRecord } from './record.ts';
import { change, creation, type SetupStep } from './step.ts';

const EXTENSION = 'extension';
const SIDECAR_GROUP = 'AzureIoT.Sidecar_UG';
/** Some versions of ThingWorx do not have its service. */
const OPTIONAL_RESOURCE = 'EncryptionServices';
const DAY_MS = 86_400_000;
/** A key that expires sooner is given its full time again. */
const RENEW_BEFORE_MS = 30 * DAY_MS;

/** The extension package, imported if it is absent or older. */
export function extensionStep(administrator: Administrator, answers: Answers): SetupStep {
  return {
    id: EXTENSION,
    title: `Extension ${PACKAGE_NAME}`,
    async look() {
      const installed = await administrator.extension(PACKAGE_NAME);
      if (installed === VERSION) return undefined;
      if (installed === undefined) return creation(`import version ${VERSION}`);
      if (isNewer(installed, VERSION)) {
        throw new ConnectorError(
          'SETUP_CONFLICT',
          `ThingWorx has version ${installed} of ${PACKAGE_NAME}, which is newer than this sidecar (${VERSION}); use the sidecar of that version.`,
        );
      }
      return change(`import version ${VERSION} over ${installed}`);
    },
    apply: () => administrator.importExtension(zipFile(answers.zip)),
    async undo() {
      if ((await administrator.extension(PACKAGE_NAME)) === undefined) return;
      await administrator.call('Subsystems', 'PlatformSubsystem', 'DeleteExtensionPackage', {
        packageName: PACKAGE_NAME,
      });
    },
  };
}

/** In this folder, or beside the folder of the program. */
function zipFile(given: string | undefined): string {
  const name = `${PACKAGE_NAME}-${VERSION}.zip`;
  const places = [process.cwd(), import.meta.dirname, path.dirname(import.meta.dirname)];
  const found = given ?? places.map((place) => path.join(place, name)).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new ConnectorError(
    'SETTING_MISSING',
    `--zip is not given, and ${name} is not in this folder; expected the zip that this sidecar came with.`,
  );
}

function isNewer(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  const index = [0, 1, 2].find((part) => a?.[part] !== b?.[part]);
  return index !== undefined && (a?.[index] ?? 0) > (b?.[index] ?? 0);
}

export function userStep(administrator: Administrator, { user }: Answers): SetupStep {
  return {
    id: `user ${user}`,
    title: `User ${user}`,
    look: async () => ((await administrator.exists('Users', user)) ? undefined : creation('create the user')),
    apply: () =>
      administrator.entityService('CreateUser', {
        name: user,
        // Nobody logs in with it: the sidecar uses the application key.
        password: `${randomUUID()}aA1!`,
        description: 'The sidecar of the Azure IoT Hub connector',
        tags: '',
      }),
    undo: () => deleteEntity(administrator, 'Users', user, 'DeleteUser'),
  };
}

export function membershipStep(administrator: Administrator, { user }: Answers): SetupStep {
  const isMember = async () => {
    if (!(await administrator.exists('Groups', SIDECAR_GROUP))) return false;
    const members = await administrator.rows('Groups', SIDECAR_GROUP, 'GetGroupMembers');
    return members.some(({ name, type }) => name === user && type === 'User');
  };
  const edit = (service: string) =>
    administrator.call('Groups', SIDECAR_GROUP, service, { member: user, type: 'User' });
  return {
    id: `member ${user}`,
    title: `Member of ${SIDECAR_GROUP}`,
    look: async () => ((await isMember()) ? undefined : creation(`add ${user}`)),
    async apply() {
      await edit('AddMember');
    },
    async undo() {
      if (await isMember()) await edit('DeleteMember');
    },
  };
}

export function applicationKeyStep(administrator: Administrator, { user, keyDays }: Answers): SetupStep {
  const expirationDate = () => Date.now() + keyDays * DAY_MS;
  return {
    id: `key ${user}`,
    title: `Application key ${user}`,
    async look() {
      if (!(await administrator.exists('ApplicationKeys', user)))
        return creation(`create it for ${keyDays} days`);
      const owner = await administrator.value('ApplicationKeys', user, 'GetUserName');
      if (owner !== user) {
        throw new ConnectorError(
          'SETUP_CONFLICT',
          `The application key ${user} belongs to the user ${String(owner)}; choose another name with --user.`,
        );
      }
      const end = new Date(
        (await administrator.value('ApplicationKeys', user, 'GetExpirationDate')) as string | number,
      ).getTime();
      // A short life that was asked for is not renewed in each run.
      return end - Date.now() < Math.min(RENEW_BEFORE_MS, (keyDays * DAY_MS) / 2)
        ? change(`give it ${keyDays} days`)
        : undefined;
    },
    async apply() {
      if (await administrator.exists('ApplicationKeys', user)) {
        await administrator.call('ApplicationKeys', user, 'SetExpirationDate', {
          expirationDate: expirationDate(),
        });
        return;
      }
      await administrator.entityService('CreateApplicationKey', {
        name: user,
        user,
        clientName: user,
        description: 'The sidecar of the Azure IoT Hub connector',
        whitelist: '',
        tags: '',
        // Without a date ThingWorx lets it expire after a day.
        expirationDate: expirationDate(),
      });
    },
    undo: () => deleteEntity(administrator, 'ApplicationKeys', user, 'DeleteApplicationKey'),
  };
}

export function hubThingStep(administrator: Administrator, { hubThing }: Answers): SetupStep {
  const hubs = async () => {
    if (!(await administrator.exists('ThingTemplates', HUB_THINGS.template))) return [];
    const rows = await administrator.rows('ThingTemplates', HUB_THINGS.template, 'GetImplementingThings');
    return rows.map(({ name }) => name);
  };
  return {
    id: `hub ${hubThing}`,
    title: `Hub Thing ${hubThing}`,
    async look() {
      if ((await hubs()).includes(hubThing)) return undefined;
      if (!(await administrator.exists('Things', hubThing)))
        return creation(`create it from ${HUB_THINGS.template}`);
      throw new ConnectorError(
        'SETUP_CONFLICT',
        `${hubThing} is a Thing of another template than ${HUB_THINGS.template}; choose another name with --hub-thing.`,
      );
    },
    apply: () =>
      administrator.entityService('CreateThing', {
        name: hubThing,
        thingTemplateName: HUB_THINGS.template,
        description: '',
      }),
    undo: () => deleteEntity(administrator, 'Things', hubThing, 'DeleteThing'),
  };
}

/** A Thing is disabled until it is enabled and started, as Composer's Save does. */
export function hubStartStep(
  administrator: Administrator,
  { hubThing }: Answers,
  record: SetupRecord,
): SetupStep {
  const name = `${hubThing} start`;
  return {
    id: `start ${hubThing}`,
    title: `Start of ${hubThing}`,
    async look() {
      // A run may have ended between the two calls, and ThingWorx does not say whether a Thing was started.
      const begun = record.has(`hub ${hubThing}`) && !record.knows(name, VERSION);
      return !begun && (await isEnabled(administrator, hubThing)) ? undefined : change('enable and start it');
    },
    async apply() {
      await administrator.call('Things', hubThing, 'EnableThing');
      await administrator.call('Things', hubThing, 'RestartThing');
      await record.remember({ [name]: VERSION });
    },
  };
}

async function isEnabled(administrator: Administrator, thing: string): Promise<boolean> {
  return (
    (await administrator.exists('Things', thing)) &&
    (await administrator.value('Things', thing, 'IsEnabled')) === true
  );
}

/** The rights on what belongs to the platform. Calling GrantPermissions again takes nothing away. */
export function grantStep(
  administrator: Administrator,
  { hubThing }: Answers,
  record: SetupRecord,
): SetupStep {
  const name = `${hubThing} grants`;
  return {
    id: `grants ${hubThing}`,
    title: 'Rights on platform entities',
    look: async () => (record.knows(name, VERSION) ? undefined : creation('call GrantPermissions')),
    async apply() {
      const rows = await administrator.rows('Things', hubThing, 'GrantPermissions');
      const failed = rows.find(({ outcome, entity }) => outcome === 'failed' && entity !== OPTIONAL_RESOURCE);
      if (failed) {
        throw new ConnectorError(
          'THINGWORX_REJECTED',
          `GrantPermissions could not give ${String(failed['right'])} on ${String(failed['entity'])}: ${String(failed['message'])}`,
        );
      }
      await record.remember({ [name]: VERSION });
    },
    async undo() {
      // Rights that were given to the groups of an extension that stays are not only setup's.
      if (!record.has(EXTENSION) || !(await administrator.exists('Things', hubThing))) return;
      for (const row of await administrator.rows('Things', hubThing, 'GrantPermissions'))
        await revoke(administrator, row);
    },
  };
}

/** Takes back one right that GrantPermissions lists. Those on templates of the extension go with them. */
async function revoke(
  administrator: Administrator,
  { entity, right, principal }: Readonly<Record<string, unknown>>,
): Promise<void> {
  const resource = String(entity);
  if (right === 'Visibility') {
    const seen = { principal, principalType: 'Organization' };
    await administrator.call('Resources', resource, 'DeleteVisibilityPermission', seen);
  } else if (resource === 'Things') {
    await administrator.call('Resources', 'CollectionFunctions', 'DeleteCollectionDesignTimePermission', {
      collectionName: resource,
      principal,
      principalType: 'Group',
      type: right,
    });
  } else if (!resource.startsWith('AzureIoT.')) {
    await administrator.call('Resources', resource, 'DeleteRunTimePermission', {
      principal,
      // The only right of a user that is no group.
      principalType: principal === 'System' ? 'User' : 'Group',
      type: 'ServiceInvoke',
      resource: right,
    });
  }
}

/**
 * The settings that were answered. Over REST a PASSWORD that is empty looks like any other, so whether one is to be written follows from the
 * hash in the record.
 */
export function hubSettingsStep(
  administrator: Administrator,
  answers: Answers,
  record: SetupRecord,
  token: () => Promise<string>,
): SetupStep {
  const { hubThing, secrets, hubSettings, sidecarUrl } = answers;
  const kept = async () => ({
    sidecarToken: await token(),
    ...Object.fromEntries(secrets.filter((one) => !one.isReference).map(({ name, value }) => [name, value])),
  });
  const hashName = (name: string) => `${hubThing} ${name}`;
  const difference = async (): Promise<PropertyValues> => {
    const values = await administrator.properties(hubThing);
    const visible = { sidecarUrl: sidecarUrl.href.replace(/\/$/, ''), ...hubSettings };
    const references = Object.fromEntries(
      secrets.filter((one) => one.isReference).map(({ name, value }) => [name, value]),
    );
    const present = (values['secretReferences'] ?? {}) as Record<string, unknown>;
    const wanted = { ...present, ...references };
    return {
      ...pick(visible, (name, value) => values[name] !== value),
      ...(Object.entries(references).some(([name, value]) => present[name] !== value)
        ? { secretReferences: wanted }
        : {}),
      ...pick(await kept(), (name, value) => !record.knows(hashName(name), value)),
    };
  };
  return {
    id: `settings ${hubThing}`,
    title: `Settings of ${hubThing}`,
    async look() {
      if (!(await isEnabled(administrator, hubThing))) return change('set them');
      const names = Object.keys(await difference());
      return names.length === 0 ? undefined : change(`set ${names.join(', ')}`);
    },
    async apply() {
      await administrator.setProperties(hubThing, await difference());
      const written = Object.entries(await kept()).map(([name, value]) => [hashName(name), value]);
      await record.remember(Object.fromEntries(written));
    },
  };
}

function pick(
  values: Readonly<Record<string, string>>,
  wanted: (name: string, value: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => wanted(name, value)));
}

async function deleteEntity(
  administrator: Administrator,
  collection: string,
  name: string,
  service: string,
): Promise<void> {
  if (await administrator.exists(collection, name)) await administrator.entityService(service, { name });
}
