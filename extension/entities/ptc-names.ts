/**
 * The names of PTC's connector that a migration reads, as public pages and scripts have them. What PTC's entities look like is not public:
 * scripts look for the keys of the settings in every configuration table of a Thing, whatever its name.
 */
export const PTC = {
  deviceTemplate: 'AzureIotThing',
  hubTemplate: 'AzureIotHubTemplate',
  storageTemplate: 'AzureBlobStorageTemplate',
  containerTemplate: 'AzureStorageContainerFileRepository',
  /** The property of a device Thing that names its hub Thing. */
  hubProperty: 'gatewayThing',
  /** What each setting of a hub Thing becomes. */
  hubKeys: {
    consumerGroup: 'consumerGroup',
    connection: 'consumerPolicyConnectionString',
    registry: 'registryPolicyConnectionString',
    checkpoints: 'eventProcessorHostBlobThing',
    files: 'fileRepositoryBlobThing',
    /** This connector finds them with the connection string. */
    found: ['iotHubName', 'eventHubName', 'eventHubEndpoint'],
  },
  storageKeys: { connection: 'connectionString', account: 'accountName' },
  containerKey: 'containerName',
  /** Shapes of the product: no template of a customer keeps them. */
  shapes: ['RoutedEgress', 'AzureIotHubAdapterServices'],
  /** Things of the product that scripts call. */
  things: ['ConnectionServicesHub', 'AzureServices'],
  /** Services that scripts call; AzureIoT.PtcServices_TS offers those that a device or job is the subject of. */
  services: [
    'CreateAzureIotDevice',
    'DeleteAzureIotDevice',
    'DescribeAzureIotDevice',
    'ImportAzureIotDevices',
    'AzureIotSendMessage',
    'AzureIotDeviceJobScheduleTwinUpdateJob',
    'AzureIotDeviceJobScheduleDeviceMethodJob',
    'AzureIotDeviceJobGetJob',
    'AzureIotDeviceJobFindJobs',
    'AzureIotDeviceJobCancelJob',
    'QueryJobResults',
    'GrantAzureConnectorPermissions',
    'FetchUAEndpoints',
    'AddUAApplication',
    'RemoveUAApplication',
    'GetUAApplications',
    'PublishUANodes',
    'UnpublishUANodes',
  ],
  /** Events and Data Shapes that subscriptions name. */
  events: [
    'AzureThingImportStatusEvent',
    'AzureThingLifecycleEvent',
    'AzureIotHubDeviceDataShape',
    'AzureDeviceJob',
  ],
} as const;
