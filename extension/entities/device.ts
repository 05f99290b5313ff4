import {
  ADMINISTRATORS,
  INNER_CATEGORY,
  permit,
  permitAll,
  type ServiceDefinition,
  SIDECAR_GROUP,
  type SubscriptionDefinition,
  type ThingShape,
  type ThingTemplate,
} from '../../sidecar/entities/model.ts';
import { handWritten } from '../generate/scripts.ts';
import { operationServices } from '../generate/services.ts';
import { deviceEvents, PACKAGE_SHAPE } from './hub-inbound.ts';
import { permitFrom, permitInside, permitListing, serviceRights, VALUE_SERVICES } from './roles.ts';

const DEVICE = 'Azure IoT';

const synchronizeTwin: ServiceDefinition = {
  name: 'SynchronizeTwin',
  category: 'Twin',
  description:
    'Called when twinDesired or twinTags was set: sends the difference to the IoT Hub through the sidecar. A refused value is replaced by the value of the IoT Hub.',
  parameters: [
    { name: 'property', baseType: 'STRING', description: 'twinDesired or twinTags.', isRequired: true },
    { name: 'before', baseType: 'JSON', description: 'The value before.' },
    { name: 'after', baseType: 'JSON', description: 'The value now.' },
    { name: 'time', baseType: 'DATETIME', description: 'When it was set.' },
  ],
  result: { baseType: 'NOTHING', description: '' },
  script: handWritten('SynchronizeTwin'),
};

const refreshTwin: ServiceDefinition = {
  name: 'RefreshTwin',
  category: 'Twin',
  description:
    'Reads the twin of the device and writes it to twinDesired, twinReported and twinTags, with connectionState, lastActivityTime and modelId.',
  parameters: [],
  result: {
    baseType: 'JSON',
    description: 'What was read: desired, reported, tags, connectionState, modelId.',
  },
  script: handWritten('RefreshTwin'),
};

const refreshTwinInBackground: ServiceDefinition = {
  name: 'RefreshTwinInBackground',
  category: 'Twin',
  description: 'Does what RefreshTwin does without waiting for it; an error is logged.',
  parameters: [
    {
      name: 'always',
      baseType: 'BOOLEAN',
      description: 'Whether the twin is read even if this Thing has one already.',
      defaultValue: 'false',
    },
  ],
  result: { baseType: 'NOTHING', description: '' },
  isAsync: true,
  script: handWritten('RefreshTwinInBackground'),
};

/**
 * A new Thing, or one that stands for another device now, gets what the registry says of its device. An import makes thousands of Things
 * that have their twin already: their subscriptions call nothing.
 */
const REFRESH_IF_UNKNOWN =
  'var twin = me.twinDesired; ' +
  'if ((!twin || twin.$version === undefined) && me.hubThing) { me.RefreshTwinInBackground({ always: false }); }';

const refreshSubscriptions: readonly SubscriptionDefinition[] = [
  {
    name: 'RefreshTwinAtStart',
    description: 'Reads the twin of the device when this Thing starts and has none yet.',
    eventName: 'ThingStart',
    script: REFRESH_IF_UNKNOWN,
  },
  ...['deviceId', 'hubThing'].map(
    (property): SubscriptionDefinition => ({
      name: `RefreshTwinWhenChanged_${property}`,
      description: `Reads the twin of the device when ${property} was set.`,
      eventName: 'DataChange',
      sourceProperty: property,
      script:
        'if (eventData.oldValue && eventData.oldValue.value) { me.RefreshTwinInBackground({ always: true }); } ' +
        `else { ${REFRESH_IF_UNKNOWN} }`,
    }),
  ),
];

/** What the IoT Hub has written, at the time that it has with it, need not go back there. */
const synchronizeSubscriptions = ['twinDesired', 'twinTags'].map(
  (property): SubscriptionDefinition => ({
    name: `Synchronize_${property}`,
    description: `Brings ${property} to the IoT Hub when somebody has set it here.`,
    eventName: 'DataChange',
    sourceProperty: property,
    script:
      'var value = eventData.newValue.value; ' +
      'if (!value || value.$mirrored !== eventData.newValue.time.getTime()) { ' +
      `me.SynchronizeTwin({ property: "${property}", before: eventData.oldValue.value, ` +
      'after: value, time: eventData.newValue.time }); }',
  }),
);

const healPropertyTimes: ServiceDefinition = {
  name: 'HealPropertyTimes',
  category: 'Telemetry',
  description:
    'Sets the time of property values that lie in the future to the present time. Without this, values with a correct time go to the history ' +
    'only and do not change the property.',
  parameters: [
    {
      name: 'purgeHistory',
      baseType: 'BOOLEAN',
      description:
        'Whether entries with a time in the future are also removed from the history of these properties.',
      defaultValue: 'false',
    },
  ],
  result: {
    baseType: 'JSON',
    description:
      'healed: the properties and the times that they had; failed: the properties that could not be written, with the reason.',
  },
  script: handWritten('HealPropertyTimes'),
};

