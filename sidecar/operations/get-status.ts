import Type from 'typebox';
import { ThingName } from '../contract/schema.ts';
import { HubStatus } from '../contract/status.ts';
import { defineOperation } from './operation.ts';

export const getStatus = defineOperation({
  name: 'GetStatus',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  summary:
    'Asks the sidecar for state, counters, lag and last error of this hub and updates the status properties.',
  method: 'GET',
  path: '/hubs/{hub}/status',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: HubStatus,
  errors: ['HUB_NOT_CONNECTED'],
  script: 'hand-written',
  run: ({ hubs }, { hub }) => hubs.status(hub),
});
