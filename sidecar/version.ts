import manifest from '../package.json' with { type: 'json' };

/** The version of the sidecar and of the extension it ships with: the one in package.json. */
export const VERSION: string = manifest.version;

/** The name of the extension package in ThingWorx. */
export const PACKAGE_NAME = 'AzureIotHubConnector';
