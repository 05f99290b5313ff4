import Type from 'typebox';
import { EXPECTED_KEYWORD } from '../schema.ts';
import { CONTAINER_NAME, setting } from './setting.ts';

const FLOW = 'Flow control';
const DEAD_LETTERS = 'Dead letters';

/** The sizes of calls to ThingWorx, of what is in flight and of the dead-letter store. */
export const LIMIT_SETTINGS = {
  maxRowsPerCall: setting(
    Type.Integer({
      title: 'Rows in one call',
      description:
        'The most rows in one call to ThingWorx; a row has values of one Thing with one time. Within this limit the sidecar adapts the number to the response time.',
      default: 1_000,
      minimum: 1,
      maximum: 10_000,
    }),
    { category: FLOW },
  ),
  maxBytesPerCall: setting(
    Type.Integer({
      title: 'Bytes in one call',
      description:
        'The largest body of one call to ThingWorx, in bytes. ThingWorx and proxies refuse larger bodies.',
      default: 1_000_000,
      minimum: 10_000,
      maximum: 20_000_000,
    }),
    { category: FLOW },
  ),
  callIntervalMilliseconds: setting(
    Type.Integer({
      title: 'Milliseconds between calls',
      description:
        'The shortest time between two calls to ThingWorx for one partition, in milliseconds. Messages that arrive meanwhile share the next call. ' +
        'The first message after a pause does not wait, and a full call does not wait. 0: each call begins at once.',
      default: 100,
      minimum: 0,
      maximum: 5_000,
    }),
    { category: FLOW },
  ),
  messagesInFlightPerPartition: setting(
    Type.Integer({
      title: 'Messages in flight per partition',
      description:
        'The most messages of one partition in flight. At this number the sidecar pauses reading the partition.',
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
        'The most bytes of messages of one partition in flight, as they are in memory: with their rows, and decompressed. Limits the memory of the sidecar.',
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
        'Blob container for messages that could not be delivered, in the storage account for checkpoints; created if it ' +
        'does not exist. Without a storage account the sidecar keeps them in files.',
      default: 'thingworx-dead-letters',
      pattern: CONTAINER_NAME,
      [EXPECTED_KEYWORD]: '3 to 63 lower-case letters, digits and single hyphens',
    }),
    { category: DEAD_LETTERS },
  ),
  deadLetterDays: setting(
    Type.Integer({
      title: 'Days to keep dead letters',
      description: 'Dead letters older than this number of days are removed.',
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
        'The largest size of the dead-letter store of this hub, in megabytes. At 80 percent the status warns. Above the limit the ' +
        'oldest dead letters are removed.',
      default: 1_024,
      minimum: 10,
      maximum: 1_000_000,
    }),
    { category: DEAD_LETTERS },
  ),
};
