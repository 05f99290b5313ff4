import {
  ADMINISTRATORS,
  permit,
  permitAll,
  SIDECAR_GROUP,
  type SubscriptionDefinition,
  type ThingShape,
  type ThingTemplate,
} from '../../sidecar/entities/model.ts';
import { handWritten } from '../generate/scripts.ts';
import { operationServices } from '../generate/services.ts';
import { permitInside, serviceRights } from './roles.ts';

const EDGE = 'Azure IoT Edge';

/** Put on Things that implement AzureIoT.Device_TS as well: it names the device and the hub. */
export const edgeDeviceShape: ThingShape = {
  kind: 'ThingShape',
  name: 'AzureIoT.EdgeDevice_TS',
  description:
    'Makes a Thing of AzureIoT.Device_TS represent an IoT Edge device: its modules, their state and their deployment.',
  properties: [
    {
      name: 'modulesStatus',
      baseType: 'INFOTABLE',
      dataShape: 'AzureIoT.ModuleStatus_DS',
      description:
        'The modules as edgeAgent last reported them. GetModulesStatus writes them; Things of AzureIoT.EdgeDevice_TT call it by themselves ' +
        'if the hub routes twin change events.',
      category: EDGE,
      isPersistent: true,
    },
    {
      name: 'modulesStatusTime',
      baseType: 'DATETIME',
      description: 'When modulesStatus was read.',
      category: EDGE,
      isPersistent: true,
    },
  ],
  services: [
    ...operationServices('AzureIoT.EdgeDevice_TS'),
    {
      name: 'RefreshModulesStatus',
      category: 'IoT Edge',
      description: 'Tells the sidecar to write modulesStatus and does not wait for it; a failure is logged.',
      parameters: [],
      result: { baseType: 'NOTHING', description: '' },
      script: handWritten('RefreshModulesStatus'),
    },
  ],
  events: [],
  subscriptions: [],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...serviceRights('AzureIoT.EdgeDevice_TS'),
    ...permitInside('PropertyWrite', ['modulesStatus', 'modulesStatusTime']),
    // Whoever fires TwinChanged runs the subscription to it.
    ...permit('ServiceInvoke', SIDECAR_GROUP, ['RefreshModulesStatus']),
  ],
};

/** The shape cannot have it: the event is one of AzureIoT.Device_TS. */
const refresh: SubscriptionDefinition = {
  name: 'RefreshModulesStatus',
  description: 'Keeps modulesStatus up to date when the hub tells that edgeAgent has reported something.',
  eventName: 'TwinChanged',
  script:
    'if (String(eventData.moduleId) === "$edgeAgent" && eventData.reported !== undefined && eventData.reported !== null) {\n' +
    '  me.RefreshModulesStatus();\n' +
    '}',
};

export const edgeDeviceTemplate: ThingTemplate = {
  kind: 'ThingTemplate',
  homeMashup: 'AzureIoT.Device_MU',
  name: 'AzureIoT.EdgeDevice_TT',
  description:
    'An IoT Edge device of an Azure IoT Hub. Add AzureIoT.OpcPublisher_TS to those that run OPC Publisher.',
  baseThingTemplate: 'GenericThing',
  implementedShapes: ['AzureIoT.Device_TS', 'AzureIoT.EdgeDevice_TS'],
  properties: [],
  services: [],
  events: [],
  subscriptions: [refresh],
  permissions: [],
  instancePermissions: [],
};
