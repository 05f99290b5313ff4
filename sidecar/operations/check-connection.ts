import Type from 'typebox';
import { Table } from '../contract/schema.ts';
import { CheckStep } from './check/checks.ts';
import { hub } from './device-members.ts';
import { defineOperation } from './operation.ts';

export const checkConnection = defineOperation({
  name: 'CheckConnection',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  summary:
    'Tests, in order, the sidecar and its token, the application key and each of its rights, the IoT Hub, the built-in endpoint ' +
    'and storage, and says for each what to do.',
  method: 'POST',
  path: '/hubs/{hub}/check',
  input: Type.Object({ hub }),
  output: Type.Object({
    steps: Table(CheckStep, 'AzureIoT.CheckStep_DS', { description: 'The steps, in the order of the test.' }),
  }),
  result: 'steps',
  errors: [],
  script: 'hand-written',
  timeoutMs: 25_000,
  async run({ hubs, signal }, { hub }) {
    return { steps: [...(await hubs.check(hub, signal))] };
  },
});
