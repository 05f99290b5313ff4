import Type from 'typebox';
import { quotaMembers } from '../../contract/quota.ts';
import { OneRow } from '../../contract/schema.ts';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

const getQuota = defineOperation({
  name: 'GetQuota',
  entity: 'AzureIoT.Hub_TT',
  category: 'Quota',
  role: 'viewer',
  summary:
    'Shows how much of the daily quota of the IoT Hub is used, by source and by device, with a forecast to midnight UTC. The route answers for ' +
    'one sidecar, the service for all of the hub Thing.',
  method: 'GET',
  path: '/hubs/{hub}/quota',
  input: Type.Object({ hub }),
  output: OneRow(
    Type.Object(quotaMembers, { description: 'The use of the daily quota.' }),
    'AzureIoT.QuotaUse_DS',
  ),
  errors: ['HUB_NOT_CONNECTED'],
  script: 'hand-written',
  async run({ hubs }, { hub }) {
    return hubs.require(hub).quota.use;
  },
});

/** The daily quota of the IoT Hub. */
export const QUOTA = [getQuota] as const;
