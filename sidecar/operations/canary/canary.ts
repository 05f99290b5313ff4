import Type from 'typebox';
import { OneRow } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { hub } from '../device-members.ts';
import { IOT_HUB_ERRORS, THINGWORX_CALL_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';

const removeCanary = defineOperation({
  name: 'RemoveCanary',
  entity: 'AzureIoT.Hub_TT',
  category: 'Canary',
  role: 'engineer',
  summary:
    'Deletes the device of the canary from the IoT Hub, and its Thing. canaryEnabled must be false. What does not exist is no error.',
  method: 'DELETE',
  path: '/hubs/{hub}/canary',
  input: Type.Object({ hub }),
  output: OneRow(
    Type.Object(
      {
        deleted: Type.Boolean({ description: 'Whether the device was deleted now.' }),
        thingDeleted: Type.Boolean({ description: 'Whether its Thing was deleted now.' }),
      },
      { description: 'What RemoveCanary has done.' },
    ),
    'AzureIoT.CanaryRemoval_DS',
  ),
  errors: [
    ...IOT_HUB_ERRORS,
    ...THINGWORX_CALL_ERRORS,
    'CANARY_ENABLED',
    'CANARY_DEVICE_TAKEN',
    'CANARY_SUSPENDED',
    'PRECONDITION_FAILED',
  ],
  async run({ hubs, signal }, { hub }) {
    const { settings, canary } = hubs.require(hub);
    if (settings.canaryEnabled)
      throw new ConnectorError(
        'CANARY_ENABLED',
        `The canary of ${hub} is on; expected canaryEnabled to be false before its device is deleted.`,
      );
    const { device, thing } = await canary.remove(settings, signal);
    return { deleted: device, thingDeleted: thing };
  },
});

/** The canary of a hub Thing. Its settings turn it on and off. */
export const CANARY = [removeCanary] as const;
