import type { PropertyDefinition, ThingDefinition } from './types.ts';

/** PTC's delimiter between a module id and a name; here also between an IoT Plug and Play component and a name. */
const DELIMITER = '::';

/** What stands before a key of a message: `module::`, `component::`, both or nothing. */
export function addressPrefix(moduleId: string | undefined, componentName: string | undefined): string {
  const module = moduleId === undefined || moduleId === '' ? '' : moduleId + DELIMITER;
  return componentName === undefined || componentName === '' ? module : module + componentName + DELIMITER;
}

const NOT_ALLOWED = /[^\p{L}\p{M}\p{N}_$@-]/gu;
const MAX_NAME_LENGTH = 255;

/**
 * The spelling that an address has as the name of a ThingWorx property, where letters, digits, - _ $ @ may stand and no
 * digit comes first: `::` and every other character become `_`.
 */
export function safePropertyName(address: string): string {
  const name = address.replaceAll(DELIMITER, '_').replace(NOT_ALLOWED, '_');
  return /^\p{N}/u.test(name) ? `_${name}` : name;
}

export interface ResolvedProperty {
  readonly property: string;
  /** Undefined: the Thing has no such property. */
  readonly definition: PropertyDefinition | undefined;
}

/** Beside a property that is sent to the device when somebody sets it stands one of its name and this, with what the device says. */
export const REPORTED = '_reported';

/**
 * The property that an address means: the one of exactly that name, else the one of the safe spelling (docs/decisions/020). When it has one
 * beside it for what the device says, that one: what comes from a device never goes back to it (docs/decisions/100).
 */
export function resolveProperty(thing: ThingDefinition, address: string): ResolvedProperty {
  const property = thing.properties.has(address) ? address : safePropertyName(address);
  const definition = thing.properties.get(property);
  const reported = definition && thing.properties.get(property + REPORTED);
  return reported === undefined
    ? { property, definition }
    : { property: property + REPORTED, definition: reported };
}

/** Why a property of this name cannot be created, or undefined when it can. */
export function propertyNameProblem(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  if (name.length > MAX_NAME_LENGTH) return `the name is longer than ${MAX_NAME_LENGTH} characters`;
  return name === 'me' ? 'the name "me" is reserved' : undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const NOT_IN_THING_NAMES = /[+/\\<>:*"\u0000-\u001f]/;

/** The spelling that a text has as the name of a Thing: what cannot stand there becomes `_`. */
export function safeThingName(text: string): string {
  // a longer name is refused in any case, and need not be looked through
  const start = text.slice(0, MAX_NAME_LENGTH + 1);
  return start
    .replace(new RegExp(NOT_IN_THING_NAMES, 'g'), '_')
    .replace(/^[\s.-]+|[\s.-]+$|(?<=\s)\s+/g, '_');
}

/** Why ThingWorx can have no Thing of this name, or undefined when it can. */
export function thingNameProblem(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  if (name.length > MAX_NAME_LENGTH) return `the name is longer than ${MAX_NAME_LENGTH} characters`;
  if (name === 'me') return 'the name "me" is reserved';
  const found = NOT_IN_THING_NAMES.exec(name);
  if (found !== null)
    return `a name in ThingWorx cannot have the character ${JSON.stringify(found[0])}; give the Thing another name in a mapping, such as "{$message.deviceId|safe}"`;
  if (/^[\s.-]|[\s.-]$|\s\s/.test(name)) {
    return 'a name in ThingWorx cannot begin or end with a space, a hyphen or a full stop, or have two spaces in a row';
  }
  return undefined;
}
