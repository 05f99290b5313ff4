import { propertyNameProblem, thingNameProblem } from './address.ts';
import { creatableBaseType } from './coerce/infer.ts';
import { show, Wrong } from './coerce/wrong.ts';
import type { Outcome } from './outcome.ts';
import type { Slot } from './plan.ts';
import type { Reading } from './reading.ts';
import type { BaseType, Creation, ReceivedMessage, TranslateOptions, TranslationSettings } from './types.ts';

/** The translation of one message: what the policies need of it. */
export interface Run {
  readonly settings: TranslationSettings;
  readonly message: ReceivedMessage;
  readonly options: TranslateOptions | undefined;
  readonly outcome: Outcome;
  refuseValue(reading: Reading, property: string, wrong: Wrong): void;
}

/** What becomes of a reading whose Thing ThingWorx does not have. */
export function unknownThing(run: Run, reading: Reading): void {
  const { settings, outcome } = run;
  const { thing } = reading;
  const policy = settings.unknownThing ?? 'deadLetter';
  if (policy === 'ignore') {
    outcome.ignore({ code: 'THING_UNKNOWN', reason: 'ThingWorx has no such Thing.', thing });
    return;
  }
  const problem = thingNameProblem(thing);
  if (problem !== undefined) {
    const reason = `ThingWorx can have no Thing ${quote(thing)}: ${problem}.`;
    outcome.refuse({ code: 'THING_NAME_INVALID', reason, thing });
    return;
  }
  const refuse = (reason: string): void => outcome.refuse({ code: 'THING_UNKNOWN', reason, thing });
  const missing = `ThingWorx has no Thing ${quote(thing)}`;
  if (policy === 'deadLetter') {
    refuse(`${missing}, or the application key may not see it.`);
    return;
  }
  const template = reading.template ?? settings.deviceTemplate ?? '';
  const { deviceId, interfaceId } = run.message;
  // A mapping that names a template means that one.
  const model = reading.template === undefined && interfaceId ? { modelId: interfaceId } : {};
  const creation: Creation = { kind: 'thing', thing, template, deviceId, ...model };
  if (template === '') refuse(`${missing}, and no deviceTemplate is set from which to create it.`);
  else if (run.options?.tried?.(creation) === true) {
    refuse(`${missing}, and it could not be created from ${template}.`);
  } else outcome.create(creation);
}

/**
 * What becomes of a value whose Thing does not have its property, or has it for another key of the message.
 *
 * @param given the base type that a mapping says
 */
export function unknownProperty(
  run: Run,
  reading: Reading,
  slot: Slot,
  value: unknown,
  given: BaseType | undefined,
): void {
  const { outcome } = run;
  const { thing } = reading;
  const address = reading.prefix + slot.name;
  if (slot.state === 'twice') {
    const { property } = slot;
    const reason = `The key ${quote(address)} means the property ${short(property)}, for which the message holds another value.`;
    outcome.refuse({ code: 'PROPERTY_TWICE', reason, thing, property });
    return;
  }
  const policy = run.settings.unknownProperty ?? 'ignore';
  if (policy === 'ignore') {
    const reason = 'The Thing has no such property.';
    outcome.ignore({ code: 'PROPERTY_UNKNOWN', reason, thing, property: address });
    return;
  }
  const missing = `The Thing ${quote(thing)} has no property ${quote(address)}`;
  if (policy === 'deadLetter') {
    outcome.refuse({ code: 'PROPERTY_UNKNOWN', reason: `${missing}.`, thing, property: address });
  } else createProperty(run, reading, slot, value, given, missing);
}

function createProperty(
  run: Run,
  reading: Reading,
  { property }: Slot,
  value: unknown,
  given: BaseType | undefined,
  missing: string,
): void {
  const { outcome } = run;
  const { thing } = reading;
  if (value instanceof Wrong) {
    run.refuseValue(reading, property, value);
    return;
  }
  const baseType = given ?? creatableBaseType(value);
  if (baseType === undefined) {
    const reason = `${missing}, and the value ${show(value)} does not say its base type: it is created for the first value that does.`;
    outcome.ignore({ code: 'NULL_VALUE', reason, thing, property });
    return;
  }
  const problem = propertyNameProblem(property);
  if (problem !== undefined) {
    const reason = `${missing}, and it cannot be created: ${problem}.`;
    outcome.refuse({ code: 'PROPERTY_NAME_INVALID', reason, thing, property: property.slice(0, 255) });
    return;
  }
  const creation: Creation = { kind: 'property', thing, property, baseType };
  if (run.options?.tried?.(creation) === true) {
    const reason = `${missing}, and it could not be created.`;
    outcome.refuse({ code: 'PROPERTY_UNKNOWN', reason, thing, property });
  } else outcome.create(creation);
}

function quote(name: string): string {
  return JSON.stringify(short(name));
}

/** Names come from messages and may be as long as those. */
export function short(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}...` : name;
}
