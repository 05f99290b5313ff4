import Type from 'typebox';
import { EXPECTED_KEYWORD, forThingWorx, JsonObject, OneOf } from '../schema.ts';
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
        'What to do with a message whose Thing does not exist: make it a dead letter (dead-letter), create the Thing from the device ' +
        'template (create), or ignore the message (ignore).',
      default: 'dead-letter',
    }),
    { category: TRANSLATION },
  ),
  unknownProperty: setting(
    OneOf(['ignore', 'create', 'dead-letter'], {
      title: 'Unknown property',
      description:
        'What to do with a value for which the Thing has no property: ignore the value (ignore), add the property ' +
        '(create), or make the whole message a dead letter (dead-letter).',
      default: 'ignore',
    }),
    { category: TRANSLATION },
  ),
  deviceTemplate: setting(
    Type.String({
      title: 'Device template',
      description:
        'Thing Template of the Things that are created for unknown devices. It must implement AzureIoT.Device_TS.',
      default: 'AzureIoT.Device_TT',
      minLength: 1,
      maxLength: 256,
    }),
    { category: TRANSLATION },
  ),
  deviceValueStream: Type.Optional(
    setting(
      forThingWorx(
        Type.String({
          title: 'Value stream of created Things',
          description:
            'The value stream of the Things that are created for devices, by an import, CreateDevice or a message. A value stream of the Thing ' +
            'Template is kept. Empty: created Things have no value stream, and created properties are not logged, so they have no history.',
          maxLength: 256,
        }),
        { baseType: 'THINGNAME', thingTemplate: 'ValueStream' },
      ),
      { category: TRANSLATION, initialValue: 'AzureIoT.DeviceValues' },
    ),
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
        'The time of a value is wrong if it is earlier than this. Clocks that were never set show 1970 or 1980. Seconds that are ' +
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
        'The time of a value is wrong if it is more than this number of seconds later than the time at which the IoT Hub received the message. A property ' +
        'with a time in the future would not change until then.',
      default: 300,
      minimum: 0,
      maximum: 315_360_000,
    }),
    { category: TIMES },
  ),
  implausibleTime: setting(
    OneOf(['dead-letter', 'enqueued-time'], {
      title: 'Implausible time',
      description:
        'What to do with values whose time is earlier or further ahead than that: make the message a dead letter (dead-letter), or use ' +
        'the time at which the IoT Hub received it (enqueued-time). Both are counted under TIME_IMPLAUSIBLE.',
      default: 'dead-letter',
    }),
    { category: TIMES },
  ),
  distinctTimes: setting(
    Type.Boolean({
      title: 'Distinct times',
      description:
        'Whether equal times of values of one property are made distinct by adding milliseconds. ThingWorx keeps one value for each ' +
        'time: otherwise the history lacks all but one of the values, and the current value is the first of them.',
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
        'The largest body after decompression, in bytes. Protects the memory of the sidecar from a small body ' +
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
        'The most properties or Things that one message may create. A message that needs more creates none: its keys are probably ' +
        'data, such as times or serial numbers, and the model would grow without limit. The default is enough for a key frame of OPC UA.',
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
        'The time limit of one JSONata expression for one message, in milliseconds. After it the message becomes ' +
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
        'What happens to Things when a device is created in the IoT Hub or deleted from it: nothing (keep); its Thing is ' +
        'created (create); it is also disabled (create-and-disable) or deleted with its history (create-and-delete) when the device ' +
        'is deleted. The hub must route device life cycle events to the built-in endpoint.',
      default: 'keep',
    }),
    { category: TRANSLATION },
  ),
};
