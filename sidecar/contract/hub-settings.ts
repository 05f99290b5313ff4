import Type, { type Static } from 'typebox';
import { AZURE_SETTINGS } from './settings/azure.ts';
import { CANARY_SETTINGS } from './settings/canary.ts';
import { LIMIT_SETTINGS } from './settings/limits.ts';
import { READING_SETTINGS } from './settings/reading.ts';
import { SETTING_KEYWORD, type SettingFacts, setting } from './settings/setting.ts';
import { STORAGE_SETTINGS } from './settings/storage.ts';
import { TRANSLATION_SETTINGS } from './settings/translation.ts';
import { UPLOAD_SETTINGS } from './settings/uploads.ts';

const OPERATION = 'Operation';

/**
 * The settings of one hub Thing. From this schema come the types, the validation of PUT /v1/hubs/{hub}, the properties of
 * AzureIoT.Hub_TT and docs/services.md.
 */
export const HubSettings = Type.Object(
  {
    enabled: setting(
      Type.Boolean({
        title: 'Enabled',
        description: 'Whether this hub is connected. Turn it off to stop receiving; the settings stay.',
        default: true,
      }),
      { category: OPERATION, reopensConsumer: true },
    ),
    ...AZURE_SETTINGS,
    ...READING_SETTINGS,
    ...TRANSLATION_SETTINGS,
    ...UPLOAD_SETTINGS,
    ...LIMIT_SETTINGS,
    ...STORAGE_SETTINGS,
    ...CANARY_SETTINGS,
    logPayloads: setting(
      Type.Boolean({
        title: 'Log payloads',
        description:
          'Whether the debug log of the sidecar may contain bodies of messages. Only for diagnosis.',
        default: false,
      }),
      { category: OPERATION },
    ),
  },
  { additionalProperties: false, description: 'The settings of one hub Thing.' },
);
export type HubSettings = Static<typeof HubSettings>;
export type SettingName = keyof HubSettings;

/** The settings that are PASSWORD properties. */
export const SECRET_NAMES = [
  'iotHubConnectionString',
  'eventHubConnectionString',
  'storageConnectionString',
  'ingestStorageConnectionString',
] as const;
export type SecretName = (typeof SECRET_NAMES)[number];
export type NonSecretHubSettings = Omit<HubSettings, SecretName>;

export function settingFacts(name: SettingName): SettingFacts {
  return (HubSettings.properties[name] as unknown as Record<string, SettingFacts>)[
    SETTING_KEYWORD
  ] as SettingFacts;
}

export const SETTING_NAMES = Object.keys(HubSettings.properties) as SettingName[];

/** The settings as Connect takes them: no secrets, and a member that is absent has its default. */
export const HubSettingsInput = Type.Partial(Type.Omit(HubSettings, [...SECRET_NAMES]), {
  additionalProperties: false,
  description: 'The settings that are no secrets; a member that is absent has its default.',
});

/** Fills in the defaults. The input has passed the validation of HubSettingsInput. */
export function withDefaults(input: Static<typeof HubSettingsInput>): NonSecretHubSettings {
  const complete: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const value =
      (input as Record<string, unknown>)[name] ??
      (HubSettings.properties[name] as { default?: unknown }).default;
    if (value !== undefined) complete[name] = value;
  }
  return complete as NonSecretHubSettings;
}

/** True when going from one to the other needs a new consumer. */
export function reopensConsumer(before: HubSettings, after: HubSettings): boolean {
  return SETTING_NAMES.some(
    (name) => settingFacts(name).reopensConsumer === true && before[name] !== after[name],
  );
}

/** Said when the settings create Things or properties of which no history is kept; undefined otherwise. */
export function historyWarning(settings: HubSettings): string | undefined {
  const { deviceValueStream, unknownThing, unknownProperty, deviceLifecycle } = settings;
  if (deviceValueStream) return undefined;
  const creates = unknownThing === 'create' || unknownProperty === 'create' || deviceLifecycle !== 'keep';
  if (!creates) return undefined;
  return 'deviceValueStream is not set: created Things have no value stream, and created properties have no history.';
}

/**
 * What is missing or contradictory among complete settings, secrets included, that no single member shows; one sentence
 * that names the property and what is expected. Undefined when the hub can be connected.
 */
export function settingsProblem(settings: HubSettings): string | undefined {
  if (!settings.iotHubConnectionString && !settings.hostName && !settings.eventHubConnectionString) {
    return 'iotHubConnectionString is not set: enter the connection string of the IoT Hub, or its host name in hostName to sign in with Microsoft Entra ID.';
  }
  if (!settings.iotHubConnectionString && !settings.eventHubConnectionString) {
    return 'eventHubConnectionString is not set: without iotHubConnectionString the built-in endpoint cannot be found, so enter its connection string.';
  }
  return undefined;
}
