import { SECRET_NAMES, SETTING_NAMES } from '../../sidecar/contract/hub-settings.ts';
import { AZURE_SETTINGS } from '../../sidecar/contract/settings/azure.ts';
import { GroupMembers, HubStatus } from '../../sidecar/contract/status.ts';
import {
  ADMINISTRATORS,
  type EventDefinition,
  permit,
  permitAll,
  type ServiceDefinition,
  SIDECAR_GROUP,
  type SubscriptionDefinition,
  type ThingTemplate,
} from '../../sidecar/entities/model.ts';
import { tableType } from '../generate/operation-script.ts';
import { handWritten } from '../generate/scripts.ts';
import { operationServices } from '../generate/services.ts';

import { bindingInboundServices } from './bound-nodes.ts';

import { canaryConstants, canaryEvents, canaryProperties } from './canary.ts';

import { checkConstants } from './check-constants.ts';
import { recentError } from './data-shapes.ts';
import { deviceShape } from './device.ts';
import { grantService, importEvents, importInboundServices } from './hub-import.ts';
import { deviceInboundServices, hubDeviceEvents } from './hub-inbound.ts';
import {
  partitionProperties,
  settingConstants,
  settingProperties,
  statusProperties,
} from './hub-properties.ts';
import { migrationInboundServices, migrationProperty, planMigration } from './migration.ts';
import { PTC } from './ptc-names.ts';
import { ptcEventConstants } from './ptc-services.ts';
import { quotaConstants, quotaEvents, quotaProperties } from './quota.ts';
import { permitFrom, permitInside, permitListing, READING_SERVICES, serviceRights } from './roles.ts';
import { INTRODUCTION_RIGHTS, SIDECAR_SETTINGS, SIDECAR_WRITTEN } from './sidecar-shape.ts';

const { REMEDIES } = checkConstants;
/** What scripts need that read or write the status of a group. */
const groupConstants = {
  PARTITIONS_TYPE: tableType(HubStatus.properties.partitions),
  SIDECARS_TYPE: tableType(GroupMembers),
  ...canaryConstants,
  ...quotaConstants,
};

