import { ContainerSettings } from '../../sidecar/contract/thing-settings.ts';
import { ADMINISTRATORS, permitAll, type ThingTemplate } from '../../sidecar/entities/model.ts';
import { operationServices, settingProperties } from '../generate/services.ts';
import { permitFrom, permitInside, permitListing, READING_SERVICES, serviceRights } from './roles.ts';

const AZURE = 'Azure connection';

export const blobContainerTemplate: ThingTemplate = {
  kind: 'ThingTemplate',
  homeMashup: 'AzureIoT.Storage_MU',
  name: 'AzureIoT.BlobContainer_TT',
  description:
    "One container of a storage account, with the services of ThingWorx's FileRepository: scripts for a file repository work with it by its name.",
  baseThingTemplate: 'GenericThing',
  implementedShapes: [],
  properties: settingProperties(ContainerSettings, AZURE),
  services: operationServices('AzureIoT.BlobContainer_TT'),
  events: [],
  subscriptions: [],
  permissions: permitListing(),
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...serviceRights('AzureIoT.BlobContainer_TT'),
    ...permitFrom('viewer', 'ServiceInvoke', [...READING_SERVICES, 'CheckPermission']),
    ...permitFrom('viewer', 'PropertyRead', ['*']),
    ...permitInside('PropertyRead', ['*']),
  ],
};
