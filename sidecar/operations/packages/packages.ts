import Type from 'typebox';
import { forThingWorx, JsonObject, OneOf, OneRow, Table } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { DELIVERIES, PACKAGE_STATES, PackageRow, packageName } from '../../packages/types.ts';
import { deviceId, hub, optionalModuleId } from '../device-members.ts';
import { account, container, path } from '../files/file-members.ts';
import { defineOperation } from '../operation.ts';

/** What is installed and how, for one device and for many. */
export const installation = {
  name: packageName,
  version: Type.String({ minLength: 1, maxLength: 64, description: 'The version, such as 2.1.0.' }),
  methodName: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      default: 'installPackage',
      description: 'The direct method that receives the link.',
    }),
  ),
  moduleId: optionalModuleId,
  information: Type.Optional(JsonObject({ description: 'Further information for the installer.' })),
};

/** Of services: what makes the account and the container. */
export const repository = forThingWorx(
  Type.String({ description: 'The container Thing that has the file.' }),
  { baseType: 'THINGNAME', thingTemplate: 'AzureIoT.BlobContainer_TT' },
);

/** What the service and the route have in common. */
const members = {
  ...installation,
  delivery: Type.Optional(
    OneOf(DELIVERIES, {
      default: 'method',
      description:
        'How the device receives the link: method (a direct method, repeated until the device is connected) or message (it waits in the queue of the device).',
    }),
  ),
  timeoutMinutes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_440,
      default: 60,
      description:
        'The time limit of the deployment in minutes, including the time until the device is connected. The link is valid for the same time.',
    }),
  ),
  deleteFile: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'Whether the file is deleted after the installation, if no other deployment of this hub needs it.',
    }),
  ),
};

const packageDetail = OneRow(PackageRow, 'AzureIoT.Package_DS');

const deployPackage = defineOperation({
  name: 'DeployPackage',
  entity: 'AzureIoT.Device_TS',
  category: 'Software packages',
  role: 'engineer',
  summary:
    'Tells the device or one of its modules to download and install a software package, a file of a container; the property softwarePackages shows the progress.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/packages',
  input: Type.Object({ hub, deviceId, account, container, path, ...members }),
  output: packageDetail,
  errors: [
    'HUB_NOT_CONNECTED',
    ...STORAGE_ERRORS,
    'PATH_INVALID',
    'FILE_NOT_FOUND',
    'LINK_NOT_POSSIBLE',
    'DEVICE_NOT_FOUND',
    'PACKAGE_PENDING',
    'STATE_UNAVAILABLE',
  ],
  script: 'hand-written',
  serviceInput: Type.Object({
    repository,
    path,
    ...members,
  }),
  async run({ hubs, signal }, { hub, moduleId, information, ...input }) {
    return await hubs.require(hub).deployments.deploy(
      {
        ...input,
        delivery: input.delivery ?? 'method',
        methodName: input.methodName ?? 'installPackage',
        timeoutMinutes: input.timeoutMinutes ?? 60,
        deleteFile: input.deleteFile ?? false,
        ...(moduleId === undefined ? {} : { moduleId }),
        ...(information === undefined ? {} : { information }),
      },
      signal,
    );
  },
});

export const listPackages = defineOperation({
  name: 'ListPackages',
  entity: 'AzureIoT.Hub_TT',
  category: 'Software packages',
  role: 'viewer',
  summary:
    'Lists deployments of software packages to devices of this hub, the newest first: those under way and the last thousand that have ended.',
  method: 'GET',
  path: '/hubs/{hub}/packages',
  input: Type.Object({
    hub,
    name: Type.Optional(packageName),
    state: Type.Optional(OneOf(PACKAGE_STATES, { description: 'Only deployments of this state.' })),
  }),
  output: Type.Object({
    packages: Table(PackageRow, 'AzureIoT.Package_DS', { description: 'The deployments, newest first.' }),
  }),
  result: 'packages',
  errors: ['HUB_NOT_CONNECTED', 'STATE_UNAVAILABLE'],
  async run({ hubs }, { hub, ...filter }) {
    return { packages: await hubs.require(hub).deployments.list(filter) };
  },
});

const cancelPackage = defineOperation({
  name: 'CancelPackage',
  entity: 'AzureIoT.Device_TS',
  category: 'Software packages',
  role: 'engineer',
  summary:
    'Cancels the deployment of a package; a device that has received it is asked to stop. A deployment that has ended does not change.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/packages/{name}/cancel',
  input: Type.Object({ hub, deviceId, name: packageName, moduleId: optionalModuleId }),
  output: packageDetail,
  errors: ['HUB_NOT_CONNECTED', 'PACKAGE_NOT_FOUND', 'STATE_UNAVAILABLE'],
  timeoutMs: 28_000,
  async run({ hubs }, { hub, deviceId, moduleId, name }) {
    const target = { deviceId, name, ...(moduleId === undefined ? {} : { moduleId }) };
    return await hubs.require(hub).deployments.cancel(target);
  },
});

/** Software packages for devices. */
export const PACKAGES = [deployPackage, cancelPackage, listPackages];
