import Type from 'typebox';
import { EXPECTED_KEYWORD } from '../schema.ts';
import { CONTAINER_NAME, setting } from './setting.ts';

const FLOW = 'Flow control';
const DEAD_LETTERS = 'Dead letters';

/** How much goes to ThingWorx at once, waits in the sidecar, and is kept aside. */
export const LIMIT_SETTINGS = {
  maxRowsPerCall: setting(
    Type.Integer({
      title: 'Rows in one call',
      description:
        'The most messages that one call to ThingWorx carries. The sidecar adapts below it to the answer time.',
      default: 500,
      minimum: 1,
      maximum: 10_000,
    }),
    { category: FLOW },
  ),
  maxBytesPerCall: setting(
    Type.Integer({
      title: 'Bytes in one call',
      description:
        'The largest body of one call to ThingWorx, in bytes. Platforms and proxies refuse large bodies.',
      default: 1_000_000,
      minimum: 10_000,
      maximum: 20_000_000,
    }),
    { category: FLOW },
  ),
  messagesInFlightPerPartition: setting(
    Type.Integer({
      title: 'Messages in flight per partition',
      description:
        'The most messages of one partition that wait in the sidecar; beyond it the partition is not read.',
      default: 600,
      minimum: 1,
      maximum: 100_000,
    }),
    { category: FLOW },
  ),
  bytesInFlightPerPartition: setting(
    Type.Integer({
      title: 'Bytes in flight per partition',
      description:
        'The most message bytes of one partition that wait in the sidecar, compressed bodies with what they hold; bounds its memory.',
      default: 4_194_304,
      minimum: 262_144,
      maximum: 268_435_456,
    }),
    { category: FLOW },
  ),
  deadLetterContainer: setting(
    Type.String({
      title: 'Dead letter container',
      description:
        'Blob container for messages that could not be delivered, in the storage account for checkpoints; created when it ' +
        'does not exist. Without storage they are kept in files of the sidecar.',
      default: 'thingworx-dead-letters',
      pattern: CONTAINER_NAME,
      [EXPECTED_KEYWORD]: '3 to 63 lower-case letters, digits and single hyphens',
    }),
    { category: DEAD_LETTERS },
  ),
  deadLetterDays: setting(
    Type.Integer({
      title: 'Days to keep dead letters',
      description: 'Dead letters that are older, in days, are removed.',
      default: 30,
      minimum: 1,
      maximum: 3_650,
    }),
    { category: DEAD_LETTERS },
  ),
  deadLetterMegabytes: setting(
    Type.Integer({
      title: 'Megabytes of dead letters',
      description:
        'The most that the dead letters of this hub may take, in megabytes. At 80 percent the status warns; beyond it the ' +
        'oldest are removed.',
      default: 1_024,
      minimum: 10,
      maximum: 1_000_000,
    }),
    { category: DEAD_LETTERS },
  ),
};
