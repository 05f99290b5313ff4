import Type from 'typebox';
import { OneOf } from '../../contract/schema.ts';
import { deviceId, etag, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { parentScope } from './parent.ts';
import {
  authenticationOf,
  authenticationOptions,
  CHANGE_ERRORS,
  DeviceDocument,
  deviceDocument,
} from './registry-members.ts';

export const updateDevice = defineOperation({
  name: 'UpdateDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Changes what is given of a device of the registry and leaves the rest as it is.',
  method: 'PATCH',
  path: '/hubs/{hub}/devices/{deviceId}',
  input: Type.Object({
    hub,
    deviceId,
    status: Type.Optional(
      OneOf(['enabled', 'disabled'], { description: 'Whether it may connect: enabled or disabled.' }),
    ),
    statusReason: Type.Optional(Type.String({ maxLength: 128, description: 'Why, for people.' })),
    ...authenticationOptions,
    iotEdge: Type.Optional(Type.Boolean({ description: 'Whether it is an IoT Edge device.' })),
    parentDeviceId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'The IoT Edge device that is to be its parent.',
      }),
    ),
    etag,
  }),
  output: DeviceDocument,
  errors: CHANGE_ERRORS,
  async run(
    { hubs, signal },
    { hub, deviceId, status, statusReason, iotEdge, parentDeviceId, etag, ...options },
  ) {
    const { registry } = await hubs.require(hub).azure();
    const authentication = authenticationOf(options);
    const isEdge =
      iotEdge ??
      (parentDeviceId !== undefined &&
        (await registry.device(deviceId, withinCall(signal))).capabilities.iotEdge);
    const change = {
      ...(status === undefined ? {} : { status }),
      ...(statusReason === undefined ? {} : { statusReason }),
      ...(authentication === undefined ? {} : { authentication }),
      ...(iotEdge === undefined ? {} : { capabilities: { iotEdge } }),
      ...(parentDeviceId === undefined ? {} : await parentScope(registry, parentDeviceId, isEdge, signal)),
    };
    return deviceDocument(
      await registry.updateDevice(deviceId, change, {
        ...withinCall(signal),
        ...(etag === undefined ? {} : { etag }),
      }),
    );
  },
});
