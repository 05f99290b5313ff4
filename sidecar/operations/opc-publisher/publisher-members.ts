import Type from 'typebox';
import { deviceId, hub } from '../device-members.ts';

/** Where an OPC Publisher is; filled in from the Thing. */
export const publisherMembers = {
  hub,
  deviceId,
  moduleId: Type.String({
    minLength: 1,
    maxLength: 128,
    description: 'The OPC Publisher module on the device.',
  }),
};