const services: readonly ServiceDefinition[] = [
  ...operationServices('AzureIoT.Hub_TT', {
    Connect: { ...settingConstants, ...groupConstants, REMEDIES },
    GetStatus: { ...groupConstants, REMEDIES },
    GetQuota: { QUOTA_ORDER: quotaConstants.QUOTA_ORDER },
    CheckConnection: { ...checkConstants, ...settingConstants, ...groupConstants },
  }),
  grantService,
  planMigration,
  {
    name: 'ConnectInBackground',
    category: 'Connection',
    description: 'Does what Connect does without waiting for it; a failure is logged and shown in lastError.',
    parameters: [],
    result: { baseType: 'NOTHING', description: '' },
    isAsync: true,
    script: handWritten('ConnectInBackground', { ...settingConstants, ...groupConstants }),
  },
  {
    name: 'WatchSidecar',
    category: 'Connection',
    description:
      'Called every minute: checks whether the sidecar still writes the status, and calls ReportSilence if it does not.',
    parameters: [],
    result: { baseType: 'NOTHING', description: '' },
    script: handWritten('WatchSidecar'),
  },
  {
    name: 'ReportSilence',
    category: 'Connection',
    description:
      'Called when the sidecar writes no status: finds the cause, sets connectionStatus to unreachable and fires ConnectionStateChanged.',
    parameters: [],
    result: { baseType: 'NOTHING', description: '' },
    isAsync: true,
    script: handWritten('ReportSilence'),
  },
  {
    name: 'ReceiveStatus',
    category: 'Inbound',
    description: 'Called by the sidecar: writes the status properties and fires ConnectionStateChanged.',
    parameters: [
      {
        name: 'status',
        baseType: 'JSON',
        description: 'A status of the sidecar, whole or in part.',
        isRequired: true,
      },
    ],
    result: { baseType: 'NOTHING', description: '' },
    script: handWritten('ReceiveStatus', {
      ...groupConstants,
      ...ptcEventConstants,
      ERROR_FIELDS: Object.fromEntries(recentError.fields.map(({ name, baseType }) => [name, baseType])),
      REMEDIES,
    }),
  },
  {
    name: 'ReceiveUpdates',
    category: 'Inbound',
    description: 'Called by the sidecar: applies the values of one batch to many Things and drops repeats.',
    parameters: [
      {
        name: 'batch',
        baseType: 'JSON',
        description:
          'stream, partition, through, writer, signatures, and things with name and rows. With opens, writer becomes the writer of the partition.',
        isRequired: true,
      },
    ],
    result: {
      baseType: 'JSON',
      description:
        'accepted, repeated, appliedThrough (the high-water mark before), and refused with thing, property, sequenceNumber, time and reason (UNDECIDED for what is to be sent again); taken when another writer has opened the partition, busy while a call of an earlier writer runs.',
    },
    script: handWritten('ReceiveUpdates'),
  },
  {
    name: 'DescribeThings',
    category: 'Inbound',
    description: 'Called by the sidecar: returns template and properties of the named Things.',
    parameters: [
      {
        name: 'names',
        baseType: 'JSON',
        description: 'An object such as {"names": ["device-1"]}.',
        isRequired: true,
      },
    ],
    result: { baseType: 'JSON', description: 'things, by name, and missing.' },
    script: handWritten('DescribeThings', {
      PTC_HUB_PROPERTY: PTC.hubProperty,
      DEVICE_TABLES: Object.fromEntries(
        deviceShape.properties
          .filter(({ baseType }) => baseType === 'INFOTABLE')
          .map(({ name, dataShape }) => [name, dataShape]),
      ),
    }),
  },
  {
    name: 'CreateThings',
    category: 'Inbound',
    description:
      'Called by the sidecar: creates Things for devices and properties for values, as the settings say.',
    parameters: [
      {
        name: 'request',
        baseType: 'JSON',
        description:
          'things of name, template, deviceId; properties of thing, name, baseType; dryRun to create nothing.',
        isRequired: true,
      },
    ],
    result: { baseType: 'JSON', description: 'created, linked, added, and failed with thing and message.' },
    script: handWritten('CreateThings'),
  },
  {
    name: 'CheckRights',
    category: 'Inbound',
    description: 'Called by the sidecar: which services its user may not call, without calling them.',
    parameters: [
      {
        name: 'request',
        baseType: 'JSON',
        description: 'services of this Thing, and resources with name and services.',
        isRequired: true,
      },
    ],
    result: {
      baseType: 'JSON',
      description: 'missing: names of services, those of resources as Resource.Service.',
    },
    script: handWritten('CheckRights'),
  },
  ...deviceInboundServices,
  ...importInboundServices,
  ...bindingInboundServices,
  ...migrationInboundServices,
];

const events: readonly EventDefinition[] = [
  {
    name: 'ConnectionStateChanged',
    category: 'Connection',
    description: 'The state of the connection has changed.',
    dataShape: 'AzureIoT.ConnectionState_DS',
  },
  {
    name: 'IngestionStalled',
    category: 'Connection',
    description:
      'Messages wait and none has been settled for 30 seconds. If ThingWorx was not reachable, the event fires afterwards.',
    dataShape: 'AzureIoT.IngestionStall_DS',
  },
  {
    name: 'IngestionResumed',
    category: 'Connection',
    description: 'Messages are settled again after IngestionStalled.',
    dataShape: 'AzureIoT.IngestionStall_DS',
  },
  {
    name: 'TelemetryRefused',
    category: 'Inbound',
    description: 'ThingWorx refused values of a batch.',
    dataShape: 'AzureIoT.TelemetryRefused_DS',
  },
  {
    name: 'ThingCreated',
    category: 'Inbound',
    description: 'A Thing was created for a device.',
    dataShape: 'AzureIoT.ThingCreated_DS',
  },
  {
    name: 'PropertyCreated',
    category: 'Inbound',
    description: 'A property was added to a Thing for a value that its device sent.',
    dataShape: 'AzureIoT.PropertyCreated_DS',
  },
  ...hubDeviceEvents,
  ...importEvents,
  ...canaryEvents,
  ...quotaEvents,
];

