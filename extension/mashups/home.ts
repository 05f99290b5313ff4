import {
  button,
  column,
  figure,
  label,
  type MashupDefinition,
  narrow,
  navigation,
  row,
  shown,
  timer,
} from './definition.ts';
import { hubChoice, hubParameter, listHubs } from './frame.ts';

const PAGES = {
  Hub: ['AzureIoT.Hub_MU', 'State, rate and lag, errors, dead letters and tasks'],
  Devices: ['AzureIoT.Devices_MU', 'Find, create, enable, disable, delete and import devices'],
  Device: ['AzureIoT.Device_MU', 'Values, twin, methods, messages, modules and software of one device'],
  Campaigns: ['AzureIoT.Campaigns_MU', 'Install a software package on many devices, in waves'],
  'OPC UA': ['AzureIoT.OpcUa_MU', 'Browse servers, publish nodes, read and write values'],
  Files: ['AzureIoT.Storage_MU', 'Folders and files of storage containers'],
  Mappings: ['AzureIoT.Mappings_MU', 'Edit, check and try the mappings of a hub'],
  Migration: ['AzureIoT.Migration_MU', "Plan, make, compare and undo a migration from PTC's connector"],
} as const;

const entries = Object.entries(PAGES);
const openName = (title: string) => `open${title.replace(/\W/g, '')}`;
const withHub = (title: string) => title !== 'OPC UA' && title !== 'Files' && title !== 'Device';

/** Where everybody begins: the menu, and how the hub is. */
export const home: MashupDefinition = {
  name: 'AzureIoT.Home_MU',
  description: 'The menu of the connector, and how a hub is.',
  parameters: [hubParameter],
  calls: {
    ListHubs: listHubs,
    GetHubOverview: { bind: { thing: 'hub.SelectedText' } },
  },
  loaded: ['ListHubs'],
  layout: column(
    [
      row([label('Azure IoT Hub', 'large-header'), hubChoice(['GetHubOverview'])]),
      row([
        figure('State', 'state', 'GetHubOverview.state'),
        figure('Messages per second', 'rate', 'GetHubOverview.rate'),
        figure('Lag', 'lag', 'GetHubOverview.lag'),
        figure('Delivered', 'delivered', 'GetHubOverview.delivered'),
        figure('Dead letters', 'deadLettered', 'GetHubOverview.deadLettered'),
        figure('Canary', 'canary', 'GetHubOverview.canary'),
      ]),
      shown('error', 'GetHubOverview.error'),
      ...entries.map(([title, [, text]]) =>
        row(
          [
            narrow(130, [
              button(`menu${title.replace(/\W/g, '')}`, title, [`${openName(title)}.Navigate`], 'primary'),
            ]),
            label(text, 'body'),
          ],
          {
            align: 'center',
          },
        ),
      ),
    ],
    { grow: true, scroll: true },
  ),
  functions: [
    ...entries.map(([title, [target]]) =>
      navigation(openName(title), target, withHub(title) ? { hub: 'hub.SelectedText' } : {}),
    ),
    timer('everyTenSeconds', 10, ['GetHubOverview']),
  ],
};
