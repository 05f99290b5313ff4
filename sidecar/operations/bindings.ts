import type { OfferingEntity } from './operation.ts';

/** Where a bound input member comes from: the name of the Thing, or one of its properties. */
export interface BindingSource {
  /** A property of the Thing; its name when it has no such property or the property is empty. */
  readonly property?: string;
  /** True when the Thing's own name is the value, or stands in for an empty property. */
  readonly name?: true;
  /** True when the member is left out while the property is empty. */
  readonly optional?: true;
}

interface EntityBinding {
  /** The Thing whose CallSidecar makes the call: the Thing itself, or the one that a property names. */
  readonly caller: 'me' | { readonly property: string };
  /** The members that are filled from the Thing and are no parameters of its services. */
  readonly members: Readonly<Record<string, BindingSource>>;
}

const DEVICE: EntityBinding = {
  caller: { property: 'hubThing' },
  members: { hub: { property: 'hubThing' }, deviceId: { property: 'deviceId', name: true } },
};

/** What each offering entity fills in by itself. */
export const BINDINGS: Readonly<Record<OfferingEntity, EntityBinding>> = {
  'AzureIoT.Sidecar_TS': { caller: 'me', members: {} },
  'AzureIoT.Hub_TT': { caller: 'me', members: { hub: { name: true } } },
  'AzureIoT.Device_TS': DEVICE,
  'AzureIoT.EdgeDevice_TS': DEVICE,
  'AzureIoT.OpcPublisher_TS': {
    caller: DEVICE.caller,
    members: {
      ...DEVICE.members,
      moduleId: { property: 'publisherModuleId' },
      publisher: { name: true },
      serverUserName: { property: 'serverUserName', optional: true },
      serverPassword: { property: 'serverPassword', optional: true },
    },
  },
  'AzureIoT.StorageAccount_TT': { caller: 'me', members: { account: { name: true } } },
  'AzureIoT.BlobContainer_TT': {
    caller: { property: 'storageThing' },
    members: { account: { property: 'storageThing' }, container: { property: 'containerName' } },
  },
};
