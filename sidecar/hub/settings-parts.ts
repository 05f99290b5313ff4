import type { StartPosition } from '../azure/event-hubs/event-types.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import type {
  ImplausibleTimePolicy,
  TranslationSettings,
  UnknownPropertyPolicy,
  UnknownThingPolicy,
} from '../translate/types.ts';

/** The settings of a hub Thing in the words of the parts they are for. */

export function startPositionOf(text: string): StartPosition {
  if (text === 'latest' || text === 'earliest') return { from: text };
  return { from: 'time', timeMs: Date.parse(text) };
}

const THING_POLICIES: Readonly<Record<HubSettings['unknownThing'], UnknownThingPolicy>> = {
  'dead-letter': 'deadLetter',
  create: 'create',
  ignore: 'ignore',
};

const PROPERTY_POLICIES: Readonly<Record<HubSettings['unknownProperty'], UnknownPropertyPolicy>> = {
  ignore: 'ignore',
  create: 'create',
  'dead-letter': 'deadLetter',
};

const TIME_POLICIES: Readonly<Record<HubSettings['implausibleTime'], ImplausibleTimePolicy>> = {
  'enqueued-time': 'enqueuedTime',
  'dead-letter': 'deadLetter',
};

export function translationSettings(settings: HubSettings): TranslationSettings {
  const { maxBodyBytes, maxInflatedBytes, maxDepth, maxKeys, maxCreations, maxExpressionMs } = settings;
  return {
    unknownThing: THING_POLICIES[settings.unknownThing],
    unknownProperty: PROPERTY_POLICIES[settings.unknownProperty],
    deviceTemplate: settings.deviceTemplate,
    earliestTimeMs: Date.parse(settings.earliestTime),
    maxAheadMs: settings.maxTimeAheadSeconds * 1000,
    implausibleTime: TIME_POLICIES[settings.implausibleTime],
    distinctTimes: settings.distinctTimes,
    mappings: settings.mappings,
    limits: { maxBodyBytes, maxInflatedBytes, maxDepth, maxKeys, maxCreations, maxExpressionMs },
  };
}
