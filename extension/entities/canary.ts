import {
  CANARY_PATHS,
  CANARY_PERCENTILES,
  type CanaryPathName,
  CanaryPaths,
} from '../../sidecar/contract/canary.ts';
import {
  type DataShape,
  type EventDefinition,
  type PropertyDefinition,
  permit,
  SIDECAR_GROUP,
  type ThingTemplate,
} from '../../sidecar/entities/model.ts';
import { tableType } from '../generate/operation-script.ts';
import { text, time } from './data-shapes.ts';

/** The canary of a hub: its device as a Thing, its properties on the hub Thing, and its events. */

const CATEGORY = 'Canary';

export const canaryTemplate: ThingTemplate = {
  kind: 'ThingTemplate',
  homeMashup: 'AzureIoT.Device_MU',
  name: 'AzureIoT.Canary_TT',
  description:
    'The canary of a hub: a device by which the sidecar tests the connection. The sidecar makes it.',
  baseThingTemplate: 'GenericThing',
  implementedShapes: ['AzureIoT.Device_TS'],
  properties: [
    {
      name: 'canaryValue',
      baseType: 'LONG',
      description: 'The value that the canary sent last: the time of sending, in milliseconds since 1970.',
      category: CATEGORY,
    },
  ],
  services: [],
  events: [],
  subscriptions: [],
  permissions: [],
  // The canary takes the way of a user: it calls the service of the Thing, and no operation of the sidecar.
  instancePermissions: [...permit('ServiceInvoke', SIDECAR_GROUP, ['InvokeMethod'])],
};

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

const PATH_TEXTS: Readonly<Record<CanaryPathName, string>> = {
  telemetry: 'from the device to its Thing',
  method: 'from the Thing to the device and back, by a direct method',
  twin: 'from a desired property to the reported property on the Thing',
};

/** A property for each percentile of each path: numbers can be logged and alarmed, tables cannot. */
const figures = CANARY_PATHS.flatMap((path) =>
  Object.entries(CANARY_PERCENTILES).map(([member, share]) => ({
    path,
    member,
    property: `canary${capital(path)}${capital(member)}`,
    description: `Round trips of the canary ${PATH_TEXTS[path]} in the last hour: percentile ${share * 100}.`,
  })),
);

/** Written by ReceiveStatus alone. */
export const canaryProperties: readonly PropertyDefinition[] = [
  {
    name: 'canaryState',
    baseType: 'STRING',
    description:
      'off, starting, ok, failed (a path has failed twice in a row), or suspended (ThingWorx did not answer).',
    category: CATEGORY,
    defaultValue: 'off',
  },
  {
    name: 'canaryReason',
    baseType: 'STRING',
    description: 'Why the canary is failed or suspended.',
    category: CATEGORY,
  },
  {
    name: 'canarySidecar',
    baseType: 'STRING',
    description: 'The sidecar that runs the canary; empty while it is off.',
    category: CATEGORY,
  },
  {
    name: 'canaryTime',
    baseType: 'DATETIME',
    description: 'When the last round of the canary ended.',
    category: CATEGORY,
  },
  {
    name: 'canaryPaths',
    baseType: 'INFOTABLE',
    dataShape: 'AzureIoT.CanaryPath_DS',
    description: 'State, round trips and percentiles of each path of the canary.',
    category: CATEGORY,
  },
  ...figures.map(
    ({ property, description }): PropertyDefinition => ({
      name: property,
      baseType: 'NUMBER',
      description,
      category: CATEGORY,
      units: 'ms',
    }),
  ),
];

/** What scripts need that read or write the canary of a hub. */
export const canaryConstants = {
  CANARY_TYPE: tableType(CanaryPaths),
  CANARY_FIGURES: figures.map(({ path, member, property }) => ({ path, member, property })),
};

export const canaryEvents: readonly EventDefinition[] = [
  {
    name: 'CanaryFailed',
    category: CATEGORY,
    description: 'Paths of the canary have failed twice in a row.',
    dataShape: 'AzureIoT.CanaryChange_DS',
  },
  {
    name: 'CanaryRecovered',
    category: CATEGORY,
    description: 'Paths of the canary that had failed work again: two round trips in a row succeeded.',
    dataShape: 'AzureIoT.CanaryChange_DS',
  },
];

export const canaryChange: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.CanaryChange_DS',
  description: 'The events CanaryFailed and CanaryRecovered of a hub.',
  fields: [
    text('paths', 'The paths that have changed, separated by commas: telemetry, method, twin.'),
    text('device', 'The device of the canary.'),
    text('code', 'The code of the first failure.'),
    text('reason', 'Why each path failed, in plain words.'),
    { name: 'since', baseType: 'DATETIME', description: 'Since when the paths have been failed.' },
    time('When the canary found it.'),
  ],
};
