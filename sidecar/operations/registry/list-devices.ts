import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { continuationToken, hub, isAll, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { DeviceRow, deviceRow } from './registry-members.ts';

export const listDevices = defineOperation({
  name: 'ListDevices',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
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
        description: 'The most devices of one page.',
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
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'AZURE_REJECTED'],
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
