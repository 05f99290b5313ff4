import Type from 'typebox';
import { HubSettingsInput, SECRET_NAMES, withDefaults } from '../contract/hub-settings.ts';
import { OneOf, ThingName } from '../contract/schema.ts';
import { HubStatus } from '../contract/status.ts';
import { defineOperation } from './operation.ts';

export const connect = defineOperation({
  name: 'Connect',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  summary:
    'Hands the settings of this Thing to the sidecar, which connects to Azure or adapts a running connection.',
  method: 'PUT',
  path: '/hubs/{hub}',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    settings: HubSettingsInput,
    secretNames: Type.Array(OneOf(SECRET_NAMES, { description: 'The name of a secret setting.' }), {
      uniqueItems: true,
      description: 'The secret settings that have a value and will be handed over by ticket.',
    }),
  }),
  output: Type.Object({
    status: HubStatus,
    tickets: Type.Array(
      Type.Object({
        name: OneOf(SECRET_NAMES, { description: 'The name of a secret setting.' }),
        ticket: Type.String({ description: 'Good for one PUT /v1/secrets/{ticket} within 60 seconds.' }),
      }),
      { description: 'One ticket for each secret that is awaited.' },
    ),
  }),
  errors: ['SECRET_UNREADABLE', 'CONNECTION_STRING_INVALID', 'MAPPINGS_INVALID'],
  script: 'hand-written',
  async run({ hubs }, { hub, settings, secretNames }) {
    const { status, tickets } = await hubs.connect(hub, withDefaults(settings), secretNames);
    return { status, tickets: [...tickets] };
  },
});
