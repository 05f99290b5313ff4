import Type from 'typebox';
import type { DeviceInput } from '../../azure/iot-hub/hub-types.ts';
import type { Registry } from '../../azure/iot-hub/registry.ts';
import { forThingWorx, OneOf, OneRow, Table } from '../../contract/schema.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { templateName } from '../../lib/dtmi.ts';
import type { OperationContext } from '../context.ts';
import { continuationToken, deviceId, etag, hub, identifier, isAll, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS, THINGWORX_CALL_ERRORS } from '../error-groups.ts';
import { checkChange } from '../input-checks.ts';
import { defineOperation } from '../operation.ts';
import {
  authenticationOf,
  authenticationOptions,
  CHANGE_ERRORS,
  DeviceDocument,
  DeviceRow,
  deviceDocument,
  deviceRow,
} from './identity-members.ts';

/** A Thing is made although the hub does not answer. */
const MODEL_TIMEOUT_MS = 5_000;

const deviceDetail = OneRow(DeviceDocument, 'AzureIoT.DeviceDetail_DS');

const createDevice = defineOperation({
  name: 'CreateDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'engineer',
  summary:
    'Creates a device in the IoT Hub, its Thing, or both; what exists already stays unchanged and is no error.',
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
      identifier('The IoT Edge device that is its parent (gateway). Empty: none.'),
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
          description:
            'Its Thing Template. Empty: the template of modelId if there is one, else deviceTemplate of the hub Thing.',
        }),
        { baseType: 'THINGTEMPLATENAME' },
      ),
    ),
    modelId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description:
          'The model of the device, such as dtmi:com:example:Pump;1, for the template of its Thing. Empty: the model that an existing device has announced, if only its Thing is created.',
      }),
    ),
  }),
  output: OneRow(
    Type.Object(
      {
        created: Type.Boolean({ description: 'Whether the device was created now; false when it existed.' }),
        thingCreated: Type.Boolean({ description: 'Whether its Thing was created now.' }),
        device: Type.Optional(DeviceDocument),
      },
      { description: 'What CreateDevice has done, and the device without its keys.' },
    ),
    'AzureIoT.DeviceCreation_DS',
  ),
  errors: [...IOT_HUB_ERRORS, ...THINGWORX_CALL_ERRORS, 'DEVICE_NOT_FOUND'],
  timeoutMs: 25_000,
  async run(
    { hubs, signal },
    { hub, deviceId, createIdentity, createThing, thingName, thingTemplate, modelId, ...options },
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
    const makeThing = async (model: string | undefined) =>
      createThing === true &&
      (await target.deviceThings.create(deviceId, {
        template: thingTemplate ?? target.settings.deviceTemplate,
        ...(model === undefined || thingTemplate !== undefined ? {} : { modelTemplate: templateName(model) }),
        ...(thingName === undefined ? {} : { name: thingName }),
      }));
    if (createIdentity === false) {
      const asks = modelId === undefined && thingTemplate === undefined;
      const model = asks ? await announcedModel(target, deviceId, signal) : modelId;
      return { created: false, thingCreated: await makeThing(model) };
    }
    const { registry } = await target.azure();
    const parent =
      options.parentDeviceId === undefined
        ? {}
        : await parentScope(registry, options.parentDeviceId, options.iotEdge ?? false, signal);
    // The Thing first: ThingWorx refuses more than IoT Hub, and a new Thing without a device can be removed without loss.
    const thingCreated = await makeThing(modelId);
    try {
      const { created, identity } = await createOrRead(registry, { ...device, ...parent }, signal);
      return { created, thingCreated, device: deviceDocument(identity) };
    } catch (error) {
      if (thingCreated) await target.deviceThings.delete(deviceId).catch(() => undefined);
      throw error;
    }
  },
});

/** The model of a device that has connected with one. A device that is not there yet, or a hub that does not answer, is no obstacle to a Thing. */
async function announcedModel(
  target: ReturnType<OperationContext['hubs']['require']>,
  deviceId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { twins } = await target.azure();
    return (await twins.get({ deviceId }, { signal, timeoutMs: MODEL_TIMEOUT_MS })).modelId || undefined;
  } catch (thrown) {
    const { code } = toConnectorError(thrown);
    if (code === 'STOPPING' || signal.aborted) throw thrown;
    return undefined;
  }
}

