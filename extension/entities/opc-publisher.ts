import { ADMINISTRATORS, permitAll, type ThingShape } from '../../sidecar/entities/model.ts';
import { operationServices } from '../generate/services.ts';
import { permitInside, permitListing, serviceRights } from './roles.ts';

/** Put on Things that implement AzureIoT.Device_TS as well: it names the device and the hub. */
export const opcPublisherShape: ThingShape = {
  kind: 'ThingShape',
  name: 'AzureIoT.OpcPublisher_TS',
  description:
    'Gives a Thing of AzureIoT.Device_TS the operations of the OPC Publisher module (2.9) that runs on its device.',
  properties: [
    {
      name: 'publisherModuleId',
      baseType: 'STRING',
      description: 'The id of the OPC Publisher module on the device.',
      category: 'OPC Publisher',
      isPersistent: true,
      defaultValue: 'OPC_Publisher',
    },
    {
      name: 'serverUserName',
      baseType: 'STRING',
      description: 'The user name with which bound nodes are read, published and written. Empty: anonymous.',
      category: 'OPC Publisher',
      isPersistent: true,
    },
    {
      name: 'serverPassword',
      baseType: 'PASSWORD',
      description: 'The password of serverUserName.',
      category: 'OPC Publisher',
      isPersistent: true,
    },
  ],
  services: operationServices('AzureIoT.OpcPublisher_TS'),
  events: [],
  subscriptions: [],
  permissions: permitListing(),
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...serviceRights('AzureIoT.OpcPublisher_TS'),
    // What WriteNode of AzureIoT.BoundNodes_TS does, whoever sets a bound property.
    ...permitInside('ServiceInvoke', ['WriteValue']),
    ...permitInside('PropertyRead', ['*']),
  ],
};
