import { operationServices } from '../generate/services.ts';
import {
  ADMINISTRATORS,
  permit,
  permitAll,
  SIDECAR_GROUP,
  type ThingShape,
  type ThingTemplate,
} from './model.ts';

const DEVICE = 'Azure IoT';

export const deviceShape: ThingShape = {
  kind: 'ThingShape',
  name: 'AzureIoT.Device_TS',
  description: 'Makes a Thing the image of a device of an Azure IoT Hub.',
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
      description: 'When the device was last heard of.',
      category: DEVICE,
      isPersistent: true,
    },
  ],
  services: operationServices('AzureIoT.Device_TS'),
  events: [],
  subscriptions: [],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...permit('ServiceInvoke', SIDECAR_GROUP, [
      'UpdatePropertyValues',
      'GetPropertyDefinitions',
      'GetMetadataAsJSON',
    ]),
    ...permit('PropertyRead', SIDECAR_GROUP, ['*']),
    ...permit('PropertyWrite', SIDECAR_GROUP, ['*']),
  ],
};

export const deviceTemplate: ThingTemplate = {
  kind: 'ThingTemplate',
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