async function createOrRead(registry: Registry, device: DeviceInput, signal: AbortSignal) {
  try {
    return { created: true, identity: await registry.createDevice(device, withinCall(signal)) };
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'DEVICE_EXISTS') throw error;
    return { created: false, identity: await registry.device(device.deviceId, withinCall(signal)) };
  }
}

const getDevice = defineOperation({
  name: 'GetDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'viewer',
  summary: 'Reads a device of the registry, without its keys.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}',
  input: Type.Object({ hub, deviceId }),
  output: deviceDetail,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { registry } = await hubs.require(hub).azure();
    return deviceDocument(await registry.device(deviceId, withinCall(signal)));
  },
});

const listDevices = defineOperation({
  name: 'ListDevices',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'viewer',
  summary: 'Lists the devices of the IoT Hub page by page, all or those that fit a condition.',
  method: 'GET',
  path: '/hubs/{hub}/devices',
  input: Type.Object({
    hub,
    condition: Type.Optional(
      Type.String({
        maxLength: 4_096,
        description:
          "What follows WHERE in a twin query, such as tags.site = 'Lyon' AND status = 'enabled'. Empty or *: all.",
      }),
    ),
    pageSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'The maximum number of devices in a page.',
      }),
    ),
    continuationToken,
  }),
  output: Type.Object({
    devices: Table(DeviceRow, 'AzureIoT.Device_DS', {
      description: 'One page; each row has the token for the next one.',
    }),
  }),
  result: 'devices',
  errors: [...IOT_HUB_ERRORS],
  async run({ hubs, signal }, { hub, condition, pageSize, continuationToken }) {
    const { twins } = await hubs.require(hub).azure();
    const sql =
      condition === undefined || isAll(condition)
        ? 'SELECT * FROM devices'
        : `SELECT * FROM devices WHERE ${condition}`;
    const page = await twins.find(sql, {
      ...withinCall(signal),
      pageSize: pageSize ?? 100,
      ...(continuationToken === undefined ? {} : { continuationToken }),
    });
    const next = page.continuationToken ?? '';
    return { devices: page.items.map((twin) => deviceRow(twin, next)) };
  },
});

const updateDevice = defineOperation({
  name: 'UpdateDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'engineer',
  summary: 'Changes the given members of a device in the registry; the others stay unchanged.',
  method: 'PATCH',
  path: '/hubs/{hub}/devices/{deviceId}',
  input: Type.Object({
    hub,
    deviceId,
    enabled: Type.Optional(Type.Boolean({ description: 'Whether the device may connect.' })),
    status: Type.Optional(
      OneOf(['enabled', 'disabled'], {
        description: 'Instead of the parameter enabled: the word enabled or disabled.',
      }),
    ),
    statusReason: Type.Optional(Type.String({ maxLength: 128, description: 'The reason, as free text.' })),
    ...authenticationOptions,
    iotEdge: Type.Optional(Type.Boolean({ description: 'Whether it is an IoT Edge device.' })),
    parentDeviceId: Type.Optional(identifier('The IoT Edge device that is to be its parent.')),
    etag,
  }),
  output: deviceDetail,
  errors: CHANGE_ERRORS,
  async run(
    { hubs, signal },
    { hub, deviceId, enabled, status: word, statusReason, iotEdge, parentDeviceId, etag, ...options },
  ) {
    const status = statusOf(enabled, word);
    checkChange({ status, statusReason, iotEdge, parentDeviceId, ...options }, UPDATES);
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

const UPDATES = [
  'enabled',
  'statusReason',
  'authentication',
  'primaryThumbprint',
  'secondaryThumbprint',
  'iotEdge',
  'parentDeviceId',
];

function statusOf(enabled: boolean | undefined, word: 'enabled' | 'disabled' | undefined) {
  if (enabled === undefined) return word;
  const status = enabled ? ('enabled' as const) : ('disabled' as const);
  if (word === undefined || word === status) return status;
  throw new ConnectorError(
    'REQUEST_INVALID',
    `enabled is ${enabled} and status is ${word}; expected one of them.`,
  );
}

const enableDevice = defineOperation({
  name: 'EnableDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'engineer',
  summary: 'Lets a device connect again.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/enable',
  input: Type.Object({
    hub,
    deviceId,
  }),
  output: deviceDetail,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { registry } = await hubs.require(hub).azure();
    return deviceDocument(await registry.enableDevice(deviceId, withinCall(signal)));
  },
});

const disableDevice = defineOperation({
  name: 'DisableDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'engineer',
  summary: 'Prevents a device from connecting; its connections end and its twin stays.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/disable',
  input: Type.Object({
    hub,
    deviceId,
    reason: Type.Optional(Type.String({ maxLength: 128, description: 'The reason, as free text.' })),
  }),
  output: deviceDetail,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId, reason }) {
    const { registry } = await hubs.require(hub).azure();
    return deviceDocument(await registry.disableDevice(deviceId, reason ?? '', withinCall(signal)));
  },
});

