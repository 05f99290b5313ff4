import Type from 'typebox';
import { OneOf, Table } from '../../contract/schema.ts';
import { PACKAGE_STATES, PackageRow, packageName } from '../../packages/types.ts';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const listPackages = defineOperation({
  name: 'ListPackages',
  entity: 'AzureIoT.Hub_TT',
  category: 'Software packages',
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
    return { packages: await hubs.require(hub).packages.list(filter) };
  },
});
