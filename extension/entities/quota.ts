import {
  QUOTA_SOURCES,
  QUOTA_WARNING_PERCENT,
  QuotaDevices,
  QuotaSources,
  type quotaMembers,
} from '../../sidecar/contract/quota.ts';
import type { DataShape, EventDefinition, PropertyDefinition } from '../../sidecar/entities/model.ts';
import { tableType } from '../generate/operation-script.ts';
import { text, time } from './data-shapes.ts';

/** The use of the daily quota on the hub Thing: its properties and its event. */

const CATEGORY = 'Quota';

const property = (
  name: string,
  baseType: PropertyDefinition['baseType'],
  description: string,
  more: Partial<PropertyDefinition> = {},
): PropertyDefinition => ({ name, baseType, description, category: CATEGORY, ...more });

/** The members of the use of the quota, as properties of the hub Thing. */
const PROPERTY_OF: Readonly<Record<keyof typeof quotaMembers, string>> = {
  day: 'quotaDay',
  since: 'quotaSince',
  used: 'quotaUsed',
  limit: 'quotaLimit',
  percent: 'quotaPercent',
  forecast: 'quotaForecast',
  sources: 'quotaSources',
  devices: 'quotaDevices',
};

/** Written by ReceiveStatus alone. */
export const quotaProperties: readonly PropertyDefinition[] = [
  property('quotaDay', 'STRING', 'The day in UTC for which the use of the daily quota is shown.'),
  property('quotaSince', 'DATETIME', 'Since when it is counted; later than midnight on the first day.'),
  property(
    'quotaUsed',
    'LONG',
    'Metered messages of the IoT Hub today, as far as the sidecars of this hub see them.',
  ),
  property('quotaLimit', 'LONG', 'The daily quota by tier and units; 0 if tier is unknown.'),
  property('quotaPercent', 'NUMBER', 'The used share of the quota; 0 if tier is unknown.', { units: '%' }),
  property('quotaForecast', 'LONG', 'Metered messages at midnight UTC if it goes on as in the last hour.'),
  property('quotaSources', 'INFOTABLE', 'The use by source.', { dataShape: 'AzureIoT.QuotaSource_DS' }),
  property('quotaDevices', 'INFOTABLE', 'The ten devices that use most.', {
    dataShape: 'AzureIoT.QuotaDevice_DS',
  }),
  property('quotaMembers', 'JSON', 'What each sidecar has counted today. Not to be edited.', {
    dataChangeType: 'NEVER',
  }),
  property('quotaWarnedDay', 'STRING', 'The last day on which QuotaWarning fired. Not to be edited.', {
    isPersistent: true,
    dataChangeType: 'NEVER',
  }),
];

/** What scripts need that read or write the use of the quota. */
export const quotaConstants = {
  QUOTA_SOURCES_TYPE: tableType(QuotaSources),
  QUOTA_DEVICES_TYPE: tableType(QuotaDevices),
  QUOTA_ORDER: [...QUOTA_SOURCES],
  QUOTA_PROPERTIES: PROPERTY_OF,
  QUOTA_WARNING_PERCENT,
};

export const quotaEvents: readonly EventDefinition[] = [
  {
    name: 'QuotaWarning',
    category: CATEGORY,
    description: `${QUOTA_WARNING_PERCENT} percent of the daily quota of the IoT Hub are used. Fires at most once a day.`,
    dataShape: 'AzureIoT.QuotaWarning_DS',
  },
];

export const quotaWarning: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.QuotaWarning_DS',
  description: 'The event QuotaWarning of a hub.',
  fields: [
    text('day', 'The day in UTC.'),
    { name: 'used', baseType: 'LONG', description: 'Metered messages so far.' },
    { name: 'limit', baseType: 'LONG', description: 'The daily quota.' },
    { name: 'percent', baseType: 'NUMBER', description: 'The used share of the quota.' },
    { name: 'forecast', baseType: 'LONG', description: 'Metered messages at midnight UTC.' },
    text('source', 'The source that uses most.'),
    text('device', 'The device that uses most.'),
    text('flooding', 'Devices that flood, separated by commas; may be empty.'),
    time('When it happened.'),
  ],
};
