import Type from 'typebox';
import { EXPECTED_KEYWORD } from '../schema.ts';
import { CONTAINER_NAME, setting } from './setting.ts';

const FROM_STORAGE = 'Ingestion from storage';

/** What is ingested from Azure Blob Storage. */
export const STORAGE_SETTINGS = {
  ingestStorageConnectionString: Type.Optional(
    setting(
      Type.String({
        title: 'Storage to ingest from',
        description:
          'Connection string, or https address with a SAS or for Microsoft Entra ID, of the storage account that IoT Hub ' +
          'routes messages to or that Event Hubs Capture writes to. Empty: the storage account for checkpoints.',
        maxLength: 4096,
      }),
      { category: FROM_STORAGE, secret: true },
      'PASSWORD',
    ),
  ),
  watchContainer: setting(
    Type.String({
      title: 'Watched container',
      description:
        'Blob container whose new files of routed or captured messages are ingested. Empty: no container is watched.',
      default: '',
      pattern: `^$|${CONTAINER_NAME}`,
      [EXPECTED_KEYWORD]: 'the name of a blob container, or nothing',
    }),
    { category: FROM_STORAGE },
  ),
  watchPrefix: setting(
    Type.String({
      title: 'Watched prefix',
      description: 'Only files whose names start with this prefix are ingested, such as my-hub/.',
      default: '',
      maxLength: 1_024,
    }),
    { category: FROM_STORAGE },
  ),
  watchIntervalSeconds: setting(
    Type.Integer({
      title: 'Seconds between listings',
      description: 'How often the sidecar lists the watched container to find new files, in seconds.',
      default: 60,
      minimum: 1,
      maximum: 86_400,
    }),
    { category: FROM_STORAGE },
  ),
};
