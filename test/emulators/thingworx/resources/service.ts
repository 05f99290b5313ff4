import { field } from '../infotable.ts';
import type { NativeContext, NativeResource, NativeService } from '../script-platform.ts';
import { type BaseType, PlatformError, type PlatformValue } from '../values.ts';

export type Arguments = Record<string, PlatformValue>;

/** A service in code; `parameters` maps names to base types. */
export function nativeService(
  name: string,
  parameters: Record<string, BaseType>,
  result: BaseType,
  invoke: (args: Arguments, context: NativeContext) => PlatformValue | Promise<PlatformValue>,
): NativeService {
  return {
    definition: {
      name,
      parameters: Object.entries(parameters).map(([key, baseType], ordinal) =>
        field(key, baseType, { ordinal }),
      ),
      result: { baseType: result },
      isAsync: false,
      implementation: { kind: 'native' },
    },
    invoke,
  };
}

export function nativeResource(name: string, description: string, services: NativeService[]): NativeResource {
  return {
    name,
    description,
    services: Object.fromEntries(services.map((service) => [service.definition.name, service])),
  };
}

/** A text argument, or undefined if it is absent or empty. */
export function textArgument(args: Arguments, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * An argument that the service cannot do without.
 *
 * @throws PlatformError; the platform's own text is not known
 */
export function requiredText(args: Arguments, name: string): string {
  const value = textArgument(args, name);
  if (value === undefined) {
    throw new PlatformError(`Missing required parameter [${name}]`);
  }
  return value;
}

/** Names in a comma separated list. */
export function nameList(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
