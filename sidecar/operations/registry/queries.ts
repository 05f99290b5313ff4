import Type from 'typebox';
import { JsonObject, OneRow } from '../../contract/schema.ts';
import { continuationToken, hub, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';

const queryTwins = defineOperation({
  name: 'QueryTwins',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'viewer',
  summary: 'Runs a query of the IoT Hub query language over twins, modules or jobs and returns one page.',
  method: 'POST',
  path: '/hubs/{hub}/twin-queries',
  input: Type.Object({
    hub,
    query: Type.String({
      minLength: 1,
      maxLength: 8_192,
      description: "Such as SELECT deviceId, tags FROM devices WHERE tags.site = 'Lyon'.",
    }),
    pageSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'The maximum number of items in a page.',
      }),
    ),
    continuationToken,
  }),
  output: OneRow(
    Type.Object(
      {
        items: Type.Array(JsonObject({ description: 'One twin, or what the query selects.' }), {
          description: 'The items of the page; may be empty although there are more pages.',
        }),
        continuationToken: Type.Optional(
          Type.String({ description: 'The token for the next page; not set on the last page.' }),
        ),
      },
      { description: 'One page of the result of QueryTwins.' },
    ),
    'AzureIoT.TwinQueryPage_DS',
  ),
  errors: [...IOT_HUB_ERRORS],
  async run({ hubs, signal }, { hub, query, pageSize, continuationToken }) {
    const { twins } = await hubs.require(hub).azure();
    const page = await twins.query<Record<string, unknown>>(query, {
      ...withinCall(signal),
      pageSize: pageSize ?? 100,
      ...(continuationToken === undefined ? {} : { continuationToken }),
    });
    return { ...page, items: [...page.items] };
  },
});

const count = (description: string) => Type.Integer({ minimum: 0, description });

const getRegistryStatistics = defineOperation({
  name: 'GetRegistryStatistics',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'viewer',
  summary: 'Counts the devices of the IoT Hub: all, enabled, disabled and connected.',
  method: 'GET',
  path: '/hubs/{hub}/registry-statistics',
  input: Type.Object({ hub }),
  output: OneRow(
    Type.Object(
      {
        totalDevices: count('All devices.'),
        enabledDevices: count('Devices that may connect.'),
        disabledDevices: count('Devices that may not connect.'),
        connectedDevices: count('Devices that are connected.'),
      },
      { description: 'The number of devices of an IoT Hub.' },
    ),
    'AzureIoT.RegistryStatistics_DS',
  ),
  errors: [...IOT_HUB_ERRORS],
  async run({ hubs, signal }, { hub }) {
    const { registry } = await hubs.require(hub).azure();
    const [devices, connectedDevices] = await Promise.all([
      registry.statistics(withinCall(signal)),
      registry.connectedDeviceCount(withinCall(signal)),
    ]);
    return {
      totalDevices: devices.totalDeviceCount,
      enabledDevices: devices.enabledDeviceCount,
      disabledDevices: devices.disabledDeviceCount,
      connectedDevices,
    };
  },
});

/** Queries of the registry as a whole. */
export const QUERIES = [queryTwins, getRegistryStatistics] as const;
