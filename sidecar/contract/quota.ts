import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, OneOf, Table } from './schema.ts';

/** Who uses the quota. twin: reads, updates and queries. sidecar: what the sidecar reads by itself. */
export const QUOTA_SOURCES = [
  'telemetry',
  'method',
  'twin',
  'message',
  'job',
  'upload',
  'canary',
  'sidecar',
] as const;
export type QuotaSourceName = (typeof QUOTA_SOURCES)[number];

/** At this share of the quota the hub Thing fires QuotaWarning. */
export const QUOTA_WARNING_PERCENT = 80;

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });
const percent = (description: string) =>
  forThingWorx(Type.Number({ minimum: 0, description }), { units: '%' });

const QuotaSource = Type.Object(
  {
    source: OneOf(QUOTA_SOURCES, {
      description:
        'telemetry, method (direct methods), twin (reads, updates, queries), message (cloud-to-device), job, upload, canary, or sidecar: what the ' +
        'sidecar reads by itself.',
    }),
    messages: count('Metered messages today.'),
    share: percent('Their share of all metered messages today.'),
  },
  { description: 'The use of the daily quota by one source.' },
);

const QuotaDevice = Type.Object(
  {
    device: Type.String({ description: 'The device.' }),
    messages: count('Metered messages of the device today, at most too many by excess.'),
    excess: count('By how much the count may be too large.'),
    share: percent('Its share of all metered messages today.'),
    recent: count('Metered messages of the device in the last ten minutes.'),
    floods: Type.Boolean({
      description:
        'Whether it sends five times as much as usual, or half of all messages of the last ten minutes.',
    }),
  },
  { description: 'The use of the daily quota by one device.' },
);
export type QuotaDevice = Static<typeof QuotaDevice>;

export const QuotaSources = Table(QuotaSource, 'AzureIoT.QuotaSource_DS', {
  description: 'The use by source.',
});
export const QuotaDevices = Table(QuotaDevice, 'AzureIoT.QuotaDevice_DS', {
  description: 'The ten devices that use most.',
});

export const quotaMembers = {
  day: Type.String({ description: 'The day in UTC, such as 2026-01-31.' }),
  since: DateTime({ description: 'Since when it is counted; later than midnight on the first day.' }),
  used: count('Metered messages today, as far as the sidecar sees them.'),
  limit: Type.Optional(count('The daily quota, by tier and units; not set if the tier is unknown.')),
  percent: Type.Optional(percent('The used share of the quota.')),
  forecast: count('Metered messages at midnight UTC if it goes on as in the last hour.'),
  sources: QuotaSources,
  devices: QuotaDevices,
};

export const QuotaUse = Type.Object(quotaMembers, {
  description: 'The use of the daily quota of the IoT Hub, as one sidecar has counted it.',
});
export type QuotaUse = Static<typeof QuotaUse>;
