import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { ImportRow } from './imports.ts';

export const listImports = defineOperation({
  name: 'ListImports',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  summary: 'Lists the imports, exports and comparisons of this hub, the newest first.',
  method: 'GET',
  path: '/hubs/{hub}/imports',
  input: Type.Object({ hub }),
  output: Type.Object({
    imports: Table(ImportRow, 'AzureIoT.Import_DS', { description: 'The imports, newest first.' }),
  }),
  result: 'imports',
  errors: ['HUB_NOT_CONNECTED', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub }) {
    return { imports: await hubs.require(hub).imports.list() };
  },
});
