import Type from 'typebox';
import type { DeviceInput } from '../../azure/iot-hub/hub-types.ts';
import type { Registry } from '../../azure/iot-hub/registry.ts';
import { forThingWorx } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { parentScope } from './parent.ts';
import {
  authenticationOf,
  authenticationOptions,
  DeviceDocument,
  deviceDocument,
} from './registry-members.ts';

export const createDevice = defineOperation({
  name: 'CreateDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary:
    'Creates a device in the IoT Hub, its Thing, or both; what exists already is left as it is, which is no error.',
  method: 'PUT',
  path: '/hubs/{hub}/devices/{deviceId}',
  input: Type.Object({
    hub,
    deviceId,
    ...authenticationOptions,
    enabled: Type.Optional(Type.Boolean({ default: true, description: 'Whether the device may connect.' })),
    iotEdge: Type.Optional(
      Type.Boolean({ default: false, description: 'Whether it is an IoT Edge device.' }),
    ),
    parentDeviceId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'The IoT Edge device that is its parent (gateway). Empty: none.',
      }),
    ),
    createIdentity: Type.Optional(
      Type.Boolean({ default: true, description: 'Whether to create the device in the IoT Hub.' }),
    ),
    createThing: Type.Optional(Type.Boolean({ default: false, description: 'Whether to create its Thing.' })),
    thingName: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description:
          'The name of the Thing. Empty: the Thing that the device has, else the id of the device.',
      }),
    ),
    thingTemplate: Type.Optional(
      forThingWorx(
        Type.String({
          minLength: 1,
          maxLength: 256,
          description: 'Its Thing Template. Empty: deviceTemplate of the hub Thing.',
        }),
        { baseType: 'THINGTEMPLATENAME' },
      ),
    ),
  }),
  output: Type.Object(
    {
      created: Type.Boolean({ description: 'Whether the device was created now; false when it existed.' }),
      thingCreated: Type.Boolean({ description: 'Whether its Thing was created now.' }),
      device: Type.Optional(DeviceDocument),
    },
    { description: 'created, thingCreated, and the device without its keys.' },
  ),
  errors: [
    'HUB_NOT_CONNECTED',
    'QUOTA_EXCEEDED',
    'AZURE_REJECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'DEVICE_NOT_FOUND',
    'THINGWORX_REJECTED',
  ],
  timeoutMs: 25_000,
  async run(
    { hubs, signal },
    { hub, deviceId, createIdentity, createThing, thingName, thingTemplate, ...options },
  ) {
    if (createIdentity === false && createThing !== true)
      throw new ConnectorError(
        'REQUEST_INVALID',
        'createIdentity and createThing are both false: nothing to do.',
      );
    const target = hubs.require(hub);
    const device: DeviceInput = {
      deviceId,
      status: options.enabled === false ? 'disabled' : 'enabled',
      authentication: authenticationOf(options) ?? { type: 'sas' },
      capabilities: { iotEdge: options.iotEdge ?? false },
    };
    const makeThing = async () =>
      createThing === true &&
      (await target.things.create(deviceId, thingTemplate ?? target.settings.deviceTemplate, thingName));
    if (createIdentity === false) return { created: false, thingCreated: await makeThing() };
    const { registry } = await target.azure();
    const parent =
      options.parentDeviceId === undefined
        ? {}
        : await parentScope(registry, options.parentDeviceId, options.iotEdge ?? false, signal);
    const { created, identity } = await createOrRead(registry, { ...device, ...parent }, signal);
    return { created, thingCreated: await makeThing(), device: deviceDocument(identity) };
  },
});

async function createOrRead(registry: Registry, device: DeviceInput, signal: AbortSignal) {
  try {
    return { created: true, identity: await registry.createDevice(device, withinCall(signal)) };
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'DEVICE_EXISTS') throw error;
    return { created: false, identity: await registry.device(device.deviceId, withinCall(signal)) };
  }
}
