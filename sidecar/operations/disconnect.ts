import Type from 'typebox';
import { ThingName } from '../contract/schema.ts';
import { defineOperation } from './operation.ts';

export const disconnect = defineOperation({
  name: 'Disconnect',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  summary:
    'Stops receiving for this Thing after finishing what is in flight, until Connect is called or ThingWorx starts.',
  method: 'DELETE',
  path: '/hubs/{hub}',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: Type.Object({
    disconnected: Type.Boolean({ description: 'Always true: the hub is not connected any more.' }),
  }),
  errors: [],
  script: 'hand-written',
  noResult: true,
  async run({ hubs }, { hub }) {
    await hubs.disconnect(hub);
    return { disconnected: true };
  },
});
