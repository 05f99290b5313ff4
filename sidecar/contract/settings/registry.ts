import Type from 'typebox';
import { EXPECTED_KEYWORD, OneOf } from '../schema.ts';
import { CONTAINER_NAME, setting } from './setting.ts';

const REGISTRY = 'Device registry';

/** How imports and comparisons read the registry. */
export const REGISTRY_SETTINGS = {
  registryReading: setting(
    OneOf(['automatic', 'queries', 'export-job'], {
      title: 'Reading of the registry',
      description:
        'How imports and comparisons of all devices read the registry: by queries, by an export job of the IoT Hub to the storage ' +
        'account for checkpoints, or automatic: by an export job if queries would need more than five minutes and no device has a model id.',
      default: 'automatic',
    }),
    { category: REGISTRY },
  ),
  registryContainer: setting(
    Type.String({
      title: 'Container for exports of the registry',
      description:
        'Blob container to which the IoT Hub exports the registry for imports and comparisons. The exports have no keys and are deleted after use.',
      default: 'registry-exports',
      pattern: CONTAINER_NAME,
      [EXPECTED_KEYWORD]: 'the name of a blob container',
    }),
    { category: REGISTRY },
  ),
};
