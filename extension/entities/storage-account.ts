import { StorageSettings } from '../../sidecar/contract/thing-settings.ts';
import {
  ADMINISTRATORS,
  permit,
  permitAll,
  SIDECAR_GROUP,
  type SubscriptionDefinition,
  type ThingTemplate,
} from '../../sidecar/entities/model.ts';
import { handWritten } from '../generate/scripts.ts';
import { operationServices, settingProperties } from '../generate/services.ts';
import { permitFrom, permitInside, READING_SERVICES, serviceRights } from './roles.ts';
import { INTRODUCTION_RIGHTS, SIDECAR_SETTINGS, SIDECAR_WRITTEN } from './sidecar-shape.ts';

const AZURE = 'Azure connection';
const CONNECT = 'me.ConnectStorageInBackground();';
const SETTINGS = [...SIDECAR_SETTINGS, 'storageConnectionString', 'blobEndpoint'];

const subscriptions: readonly SubscriptionDefinition[] = [
  {
    name: 'ConnectAtStart',
    description: 'Connects when ThingWorx or this Thing starts.',
    eventName: 'ThingStart',
    script: CONNECT,
  },
  ...SETTINGS.map(
    (property): SubscriptionDefinition => ({
      name: `ConnectWhenChanged_${property}`,
      description: `Sends the settings to the sidecar when ${property} has changed.`,
      eventName: 'DataChange',
      sourceProperty: property,
      script: CONNECT,
    }),
  ),
];

export const storageAccountTemplate: ThingTemplate = {
  kind: 'ThingTemplate',
  name: 'AzureIoT.StorageAccount_TT',
  description: 'One Azure storage account: how to reach it, and its containers.',
  baseThingTemplate: 'GenericThing',
  implementedShapes: ['AzureIoT.Sidecar_TS'],
  properties: [
    ...settingProperties(StorageSettings, AZURE),
    {
      name: 'lastError',
      baseType: 'STRING',
      description: 'Why ConnectStorage failed the last time; empty when it did not.',
      category: 'Status',
    },
  ],
  services: [
    ...operationServices('AzureIoT.StorageAccount_TT'),
    {
      name: 'ConnectStorageInBackground',
      category: 'Connection',
      description:
        'Does what ConnectStorage does without waiting for it; a failure is logged and shown in lastError.',
      parameters: [],
      result: { baseType: 'NOTHING', description: '' },
      isAsync: true,
      script: handWritten('ConnectStorageInBackground'),
    },
  ],
  events: [],
  subscriptions,
  permissions: permit('ServiceInvoke', SIDECAR_GROUP, ['GetImplementingThings', 'QueryImplementingThings']),
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...INTRODUCTION_RIGHTS,
    ...serviceRights('AzureIoT.StorageAccount_TT'),
    ...permitFrom('viewer', 'ServiceInvoke', READING_SERVICES),
    ...permitFrom('viewer', 'PropertyRead', ['blobEndpoint', 'lastError']),
    ...permitInside('PropertyRead', ['*']),
    ...permitInside('PropertyWrite', ['lastError']),
    ...permit('ServiceInvoke', SIDECAR_GROUP, ['ConnectStorage', 'CallSidecar']),
    ...permit('PropertyRead', SIDECAR_GROUP, ['*']),
    ...permit('PropertyWrite', SIDECAR_GROUP, ['lastError', ...SIDECAR_WRITTEN]),
  ],
};
