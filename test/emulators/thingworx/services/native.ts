import type { FieldDefinition } from '../infotable.ts';
import type { Entity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { type BaseType, isBaseType, PlatformError, type PlatformValue } from '../values.ts';

/** What a platform service knows about its call. */
export interface ServiceContext<E extends Entity = Entity> {
  platform: Platform;
  entity: E;
  /** User in whose name the service runs. */
  principal: string;
  /** True when a script made the call. */
  nested: boolean;
}

export type ServiceArguments = Record<string, PlatformValue>;

/** A service that the platform itself implements. */
export interface PlatformService<E extends Entity = Entity> {
  name: string;
  description: string;
  parameters: FieldDefinition[];
  result: { baseType: BaseType; dataShape?: string };
  run(args: ServiceArguments, context: ServiceContext<E>): PlatformValue | Promise<PlatformValue>;
  /** Whether the platform has the service, as its switches are; it has if absent. */
  isAvailable?(): boolean;
}

/**
 * Declares a platform service. Parameters are written `name:BASETYPE[:DataShape][!]`, separated by blanks; `!` marks one
 * that must be given. The result is `BASETYPE[:DataShape]`.
 */
export function native<E extends Entity>(
  name: string,
  parameters: string,
  result: string,
  run: PlatformService<E>['run'],
  description = '',
): PlatformService<E> {
  const [resultType = 'NOTHING', dataShape] = result.split(':');
  return {
    name,
    description,
    parameters: readParameters(parameters),
    result: { baseType: baseType(resultType), ...(dataShape === undefined ? {} : { dataShape }) },
    run,
  };
}

function readParameters(text: string): FieldDefinition[] {
  const words = text.split(' ').filter((word) => word !== '');
  return words.map((word, index) => {
    const required = word.endsWith('!');
    const [name = '', type = '', dataShape] = (required ? word.slice(0, -1) : word).split(':');
    return {
      name,
      description: '',
      baseType: baseType(type),
      ordinal: index + 1,
      aspects: {
        ...(required ? { isRequired: true } : {}),
        ...(dataShape === undefined ? {} : { dataShape }),
      },
    };
  });
}

function baseType(name: string): BaseType {
  if (!isBaseType(name)) {
    throw new TypeError(`${name} is no base type`);
  }
  return name;
}

/** Text of a parameter, or empty. */
export function text(args: ServiceArguments, name: string): string {
  const value = args[name];
  return typeof value === 'string' ? value : '';
}

export function number(args: ServiceArguments, name: string, fallback: number): number {
  const value = args[name];
  return typeof value === 'number' ? value : fallback;
}

export function bool(args: ServiceArguments, name: string, fallback = false): boolean {
  const value = args[name];
  return typeof value === 'boolean' ? value : fallback;
}

export function date(args: ServiceArguments, name: string): Date | undefined {
  const value = args[name];
  return value instanceof Date ? value : undefined;
}

/** The platform's answer to a missing parameter of its own services: no cause is told. */
export function missingParameter(service: string, target: string): PlatformError {
  return new PlatformError(`Unable to Invoke Service ${service} on ${target}`);
}