export const deviceShape: ThingShape = {
  kind: 'ThingShape',
  name: 'AzureIoT.Device_TS',
  description: 'Makes a Thing represent a device of an Azure IoT Hub.',
  properties: [
    {
      name: 'deviceId',
      baseType: 'STRING',
      description: 'The id of the device in the IoT Hub. Empty: the name of this Thing.',
      category: DEVICE,
      isPersistent: true,
    },
    {
      name: 'hubThing',
      baseType: 'THINGNAME',
      description: 'The Thing of the IoT Hub to which the device belongs.',
      category: DEVICE,
      isPersistent: true,
      thingTemplate: 'AzureIoT.Hub_TT',
    },
    {
      name: 'twinDesired',
      baseType: 'JSON',
      description: 'The desired properties of the device twin.',
      category: DEVICE,
      isPersistent: true,
    },
    {
      name: 'twinReported',
      baseType: 'JSON',
      description: 'The reported properties of the device twin.',
      category: DEVICE,
      isPersistent: true,
    },
    {
      name: 'twinTags',
      baseType: 'JSON',
      description: 'The tags of the device twin.',
      category: DEVICE,
      isPersistent: true,
    },
    {
      name: 'modelId',
      baseType: 'STRING',
      description: 'The IoT Plug and Play model id of the device; empty when it has none.',
      category: DEVICE,
      isPersistent: true,
    },
    {
      name: 'connectionState',
      baseType: 'STRING',
      description:
        'Whether the device is connected to the IoT Hub: Connected or Disconnected; empty when not known.',
      category: DEVICE,
      isPersistent: true,
    },
    {
      name: 'lastActivityTime',
      baseType: 'DATETIME',
      description: 'When the device was last active. 1970-01-01 means never.',
      defaultValue: '1970-01-01T00:00:00.000Z',
      category: DEVICE,
      isPersistent: true,
    },
    {
      name: 'softwarePackages',
      baseType: 'INFOTABLE',
      dataShape: PACKAGE_SHAPE,
      description: 'The last deployment of each software package to the device, by DeployPackage.',
      category: DEVICE,
      isPersistent: true,
    },
    {
      name: 'connectionSequence',
      baseType: 'STRING',
      description: 'The number of the last connection event, which may come out of order; not to be edited.',
      category: INNER_CATEGORY,
      isPersistent: true,
      dataChangeType: 'NEVER',
    },
  ],
  services: [
    ...operationServices('AzureIoT.Device_TS'),
    synchronizeTwin,
    refreshTwin,
    refreshTwinInBackground,
    healPropertyTimes,
  ],
  events: deviceEvents,
  subscriptions: [...synchronizeSubscriptions, ...refreshSubscriptions],
  permissions: [
    ...permit('ServiceInvoke', SIDECAR_GROUP, ['GetImplementingThings', 'QueryImplementingThingsWithData']),
    ...permitListing(),
    // Which Thing a device has, wherever a mashup leads to it.
    ...permit('ServiceInvoke', ADMINISTRATORS, ['QueryImplementingThingsWithData']),
    ...permitFrom('viewer', 'ServiceInvoke', ['QueryImplementingThingsWithData']),
  ],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...serviceRights('AzureIoT.Device_TS'),
    ...permitFrom('viewer', 'ServiceInvoke', VALUE_SERVICES),
    ...permitFrom('viewer', 'PropertyRead', ['*']),
    // Operators write no property, so that UpdatePropertyValues can be left to those who may write all of them; they have UpdateTwin.
    ...permitFrom('engineer', 'ServiceInvoke', [refreshTwin.name, 'UpdatePropertyValues', 'GetPropertyTime']),
    ...permitFrom('engineer', 'PropertyWrite', ['*']),
    // What the subscriptions to the twin properties do.
    ...permitInside('ServiceInvoke', [synchronizeTwin.name, refreshTwinInBackground.name]),
    ...permitInside('PropertyRead', ['*']),
    ...permitInside('EventInvoke', ['TwinUpdateRefused']),
    ...permit('ServiceInvoke', SIDECAR_GROUP, [
      'UpdatePropertyValues',
      'GetPropertyTime',
      'SynchronizeTwin',
      'RefreshTwin',
      'RefreshTwinInBackground',
      // deviceLifecycle "create-and-disable".
      'DisableThing',
      'EnableThing',
      'IsEnabled',
      // unknownProperty "create", on Things that somebody else has made.
      'AddPropertyDefinition',
      'SetValueStream',
      'GetValueStream',
      'GetEffectivePropertyLogging',
      'RestartThing',
      'GetPropertyDefinitions',
      'GetMetadataAsJSON',
      'ImplementsShape',
      'IsDerivedFromTemplate',
    ]),
    ...permit('PropertyRead', SIDECAR_GROUP, ['*']),
    ...permit('PropertyWrite', SIDECAR_GROUP, ['*']),
    ...permit(
      'EventInvoke',
      SIDECAR_GROUP,
      deviceEvents.map((event) => event.name),
    ),
  ],
};

export const deviceTemplate: ThingTemplate = {
  kind: 'ThingTemplate',
  homeMashup: 'AzureIoT.Device_MU',
  name: 'AzureIoT.Device_TT',
  description:
    'A device of an Azure IoT Hub. Add the properties that it sends, or derive templates from it for kinds of devices.',
  baseThingTemplate: 'GenericThing',
  implementedShapes: ['AzureIoT.Device_TS'],
  properties: [],
  services: [],
  events: [],
  subscriptions: [],
  permissions: [],
  instancePermissions: [],
};
