import Type from 'typebox';
import { EXPECTED_KEYWORD, JsonObject, OneOf } from '../schema.ts';
import { setting } from './setting.ts';

const TRANSLATION = 'Translation';
const TIMES = 'Times';
const LIMITS = 'Limits of one message';

/** How messages become values of Things. */
export const TRANSLATION_SETTINGS = {
  unknownThing: setting(
    OneOf(['dead-letter', 'create', 'ignore'], {
      title: 'Unknown Thing',
      description:
        'What to do with a message whose Thing does not exist: put it aside (dead-letter), make the Thing from the device ' +
        'template (create), or leave the message out (ignore).',
      default: 'dead-letter',
    }),
    { category: TRANSLATION },
  ),
  unknownProperty: setting(
    OneOf(['ignore', 'create', 'dead-letter'], {
      title: 'Unknown property',
      description:
        'What to do with a value for which the Thing has no property: leave the value out (ignore), add the property ' +
        '(create), or put the whole message aside (dead-letter).',
      default: 'ignore',
    }),
    { category: TRANSLATION },
  ),
  deviceTemplate: setting(
    Type.String({
      title: 'Device template',
      description:
        'Thing Template of the Things that are made for unknown devices; it must implement AzureIoT.Device_TS.',
      default: 'AzureIoT.Device_TT',
      minLength: 1,
      maxLength: 256,
    }),
    { category: TRANSLATION },
  ),
  mappings: Type.Optional(
    setting(
      JsonObject({
        title: 'Mappings',
        description:
          'Rules that say how messages become property values. Empty: the Thing has the name of the device and each ' +
          'top-level key of the message is a property.',
      }),
      { category: TRANSLATION },
    ),
  ),
  earliestTime: setting(
    Type.String({
      title: 'Earliest plausible time',
      description:
        'A value whose time is earlier has a wrong time: clocks that were never set show 1970 or 1980, and seconds that are ' +
        'read as milliseconds give January 1970.',
      default: '2000-01-01T00:00:00Z',
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$',
      [EXPECTED_KEYWORD]: 'a time in UTC such as 2000-01-01T00:00:00Z',
    }),
    { category: TIMES },
  ),
  maxTimeAheadSeconds: setting(
    Type.Integer({
      title: 'Seconds that a time may be ahead',
      description:
        'A value whose time is further ahead of the time at which the IoT Hub took the message has a wrong time. A property ' +
        'that holds a time in the future would not change until then.',
      default: 300,
      minimum: 0,
      maximum: 315_360_000,
    }),
    { category: TIMES },
  ),
  implausibleTime: setting(
    OneOf(['enqueued-time', 'dead-letter'], {
      title: 'Implausible time',
      description:
        'What to do with values whose time is earlier or further ahead than that: give them the time at which the IoT Hub took ' +
        'the message (enqueued-time), or put them aside (dead-letter). Both are counted under TIME_IMPLAUSIBLE.',
      default: 'enqueued-time',
    }),
    { category: TIMES },
  ),
  distinctTimes: setting(
    Type.Boolean({
      title: 'Distinct times',
      description:
        'Whether values of one property that carry equal times are moved apart by milliseconds. ThingWorx keeps one value for each ' +
        'time: without it, all but one are missing from the history, and the current value is the first of them.',
      default: true,
    }),
    { category: TIMES },
  ),
  maxBodyBytes: setting(
    Type.Integer({
      title: 'Bytes of a body',
      description:
        'The largest body that is read, in bytes. IoT Hub carries messages up to 256 KB; files of messages may hold larger ones.',
      default: 1_048_576,
      minimum: 1_024,
      maximum: 67_108_864,
    }),
    { category: LIMITS },
  ),
  maxInflatedBytes: setting(
    Type.Integer({
      title: 'Bytes of a decompressed body',
      description:
        'The largest body that is read when its compression is undone, in bytes. Protects the memory of the sidecar from a small body ' +
        'that decompresses to gigabytes.',
      default: 16_777_216,
      minimum: 1_024,
      maximum: 268_435_456,
    }),
    { category: LIMITS },
  ),
  maxDepth: setting(
    Type.Integer({
      title: 'Depth of a body',
      description: 'The deepest nesting of objects and arrays in a body that is read.',
      default: 100,
      minimum: 1,
      maximum: 200,
    }),
    { category: LIMITS },
  ),
  maxKeys: setting(
    Type.Integer({
      title: 'Keys and elements of a body',
      description:
        'The most keys of objects and elements of arrays in one body, together. The default is more than 256 KB can hold; it ' +
        'protects the memory of the sidecar from compressed bodies.',
      default: 1_000_000,
      minimum: 100,
      maximum: 10_000_000,
    }),
    { category: LIMITS },
  ),
  maxCreations: setting(
    Type.Integer({
      title: 'Creations for one message',
      description:
        'The most properties or Things that one message may have created. A message that lacks more creates none: its keys are ' +
        'data, such as times or serial numbers, and would let the model grow without end. The default lets a key frame of OPC UA through.',
      default: 10_000,
      minimum: 1,
      maximum: 100_000,
    }),
    { category: LIMITS },
  ),
  maxExpressionMs: setting(
    Type.Integer({
      title: 'Milliseconds of an expression',
      description:
        'The longest that one JSONata expression may work on one message, in milliseconds. It is then ended, and the message becomes ' +
        'a dead letter.',
      default: 1_000,
      minimum: 10,
      maximum: 60_000,
    }),
    { category: LIMITS },
  ),
  deviceLifecycle: setting(
    OneOf(['keep', 'create', 'create-and-disable', 'create-and-delete'], {
      title: 'Device life cycle',
      description:
        'What follows for Things when a device is created in the IoT Hub or deleted from it: nothing (keep), its Thing is ' +
        'made (create), and disabled (create-and-disable; enabled again with the device) or deleted with its history ' +
        '(create-and-delete) when the device is deleted. The hub must route device life cycle events to the built-in endpoint.',
      default: 'keep',
    }),
    { category: TRANSLATION },
  ),
};
