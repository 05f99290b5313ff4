import Type, { type Static } from 'typebox';
import type { Configuration } from '../../azure/iot-hub/configurations.ts';
import { DateTime, EXPECTED_KEYWORD, JsonObject, OneRow } from '../../contract/schema.ts';
import { azureTime } from '../device-members.ts';
import { requireTexts } from '../input-checks.ts';

/** Input and output members of the operations on automatic configurations. */

export const configurationId = Type.String({
  pattern: "^[a-z0-9\\-+%_*!']{1,128}$",
  [EXPECTED_KEYWORD]: "1 to 128 lower-case letters, digits and any of - + % _ * ! '",
  description: 'The id of the configuration.',
});

/** What can be given at first and changed later. */
export const configurationMembers = {
  targetCondition: Type.Optional(
    Type.String({
      maxLength: 6_000,
      description:
        "Which devices it is for, such as tags.building = '43'; * for all. Empty in a new configuration: none.",
    }),
  ),
  priority: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 2_147_483_647,
      description: 'If several configurations apply to a device, the one with the highest priority wins.',
    }),
  ),
  labels: Type.Optional(
    JsonObject({ description: 'The labels: names with text values, such as {"stage": "test"}.' }),
  ),
  metrics: Type.Optional(
    JsonObject({
      description:
        'Names and queries whose results are counted, such as {"updated": "SELECT deviceId FROM devices WHERE ..."}; at most five.',
    }),
  ),
};

interface ConfigurationInputMembers {
  readonly targetCondition?: string | undefined;
  readonly priority?: number | undefined;
  readonly labels?: Readonly<Record<string, unknown>> | undefined;
  readonly metrics?: Readonly<Record<string, unknown>> | undefined;
}

export function configurationChange(members: ConfigurationInputMembers) {
  const { targetCondition, priority, labels, metrics } = members;
  return {
    ...(targetCondition === undefined ? {} : { targetCondition }),
    ...(priority === undefined ? {} : { priority }),
    ...(labels === undefined ? {} : { labels: requireTexts(labels, 'labels') }),
    ...(metrics === undefined ? {} : { metrics: { queries: requireTexts(metrics, 'metrics') } }),
  };
}

const fields = {
  id: Type.String({ description: 'The id of the configuration.' }),
  targetCondition: Type.String({ description: 'Which devices it is for; empty: none.' }),
  priority: Type.Integer({
    description: 'If several configurations apply to a device, the one with the highest priority wins.',
  }),
  isEdge: Type.Boolean({ description: 'Whether it deploys modules to IoT Edge devices.' }),
  createdTime: Type.Optional(DateTime({ description: 'When it was created.' })),
  lastUpdatedTime: Type.Optional(DateTime({ description: 'When it was last changed.' })),
  systemMetrics: JsonObject({
    description:
      'The metrics of IoT Hub: names, such as targetedCount and appliedCount, with numbers of devices.',
  }),
  metrics: JsonObject({ description: 'Its own metrics: names with numbers of devices.' }),
  labels: JsonObject({ description: 'The labels: names with text values.' }),
  etag: Type.String({ description: 'The ETag for UpdateConfiguration and DeleteConfiguration.' }),
};

export const ConfigurationRow = Type.Object(fields, {
  description: 'One automatic configuration or Edge deployment, without its content.',
});

export const ConfigurationDocument = OneRow(
  Type.Object(
    {
      ...fields,
      metricQueries: JsonObject({ description: 'The queries of its own metrics.' }),
      content: JsonObject({
        description: 'deviceContent, moduleContent or modulesContent, as it was created.',
      }),
    },
    { description: 'The configuration as IoT Hub has it.' },
  ),
  'AzureIoT.ConfigurationDetail_DS',
);

export function configurationRow(configuration: Configuration): Static<typeof ConfigurationRow> {
  return {
    id: configuration.id,
    targetCondition: configuration.targetCondition ?? '',
    priority: configuration.priority ?? 0,
    isEdge: configuration.content?.modulesContent !== undefined,
    ...azureTime('createdTime', configuration.createdTimeUtc),
    ...azureTime('lastUpdatedTime', configuration.lastUpdatedTimeUtc),
    systemMetrics: { ...configuration.systemMetrics?.results },
    metrics: { ...configuration.metrics?.results },
    labels: { ...configuration.labels },
    etag: configuration.etag ?? '',
  };
}

export function configurationDocument(configuration: Configuration): Static<typeof ConfigurationDocument> {
  return {
    ...configurationRow(configuration),
    metricQueries: { ...configuration.metrics?.queries },
    content: { ...configuration.content },
  };
}
