import Type, { type Static } from 'typebox';
import type { Twin } from '../../azure/iot-hub/hub-types.ts';
import { DateTime, JsonObject } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceView, writable } from '../../translate/sources/twin-view.ts';
import { deviceId, etag, hub, optionalModuleId, TwinDocument, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';

/** A twin as the services return it. */
function twinDocument(twin: Twin): Static<typeof TwinDocument> {
  return {
    ...twin,
    ...(twin.tags === undefined ? {} : { tags: { ...twin.tags } }),
    properties: { ...twin.properties },
  };
}

const getTwin = defineOperation({
  name: 'GetTwin',
  entity: 'AzureIoT.Device_TS',
  category: 'Twin',
  role: 'viewer',
  summary: 'Reads the twin of the device or of one of its modules from the IoT Hub.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/twin',
  input: Type.Object({ hub, deviceId, moduleId: optionalModuleId }),
  output: TwinDocument,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, ...name }) {
    const azure = await hubs.require(hub).azure();
    return twinDocument(await azure.twins.get(name, withinCall(signal)));
  },
});

const updateTwin = defineOperation({
  name: 'UpdateTwin',
  entity: 'AzureIoT.Device_TS',
  category: 'Twin',
  role: 'operator',
  summary:
    'Merges desired properties and tags into the twin of the device or of one of its modules; null removes a key.',
  method: 'PATCH',
  path: '/hubs/{hub}/devices/{deviceId}/twin',
  input: Type.Object({
    hub,
    deviceId,
    desired: Type.Optional(
      JsonObject({ description: 'The desired properties to change. At most 32 KB in all.' }),
    ),
    tags: Type.Optional(JsonObject({ description: 'The tags to change. At most 8 KB in all.' })),
    moduleId: optionalModuleId,
    etag,
  }),
  output: TwinDocument,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run({ hubs, signal }, { hub, deviceId, moduleId, desired, tags, etag }) {
    checkPatch(desired, tags);
    const azure = await hubs.require(hub).azure();
    const patch = {
      ...(desired === undefined ? {} : { desired: writable(desired) }),
      ...(tags === undefined ? {} : { tags: writable(tags) }),
    };
    const name = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
    return twinDocument(
      await azure.twins.patch(name, patch, {
        ...withinCall(signal),
        ...(etag === undefined ? {} : { etag }),
      }),
    );
  },
});

/** @throws ConnectorError REQUEST_INVALID for a patch that changes nothing: ThingWorx makes {} of a text that is not JSON */
export function checkPatch(desired: object | undefined, tags: object | undefined): void {
  if ([desired, tags].some((section) => section !== undefined && Object.keys(section).length > 0)) return;
  throw new ConnectorError(
    'REQUEST_INVALID',
    'Nothing to change is given; expected desired, tags or both as JSON objects that are not empty.',
  );
}

const replaceTwin = defineOperation({
  name: 'ReplaceTwin',
  entity: 'AzureIoT.Device_TS',
  category: 'Twin',
  role: 'engineer',
  summary: 'Replaces all desired properties and all tags of the twin of the device or of one of its modules.',
  method: 'PUT',
  path: '/hubs/{hub}/devices/{deviceId}/twin',
  input: Type.Object({
    hub,
    deviceId,
    desired: JsonObject({
      description: 'All desired properties; what is not in it is removed. At most 32 KB.',
    }),
    tags: JsonObject({ description: 'All tags; what is not in it is removed. At most 8 KB.' }),
    moduleId: optionalModuleId,
    etag,
  }),
  output: TwinDocument,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run({ hubs, signal }, { hub, deviceId, moduleId, desired, tags, etag }) {
    const azure = await hubs.require(hub).azure();
    const name = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
    const twin = { desired: writable(desired), tags: writable(tags) };
    return twinDocument(
      await azure.twins.replace(name, twin, {
        ...withinCall(signal),
        ...(etag === undefined ? {} : { etag }),
      }),
    );
  },
});

const getTwinSections = defineOperation({
  name: 'GetTwinSections',
  category: 'Twin',
  role: 'viewer',
  summary: 'Reads the sections of a twin in the form that the twin properties of a Thing have.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/twin/sections',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    desired: JsonObject({ description: 'The desired properties with $version.' }),
    reported: JsonObject({ description: 'The reported properties with $version.' }),
    tags: JsonObject({ description: 'The tags with $version.' }),
    connectionState: Type.Optional(Type.String({ description: 'Connected or Disconnected.' })),
    lastActivityTime: Type.Optional(DateTime({ description: 'When the device was last active.' })),
    modelId: Type.Optional(Type.String({ description: 'The IoT Plug and Play model id.' })),
  }),
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { twins } = await hubs.require(hub).azure();
    return deviceView(await twins.get({ deviceId }, withinCall(signal)));
  },
});

/** Twins of devices and modules. */
export const TWINS = [getTwin, updateTwin, replaceTwin, getTwinSections];
