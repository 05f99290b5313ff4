import { addressPrefix } from './address.ts';
import { isPlainObject } from './coerce/structure.ts';
import { show } from './coerce/wrong.ts';
import {
  type Content,
  contentOf,
  contentOfReadings,
  messageTimeMs,
  type Reading,
  refused,
} from './reading.ts';
import type { HubMessage, Refusal } from './types.ts';

/**
 * What a message means when no mapping applies, as PTC's connector has it: the Thing is the device, its properties are
 * the top-level keys; keys of an Edge module's message are addressed as `module::key`, those of an IoT Plug and Play
 * component as `component::key`. An array holds several such messages.
 */
export function readDefault(message: HubMessage, value: unknown): Content {
  const prefix = addressPrefix(message.moduleId, message.componentName);
  const timeMs = messageTimeMs(message);
  if (!Array.isArray(value)) {
    return isPlainObject(value)
      ? contentOfReadings([readingOf(message, value, prefix, timeMs)])
      : refused({
          code: 'BODY_NOT_OBJECT',
          reason: `The body is ${show(value)}; expected is an object whose keys are properties, or an array of such objects.`,
        });
  }
  if (value.length === 0) {
    return contentOf({ ignored: [{ code: 'NO_VALUES', reason: 'The body is an empty array.' }] });
  }
  const readings: Reading[] = [];
  const refusals: Refusal[] = [];
  value.forEach((item, i) => {
    if (isPlainObject(item)) readings.push(readingOf(message, item, prefix, timeMs));
    else {
      refusals.push({
        code: 'BODY_NOT_OBJECT',
        reason: `Element ${i} of the body is ${show(item)}; expected is an object whose keys are properties.`,
      });
    }
  });
  return contentOf({ readings, refusals });
}

function readingOf(
  message: HubMessage,
  members: Readonly<Record<string, unknown>>,
  prefix: string,
  timeMs: number,
): Reading {
  return { thing: message.deviceId, prefix, timeMs, quality: 'GOOD', members };
}