const deleteDevice = defineOperation({
  name: 'DeleteDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'engineer',
  summary: 'Deletes a device from the IoT Hub, its Thing, or both; what does not exist is no error.',
  method: 'DELETE',
  path: '/hubs/{hub}/devices/{deviceId}',
  input: Type.Object({
    hub,
    deviceId,
    deleteIdentity: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Whether to delete the device, with its twin and modules, from the IoT Hub.',
      }),
    ),
    deleteThing: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether to delete its Thing, with all its properties and history.',
      }),
    ),
    etag,
  }),
  output: OneRow(
    Type.Object(
      {
        deleted: Type.Boolean({
          description: 'Whether the device was deleted now; false when there was none.',
        }),
        thingDeleted: Type.Boolean({ description: 'Whether its Thing was deleted now.' }),
      },
      { description: 'What DeleteDevice has done.' },
    ),
    'AzureIoT.DeviceDeletion_DS',
  ),
  errors: [...IOT_HUB_ERRORS, ...THINGWORX_CALL_ERRORS, 'PRECONDITION_FAILED'],
  async run({ hubs, signal }, { hub, deviceId, deleteIdentity, deleteThing, etag }) {
    if (deleteIdentity === false && deleteThing !== true)
      throw new ConnectorError(
        'REQUEST_INVALID',
        'deleteIdentity and deleteThing are both false: nothing to do.',
      );
    const target = hubs.require(hub);
    let deleted = false;
    if (deleteIdentity !== false) {
      const { registry } = await target.azure();
      try {
        await registry.deleteDevice(deviceId, {
          ...withinCall(signal),
          ...(etag === undefined ? {} : { etag }),
        });
        deleted = true;
      } catch (error) {
        if (!(error instanceof ConnectorError) || error.code !== 'DEVICE_NOT_FOUND') throw error;
      }
    }
    const thing = deleteThing === true ? await target.deviceThings.delete(deviceId) : undefined;
    return { deleted, thingDeleted: thing !== undefined };
  },
});

/**
 * What makes a device the child of an IoT Edge device: it names the scope as that of its parent, and a leaf takes it over as its own. Both are
 * written, since a leaf that is moved still names the parent before.
 */
async function parentScope(
  registry: Registry,
  parentDeviceId: string,
  iotEdge: boolean,
  signal: AbortSignal,
): Promise<Pick<DeviceInput, 'deviceScope' | 'parentScopes'>> {
  const parent = await registry.device(parentDeviceId, withinCall(signal));
  if (!parent.capabilities?.iotEdge || !parent.deviceScope) {
    throw new ConnectorError(
      'REQUEST_INVALID',
      `parentDeviceId is ${parentDeviceId}, which is no IoT Edge device; expected the id of one.`,
    );
  }
  const parentScopes = [parent.deviceScope];
  return iotEdge ? { parentScopes } : { parentScopes, deviceScope: parent.deviceScope };
}

/** Device identities. */
export const DEVICES = [
  createDevice,
  getDevice,
  listDevices,
  updateDevice,
  enableDevice,
  disableDevice,
  deleteDevice,
] as const;
