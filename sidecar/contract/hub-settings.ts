import Type, { type Static } from 'typebox';
import { EXPECTED_KEYWORD, JsonObject, OneOf } from './schema.ts';
import { CONTAINER_NAME, SETTING_KEYWORD, type SettingFacts, setting } from './setting.ts';
import { UPLOAD_SETTINGS } from './upload-settings.ts';

const AZURE = 'Azure connection';
const READING = 'Reading';
const TRANSLATION = 'Translation';
const FLOW = 'Flow control';
const DEAD_LETTERS = 'Dead letters';
const FROM_STORAGE = 'Ingestion from storage';
const OPERATION = 'Operation';

function secret(title: string, description: string) {
  const facts: SettingFacts = { category: AZURE, secret: true, reopensConsumer: true };
  return Type.Optional(setting(Type.String({ title, description, maxLength: 4096 }), facts, 'PASSWORD'));
}

/**
 * The settings of one hub Thing. From this schema come the types, the validation of PUT /v1/hubs/{hub}, the properties of
 * AzureIoT.Hub_TT and docs/services.md.
 */
export const HubSettings = Type.Object(
  {
    enabled: setting(
      Type.Boolean({
        title: 'Enabled',
        description:
          'Whether this hub shall be connected. Turn off to stop receiving without losing the settings.',
        default: true,
      }),
      { category: OPERATION, reopensConsumer: true },
    ),
    iotHubConnectionString: secret(
      'IoT Hub connection string',
      'Connection string of a shared access policy of the IoT Hub (HostName=...;SharedAccessKeyName=...;SharedAccessKey=...). ' +
        'Service connect is enough for telemetry, twins, methods and messages; registry rights are needed to manage devices. ' +
        'May be env:NAME or file:/path, which the sidecar resolves. Leave empty to sign in with Microsoft Entra ID.',
    ),
    hostName: Type.Optional(
      setting(
        Type.String({
          title: 'IoT Hub host name',
          description:
            'Host name of the IoT Hub, such as my-hub.azure-devices.net, when the sidecar signs in with Microsoft Entra ID ' +
            '(managed identity, workload identity or environment). Not needed with a connection string.',
          maxLength: 260,
          pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$',
          [EXPECTED_KEYWORD]: 'a host name such as my-hub.azure-devices.net',
        }),
        { category: AZURE, reopensConsumer: true },
      ),
    ),
    tier: setting(
      OneOf(['unknown', 'F1', 'B1', 'B2', 'B3', 'S1', 'S2', 'S3'], {
        title: 'Tier of the IoT Hub',
        description:
          'Edition and size of the IoT Hub: calls keep to its rates (docs/operate.md). With unknown they are held back only once the ' +
          'hub refuses some.',
        default: 'unknown',
      }),
      { category: AZURE },
    ),
    units: setting(
      Type.Integer({
        title: 'Units of the IoT Hub',
        description: 'How many units of its tier the IoT Hub has; its rates grow with them.',
        default: 1,
        minimum: 1,
        maximum: 200,
      }),
      { category: AZURE },
    ),
    eventHubConnectionString: secret(
      'Event Hubs-compatible connection string',
      'Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...;EntityPath=... of the built-in endpoint. Leave empty: it is ' +
        'found from the IoT Hub connection string. Needed with Microsoft Entra ID, or to read another Event Hub. Without a key the ' +
        'sidecar signs in with Microsoft Entra ID: Event Hubs take that, the built-in endpoint of an IoT Hub does not.',
    ),
    amqpTransport: setting(
      OneOf(['amqp', 'amqp-websockets'], {
        title: 'AMQP transport',
        description:
          'How the sidecar speaks AMQP with Azure: on port 5671 (amqp), or in WebSockets on port 443 (amqp-websockets) where a ' +
          'firewall or proxy lets nothing else through.',
        default: 'amqp',
      }),
      { category: AZURE, reopensConsumer: true },
    ),
    consumerGroup: setting(
      Type.String({
        title: 'Consumer group',
        description:
          'Consumer group on the built-in endpoint. Give this connector one of its own in production.',
        default: '$Default',
        minLength: 1,
        maxLength: 256,
        pattern: '^[A-Za-z0-9$_.-]+$',
        [EXPECTED_KEYWORD]: 'the name of a consumer group, such as $Default or thingworx',
      }),
      { category: READING, reopensConsumer: true },
    ),
    startPosition: setting(
      Type.String({
        title: 'Start position',
        description:
          'Where to begin in partitions without a checkpoint: latest (only new messages), earliest (all that the hub keeps), ' +
          'or a time such as 2026-01-31T12:00:00Z.',
        default: 'latest',
        pattern:
          '^(latest|earliest|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2}))$',
        [EXPECTED_KEYWORD]: 'latest, earliest or a time with its zone such as 2026-01-31T12:00:00Z',
      }),
      { category: READING, reopensConsumer: true },
    ),
    storageConnectionString: secret(
      'Storage for checkpoints',
      'Connection string of the storage account that keeps the checkpoints, or its https address to sign in with Microsoft ' +
        'Entra ID. Needed when several sidecars share the hub; empty keeps checkpoints in a file of the single sidecar.',
    ),
    checkpointContainer: setting(
      Type.String({
        title: 'Checkpoint container',
        description: 'Blob container for the checkpoints; created when it does not exist.',
        default: 'thingworx-checkpoints',
        pattern: CONTAINER_NAME,
        [EXPECTED_KEYWORD]: '3 to 63 lower-case letters, digits and single hyphens',
      }),
      { category: READING, reopensConsumer: true },
    ),
    unknownThing: setting(
      OneOf(['dead-letter', 'create', 'ignore'], {
        title: 'Unknown Thing',
        description:
          'What to do with a message whose Thing does not exist: put it aside (dead-letter), make the Thing from the device ' +
          'template (create), or leave the message out (ignore).',
        default: 'dead-letter',
      }),
      { category: TRANSLATION },
    ),
    unknownProperty: setting(
      OneOf(['ignore', 'create', 'dead-letter'], {
        title: 'Unknown property',
        description:
          'What to do with a value for which the Thing has no property: leave the value out (ignore), add the property ' +
          '(create), or put the whole message aside (dead-letter).',
        default: 'ignore',
      }),
      { category: TRANSLATION },
    ),
    deviceTemplate: setting(
      Type.String({
        title: 'Device template',
        description:
          'Thing Template of the Things that are made for unknown devices; it must implement AzureIoT.Device_TS.',
        default: 'AzureIoT.Device_TT',
        minLength: 1,
        maxLength: 256,
      }),
      { category: TRANSLATION },
    ),
    mappings: Type.Optional(
      setting(
        JsonObject({
          title: 'Mappings',
          description:
            'Rules that say how messages become property values. Empty: the Thing has the name of the device and each ' +
            'top-level key of the message is a property.',
        }),
        { category: TRANSLATION },
      ),
    ),
    deviceLifecycle: setting(
      OneOf(['keep', 'create', 'create-and-disable', 'create-and-delete'], {
        title: 'Device life cycle',
        description:
          'What follows for Things when a device is created in the IoT Hub or deleted from it: nothing (keep), its Thing is ' +
          'made (create), and disabled (create-and-disable; enabled again with the device) or deleted with its history ' +
          '(create-and-delete) when the device is deleted. The hub must route device life cycle events to the built-in endpoint.',
        default: 'keep',
      }),
      { category: TRANSLATION },
    ),
    messageFeedback: setting(
      Type.Boolean({
        title: 'Message feedback',
        description:
          'Whether outcomes of cloud-to-device messages become events. All readers of the feedback of a hub share one queue: ' +
          'turn off when another program needs it.',
        default: true,
      }),
      { category: READING },
    ),
    ...UPLOAD_SETTINGS,
    maxRowsPerCall: setting(
      Type.Integer({
        title: 'Rows in one call',
        description:
          'The most messages that one call to ThingWorx carries. The sidecar adapts below it to the answer time.',
        default: 500,
        minimum: 1,
        maximum: 10_000,
      }),
      { category: FLOW },
    ),
    maxBytesPerCall: setting(
      Type.Integer({
        title: 'Bytes in one call',
        description:
          'The largest body of one call to ThingWorx, in bytes. Platforms and proxies refuse large bodies.',
        default: 1_000_000,
        minimum: 10_000,
        maximum: 20_000_000,
      }),
      { category: FLOW },
    ),
    messagesInFlightPerPartition: setting(
      Type.Integer({
        title: 'Messages in flight per partition',
        description:
          'The most messages of one partition that wait in the sidecar; beyond it the partition is not read.',
        default: 600,
        minimum: 1,
        maximum: 100_000,
      }),
      { category: FLOW },
    ),
    bytesInFlightPerPartition: setting(
      Type.Integer({
        title: 'Bytes in flight per partition',
        description: 'The most message bytes of one partition that wait in the sidecar; bounds its memory.',
        default: 4_194_304,
        minimum: 262_144,
        maximum: 268_435_456,
      }),
      { category: FLOW },
    ),
    deadLetterContainer: setting(
      Type.String({
        title: 'Dead letter container',
        description:
          'Blob container for messages that could not be delivered, in the storage account for checkpoints; created when it ' +
          'does not exist. Without storage they are kept in files of the sidecar.',
        default: 'thingworx-dead-letters',
        pattern: CONTAINER_NAME,
        [EXPECTED_KEYWORD]: '3 to 63 lower-case letters, digits and single hyphens',
      }),
      { category: DEAD_LETTERS },
    ),
    deadLetterDays: setting(
      Type.Integer({
        title: 'Days to keep dead letters',
        description: 'Dead letters that are older, in days, are removed.',
        default: 30,
        minimum: 1,
        maximum: 3_650,
      }),
      { category: DEAD_LETTERS },
    ),
    deadLetterMegabytes: setting(
      Type.Integer({
        title: 'Megabytes of dead letters',
        description:
          'The most that the dead letters of this hub may take, in megabytes. At 80 percent the status warns; beyond it the ' +
          'oldest are removed.',
        default: 1_024,
        minimum: 10,
        maximum: 1_000_000,
      }),
      { category: DEAD_LETTERS },
    ),
    ingestStorageConnectionString: Type.Optional(
      setting(
        Type.String({
          title: 'Storage to ingest from',
          description:
            'Connection string, or https address with a SAS or for Microsoft Entra ID, of the storage account that IoT Hub ' +
            'routes messages to or that Event Hubs Capture writes to. Empty: the storage account for checkpoints.',
          maxLength: 4096,
        }),
        { category: FROM_STORAGE, secret: true },
        'PASSWORD',
      ),
    ),
    watchContainer: setting(
      Type.String({
        title: 'Watched container',
        description:
          'Blob container whose new files of routed or captured messages are ingested as they appear. Empty: none is watched.',
        default: '',
        pattern: `^$|${CONTAINER_NAME}`,
        [EXPECTED_KEYWORD]: 'the name of a blob container, or nothing',
      }),
      { category: FROM_STORAGE },
    ),
    watchPrefix: setting(
      Type.String({
        title: 'Watched prefix',
        description:
          'Only files of the watched container whose names begin with this are ingested, such as my-hub/.',
        default: '',
        maxLength: 1_024,
      }),
      { category: FROM_STORAGE },
    ),
    watchIntervalSeconds: setting(
      Type.Integer({
        title: 'Seconds between looks',
        description: 'How often the watched container is looked at for new files, in seconds.',
        default: 60,
        minimum: 1,
        maximum: 86_400,
      }),
      { category: FROM_STORAGE },
    ),
    logPayloads: setting(
      Type.Boolean({
        title: 'Log payloads',
        description:
          'Whether bodies of messages may appear in the debug log of the sidecar. Only for finding faults.',
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

/** The settings as Connect takes them: no secrets, and what is left out gets its default. */
export const HubSettingsInput = Type.Partial(Type.Omit(HubSettings, [...SECRET_NAMES]), {
  additionalProperties: false,
  description: 'The settings that are no secrets; what is left out has its default.',
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
