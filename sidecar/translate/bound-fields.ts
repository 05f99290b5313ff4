import { propertyNameProblem, thingNameProblem } from './address.ts';
import type { Content, Reading } from './reading.ts';
import type { ReceivedMessage, ThingDefinition } from './types.ts';
import { type Run, short } from './unknown.ts';

/**
 * OPC Publisher sends a node that is bound to a property as a field of this name: `twx:<Thing>/<property>`. Neither name can contain a slash.
 * The name alone opens nothing: the Thing must say that the property is bound to a node of the module that sent it (docs/decisions/120).
 */
const PREFIX = 'twx:';

export function boundField(thing: string, property: string): string {
  return `${PREFIX}${thing}/${property}`;
}

/** The module that sends the values of a binding, as the table of bindings has it. */
export function moduleSource(deviceId: string, moduleId: string): string {
  return `${deviceId}/${moduleId}`;
}

interface BoundValue {
  readonly thing: string;
  readonly name: string;
  readonly value: unknown;
}

/** The content of a message with the values of bound nodes as readings of their own. */
export function withBoundFields(content: Content, message: ReceivedMessage): Content {
  const { deviceId, moduleId } = message;
  if (!moduleId || !content.readings.some(hasBoundField)) return content;
  const source = moduleSource(deviceId, moduleId);
  const readings = content.readings.flatMap((reading) => separate(reading, source));
  return { ...content, readings };
}

function namesOf({ names, members }: Reading): readonly string[] {
  return names ?? Object.keys(members ?? {});
}

function hasBoundField(reading: Reading): boolean {
  return namesOf(reading).some((name) => targetOf(name) !== undefined);
}

/** Thing and property of a field; undefined when the field is of another kind. */
function targetOf(field: string): { readonly thing: string; readonly property: string } | undefined {
  if (!field.startsWith(PREFIX)) return undefined;
  const end = field.indexOf('/');
  const thing = field.slice(PREFIX.length, end);
  const property = field.slice(end + 1);
  const isTarget =
    end > 0 && thingNameProblem(thing) === undefined && propertyNameProblem(property) === undefined;
  return isTarget ? { thing, property } : undefined;
}

/** A reading in parts: one for each Thing with bound values, and what is left. */
function separate(reading: Reading, source: string): readonly Reading[] {
  if (!hasBoundField(reading)) return [reading];
  const values = reading.values ?? Object.values(reading.members ?? {});
  const bound: BoundValue[] = [];
  const rest: number[] = [];
  const names = namesOf(reading);
  names.forEach((name, i) => {
    const target = targetOf(name);
    if (target === undefined) rest.push(i);
    else bound.push({ thing: target.thing, name: target.property, value: values[i] });
  });
  const { timeMs, untimed, quality } = reading;
  const parts = [...Map.groupBy(bound, ({ thing }) => thing)].map(
    ([thing, fields]): Reading => ({
      thing,
      prefix: '',
      timeMs,
      untimed,
      quality,
      names: fields.map(({ name }) => name),
      values: fields.map(({ value }) => value),
      boundTo: source,
    }),
  );
  if (rest.length === 0) return parts;
  const left: Reading = {
    ...reading,
    members: undefined,
    names: rest.map((i) => names[i] as string),
    values: rest.map((i) => values[i]),
    ...(reading.baseTypes ? { baseTypes: rest.map((i) => reading.baseTypes?.[i]) } : {}),
  };
  return [...parts, left];
}

/** What a reading of bound values may write: the properties that its Thing says are bound to the module. Never creates a Thing. */
export function allowedReading(
  run: Run,
  reading: Reading,
  definition: ThingDefinition | undefined,
): Reading | undefined {
  const { thing, boundTo, names = [], values = [] } = reading;
  if (definition === undefined) {
    const reason = `ThingWorx has no Thing ${JSON.stringify(short(thing))}, to which a node of ${boundTo} is bound, or the application key may not see it. Restore the Thing, or stop publishing the node.`;
    if (run.settings.unknownThing === 'ignore') run.outcome.ignore({ code: 'THING_UNKNOWN', reason, thing });
    else run.outcome.refuse({ code: 'THING_UNKNOWN', reason, thing });
    return undefined;
  }
  const allowed = names.flatMap((name, i) => (definition.bindings?.get(name) === boundTo ? [i] : []));
  if (allowed.length === names.length) return reading;
  for (const [i, property] of names.entries()) {
    if (allowed.includes(i)) continue;
    const reason = `The Thing does not bind this property to a node of ${boundTo}.`;
    run.outcome.ignore({ code: 'PROPERTY_UNKNOWN', reason, thing, property });
  }
  if (allowed.length === 0) return undefined;
  return { ...reading, names: allowed.map((i) => names[i] as string), values: allowed.map((i) => values[i]) };
}
