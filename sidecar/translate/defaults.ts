import { addressPrefix } from './address.ts';
import { isPlainObject } from './coerce/structure.ts';
import { show } from './coerce/wrong.ts';
import { isOpcUa, readOpcUa } from './format/opc-ua.ts';
import type { Sample, Samples } from './format/sample.ts';
import { type Content, contentOfReadings, messageTimeMs, NONE, type Reading } from './reading.ts';
import type { ReceivedMessage } from './types.ts';

/**
 * What a message means when no mapping applies, as PTC's connector has it: the Thing is the device, its properties are
 * the top-level keys; keys of an Edge module's message are addressed as `module::key`, those of an IoT Plug and Play
 * component as `component::key`. An array holds several such messages. OPC Publisher's forms are recognised: there the
 * keys are the fields, and each value has the time and the quality of its DataValue.
 */
export function readDefault(message: ReceivedMessage, value: unknown): Content {
  const prefix = addressPrefix(message.moduleId, message.componentName);
  const timeMs = messageTimeMs(message);
  const thing = message.deviceId;
  if (isPlainObject(value) && !isOpcUa(value)) {
    return contentOfReadings([{ thing, prefix, timeMs, quality: 'GOOD', members: value }]);
  }
  const { samples, ignored, refusals } = samplesOf(value);
  const readings: Reading[] = [];
  for (const { rows } of samples) {
    for (const row of rows) {
      readings.push({
        ...row,
        thing,
        prefix,
        timeMs: row.timeMs ?? timeMs,
        untimed: row.timeMs === undefined,
      });
    }
  }
  return { readings, ignored, refusals, notifications: NONE };
}

/** The elements of a body that hold values. */
export function samplesOf(value: unknown): Samples {
  const opcUa = readOpcUa(value);
  if (opcUa !== undefined) return opcUa;
  if (isPlainObject(value))
    return { samples: [sampleOf(value, [], undefined)], ignored: NONE, refusals: NONE };
  if (!Array.isArray(value)) {
    const cure =
      typeof value === 'string' && /^\s*[[{]/.test(value.slice(0, 1000))
        ? ' If the text is JSON that was written twice, use a mapping rule with "body": "lenient".'
        : ' A mapping rule with a property at the path "$" takes it whole.';
    const reason = `The body is ${show(value)}; expected is an object whose keys are properties, or an array of such objects.${cure}`;
    return { samples: NONE, ignored: NONE, refusals: [{ code: 'BODY_NOT_OBJECT', reason }] };
  }
  if (value.length === 0) {
    const ignored = [{ code: 'NO_VALUES', reason: 'The body is an empty array.' } as const];
    return { samples: NONE, ignored, refusals: NONE };
  }
  const around = [value];
  const refusals = value.flatMap((item, i) =>
    isPlainObject(item)
      ? []
      : {
          code: 'BODY_NOT_OBJECT' as const,
          reason: `Element ${i} of the body is ${show(item)}; expected is an object whose keys are properties.`,
        },
  );
  const samples = value.flatMap((item, i) => (isPlainObject(item) ? sampleOf(item, around, i) : []));
  return { samples, ignored: NONE, refusals };
}

/** A plain object: its keys are properties. */
function sampleOf(
  item: Readonly<Record<string, unknown>>,
  around: readonly unknown[],
  key: string | number | undefined,
): Sample {
  return { item, around, key, rows: [{ timeMs: undefined, quality: 'GOOD', members: item }] };
}
