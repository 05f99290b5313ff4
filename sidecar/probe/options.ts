import type { OptionDefinitions } from '../lib/command-options.ts';
import { ADDRESS_OPTION } from '../setup/login.ts';

/** What probe takes on the command line. */
export const PROBE_OPTIONS = {
  'thingworx-url': ADDRESS_OPTION,
  administrator: {
    value: 'NAME',
    description:
      'Administrator of ThingWorx. The password is asked for, or taken from THINGWORX_ADMINISTRATOR_PASSWORD. An application key is not enough: ThingWorx imports entities with a password only.',
    environment: 'THINGWORX_ADMINISTRATOR',
  },
  'listen-url': {
    value: 'URL',
    description:
      'Address at which ThingWorx reaches this machine for the time of the probe (http://127.0.0.1 and a free port).',
  },
  long: { description: 'Also asks for the time limit of scripts, which takes up to two minutes.' },
  json: { description: 'Prints one JSON object instead of the table.' },
} as const satisfies OptionDefinitions;
