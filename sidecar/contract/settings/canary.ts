import Type from 'typebox';
import { EXPECTED_KEYWORD, forThingWorx } from '../schema.ts';
import { setting } from './setting.ts';

const CANARY = { category: 'Canary' };

const seconds = (options: {
  title: string;
  description: string;
  default: number;
  minimum: number;
  maximum: number;
}) => setting(forThingWorx(Type.Integer(options), { units: 's' }), CANARY);

/** The settings of a hub Thing about its canary device. */
export const CANARY_SETTINGS = {
  canaryEnabled: setting(
    Type.Boolean({
      title: 'Canary',
      description:
        'Whether a device of its own tests the connection all the time. It uses up to five messages of the daily quota each round ' +
        '(docs/canary.md). When it is turned off, its device and Thing stay until RemoveCanary is called.',
      default: false,
    }),
    CANARY,
  ),
  canaryDevice: Type.Optional(
    setting(
      Type.String({
        title: 'Canary device',
        description:
          'The name of the device and Thing of the canary. Empty: thingworx-canary- and the name of this Thing. The sidecar creates both; ' +
          'a device that exists already is refused.',
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$',
        [EXPECTED_KEYWORD]:
          'up to 128 letters, digits, dots, hyphens and underscores; the first is a letter or digit',
      }),
      CANARY,
    ),
  ),
  canaryIntervalSeconds: seconds({
    title: 'Canary interval',
    description: 'The time from the begin of a round to the begin of the next one, in seconds.',
    default: 60,
    minimum: 5,
    maximum: 3_600,
  }),
  canaryTimeoutSeconds: seconds({
    title: 'Canary timeout',
    description: 'A round trip that takes longer than this number of seconds has failed.',
    default: 30,
    minimum: 5,
    maximum: 300,
  }),
  canaryMethod: setting(
    Type.Boolean({
      title: 'Canary calls a direct method',
      description:
        'Whether each round also calls a direct method of the device, by the service of its Thing.',
      default: true,
    }),
    CANARY,
  ),
  canaryTwin: setting(
    Type.Boolean({
      title: 'Canary changes the twin',
      description:
        'Whether each round also sets a desired property and waits until the reported property is on the Thing. The IoT Hub must route ' +
        'twin change events to the built-in endpoint.',
      default: true,
    }),
    CANARY,
  ),
};
