import { canaryDeviceOf } from '../canary/canary.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import type {
  ImplausibleTimePolicy,
  TranslationSettings,
  UnknownPropertyPolicy,
  UnknownThingPolicy,
} from '../translate/types.ts';

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

/** The settings of a hub Thing that the translation of messages uses. */
export function translationSettings(settings: HubSettings, hubThing: string): TranslationSettings {
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
    // The mappings of an application need not know of the canary.
    unmappedDevice: settings.canaryEnabled ? canaryDeviceOf(hubThing, settings) : undefined,
    limits: { maxBodyBytes, maxInflatedBytes, maxDepth, maxKeys, maxCreations, maxExpressionMs },
  };
}
