import Type from 'typebox';
import { HubStatus } from '../contract/status.ts';
import { defineOperation } from './operation.ts';

export const listHubs = defineOperation({
  name: 'ListHubs',
  category: 'Connection',
  summary: 'Lists the hub Things that are connected through this sidecar, each with its status.',
  method: 'GET',
  path: '/hubs',
  input: Type.Object({}),
  output: Type.Object({ hubs: Type.Array(HubStatus, { description: 'One status for each hub.' }) }),
  errors: [],
  async run({ hubs }) {
    return { hubs: [...(await hubs.list())] };
  },
});
