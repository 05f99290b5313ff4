import Type from 'typebox';
import { JsonObject, OneOf } from '../schema.ts';
import { setting } from './setting.ts';

const TRANSLATION = 'Translation';

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