const CONNECT = 'me.ConnectInBackground();';

/** What ReceiveStatus writes. */
const shownProperties = [...statusProperties, ...canaryProperties, ...quotaProperties];

/** One subscription for each setting: a subscription to all properties would also see the status that Connect writes. */
const subscriptions: readonly SubscriptionDefinition[] = [
  {
    name: 'ConnectAtStart',
    description: 'Connects when ThingWorx or this Thing starts.',
    eventName: 'ThingStart',
    script: CONNECT,
  },
  ...[...SIDECAR_SETTINGS, ...SETTING_NAMES].map(
    (property): SubscriptionDefinition => ({
      name: `ConnectWhenChanged_${property}`,
      description: `Sends the settings to the sidecar when ${property} has changed.`,
      eventName: 'DataChange',
      sourceProperty: property,
      script: CONNECT,
    }),
  ),
];

/** What the sidecar calls, and what those services call and write in turn with the rights of the caller. */
const SIDECAR_CALLS = [
  'Connect',
  'ReceiveStatus',
  'ReceiveUpdates',
  'DescribeThings',
  'CreateThings',
  'CheckRights',
  ...[...deviceInboundServices, ...importInboundServices, ...bindingInboundServices].map(
    (service) => service.name,
  ),
];
const WRITTEN = [
  ...[...shownProperties, ...partitionProperties].map((property) => property.name),
  ...SIDECAR_WRITTEN,
];

function isSecret(property: string): boolean {
  return (SECRET_NAMES as readonly string[]).includes(property);
}

export const hubTemplate: ThingTemplate = {
  kind: 'ThingTemplate',
  homeMashup: 'AzureIoT.Hub_MU',
  name: 'AzureIoT.Hub_TT',
  description:
    'One Azure IoT Hub: its settings and status as properties, and the services that need no device.',
  baseThingTemplate: 'GenericThing',
  implementedShapes: ['AzureIoT.Sidecar_TS'],
  properties: [...settingProperties, ...shownProperties, migrationProperty, ...partitionProperties],
  services,
  events,
  subscriptions,
  permissions: [
    ...permit('ServiceInvoke', SIDECAR_GROUP, ['GetImplementingThings', 'QueryImplementingThings']),
    ...permitListing(),
  ],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...INTRODUCTION_RIGHTS,
    ...serviceRights('AzureIoT.Hub_TT'),
    ...permitFrom('viewer', 'ServiceInvoke', [...READING_SERVICES, 'FindDeviceThings']),
    ...permitFrom('viewer', 'PropertyRead', [
      ...settingProperties.map(({ name }) => name).filter((name) => !isSecret(name)),
      ...shownProperties.map(({ name }) => name),
    ]),
    ...permitFrom(
      'engineer',
      'PropertyWrite',
      settingProperties
        .map(({ name }) => name)
        .filter((name) => !isSecret(name) && !(name in AZURE_SETTINGS)),
    ),
    // What Connect, CheckConnection and GetStatus do with the status, and what follows when a setting is written.
    ...permitInside('ServiceInvoke', ['ReceiveStatus', 'ConnectInBackground']),
    ...permitInside('PropertyRead', ['*']),
    ...permitInside(
      'PropertyWrite',
      shownProperties.map(({ name }) => name),
    ),
    ...permitInside('EventInvoke', [
      'ConnectionStateChanged',
      'IngestionStalled',
      'IngestionResumed',
      ...quotaEvents.map(({ name }) => name),
    ]),
    ...permit('ServiceInvoke', SIDECAR_GROUP, [...SIDECAR_CALLS, 'CallSidecar', 'CheckPermission']),
    ...permit('PropertyRead', SIDECAR_GROUP, ['*']),
    ...permit('PropertyWrite', SIDECAR_GROUP, WRITTEN),
    ...permit(
      'EventInvoke',
      SIDECAR_GROUP,
      events.map((event) => event.name),
    ),
  ],
};
