import { type ConvertOptions, convert } from './base-types.ts';
import type { FieldDefinition } from './infotable.ts';
import type { ServiceDefinition } from './script-platform.ts';
import { setOwn } from './value-forms.ts';
import type { PlatformValue } from './values.ts';

export interface ArgumentOptions {
  /** Converts one given value; `convert` itself unless a script's values must be unwrapped first. */
  convert?: (value: unknown, parameter: FieldDefinition, options: ConvertOptions) => PlatformValue;
  /** Whether declared defaults are filled in for absent parameters. */
  defaults: 'ignore' | 'apply';
  conversion?: ConvertOptions;
}

/**
 * Arguments of a service, converted to the types of its parameters. Absent and null ones are left out, names that the
 * service does not know are ignored.
 *
 * @throws PlatformError if a value does not convert
 */
export function serviceArguments(
  service: ServiceDefinition,
  given: Record<string, unknown>,
  options: ArgumentOptions,
): Record<string, PlatformValue> {
  const args: Record<string, PlatformValue> = {};
  const { conversion = {} } = options;
  for (const parameter of service.parameters) {
    let value = Object.hasOwn(given, parameter.name) ? given[parameter.name] : undefined;
    if (value === undefined || value === null) {
      if (options.defaults === 'ignore' || parameter.aspects.defaultValue === undefined) {
        continue;
      }
      value = parameter.aspects.defaultValue;
    }
    const converted =
      options.convert === undefined
        ? convert(value, parameter.baseType, conversion)
        : options.convert(value, parameter, conversion);
    if (converted !== null) {
      setOwn(args, parameter.name, converted);
    }
  }
  return args;
}
