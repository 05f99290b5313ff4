import Type from 'typebox';
import { forThingWorx, JsonObject } from './schema.ts';

/**
 * The settings that Things have beside those of hub-settings.ts. From these schemas come the properties of AzureIoT.Sidecar_TS and of the
 * templates of storage, and what the configuration document has for them.
 */

/** How hub Things and storage Things reach the sidecar. */
export const SidecarAccess = Type.Object({
  sidecarUrl: Type.String({
    description:
      'Address of the sidecar as the ThingWorx server reaches it. Several addresses, separated by blanks, or a * in a host name: each sidecar at such an address serves this Thing.',
    default: 'http://127.0.0.1:8780',
  }),
  sidecarToken: forThingWorx(
    Type.String({
      description:
        'The token that the sidecar was started with (SIDECAR_TOKEN, or the file it wrote at its first start).',
    }),
    { baseType: 'PASSWORD' },
  ),
  sidecarTokenText: Type.String({
    description:
      'Last resort, when CheckConnection says that this ThingWorx does not hand on PASSWORD values in clear: the token again. Whoever may read properties of this Thing reads it.',
  }),
  secretReferences: JsonObject({
    description:
      'Where the sidecar finds secrets, instead of the PASSWORD property of the same name: {"iotHubConnectionString": "env:NAME"} or "file:/path"; never a secret itself.',
  }),
});

/** One storage account. */
export const StorageSettings = Type.Object({
  storageConnectionString: forThingWorx(
    Type.String({
      description:
        'The connection string of the storage account, or its address with a SAS. May be env:NAME or file:/path, which the sidecar ' +
        'resolves. Empty: Microsoft Entra ID with blobEndpoint.',
    }),
    { baseType: 'PASSWORD' },
  ),
  blobEndpoint: Type.String({
    description:
      'The address of the storage account, such as https://account.blob.core.windows.net, to sign in with Microsoft Entra ID.',
  }),
});

/** One blob container. */
export const ContainerSettings = Type.Object({
  storageThing: forThingWorx(Type.String({ description: 'The Thing of the storage account.' }), {
    baseType: 'THINGNAME',
    thingTemplate: 'AzureIoT.StorageAccount_TT',
  }),
  containerName: Type.String({ description: 'The name of the container in the storage account.' }),
});
