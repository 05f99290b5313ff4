import Type from 'typebox';
import { PackageRow, packageName } from '../../packages/types.ts';
import { deviceId, hub, optionalModuleId } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const cancelPackage = defineOperation({
  name: 'CancelPackage',
  entity: 'AzureIoT.Device_TS',
  category: 'Software packages',
  summary:
    'Gives up the deployment of a package; a device that has it already is asked to stop. One that has ended stays as it is.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/packages/{name}/cancel',
  input: Type.Object({ hub, deviceId, name: packageName, moduleId: optionalModuleId }),
  output: PackageRow,
  errors: ['HUB_NOT_CONNECTED', 'PACKAGE_NOT_FOUND', 'STATE_UNAVAILABLE'],
  timeoutMs: 28_000,
  async run({ hubs }, { hub, deviceId, moduleId, name }) {
    const target = { deviceId, name, ...(moduleId === undefined ? {} : { moduleId }) };
    return await hubs.require(hub).packages.cancel(target);
  },
});
