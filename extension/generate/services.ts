import type { TObject, TSchema } from 'typebox';
import { annotationOf, baseTypeOf, factsOf, mayBeEmpty } from '../../sidecar/contract/schema.ts';
import type { FieldDefinition, PropertyDefinition, ServiceDefinition } from '../../sidecar/entities/model.ts';
import { BINDINGS } from '../../sidecar/operations/bindings.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { type OfferingEntity, type Operation, resultSchema } from '../../sidecar/operations/operation.ts';
import { operationScript, tableType } from './operation-script.ts';
import { handWritten } from './scripts.ts';

/** The services that an entity offers, from the operations; `constants` go into hand-written scripts by service name. */
export function operationServices(
  entity: OfferingEntity,
  constants: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
  operations: readonly Operation[] = OPERATIONS,
): ServiceDefinition[] {
  return operations
    .filter((operation) => operation.entity === entity)
    .map((operation) => operationService(operation, constants[operation.name]));
}

export function operationService(
  operation: Operation,
  constants: Readonly<Record<string, unknown>> = {},
): ServiceDefinition {
  return {
    name: operation.name,
    category: operation.category,
    description: operation.summary,
    parameters: parametersOf(operation),
    result: resultOf(operation),
    script:
      operation.script === 'hand-written'
        ? handWritten(operation.name, { ...resultConstants(operation), ...constants })
        : operationScript(operation),
  };
}

/** For hand-written scripts: what the INFOTABLE is that they return. */
function resultConstants(operation: Operation): Readonly<Record<string, unknown>> {
  const schema = resultSchema(operation);
  const isTable = !operation.noResult && baseTypeOf(schema) === 'INFOTABLE';
  return isTable ? { RESULT_TYPE: tableType(schema) } : {};
}

/** The input members that the caller of the service gives. */
export function parametersOf(operation: Operation): FieldDefinition[] {
  // What a hand-written script sends is its own business.
  const input = operation.script === 'hand-written' ? operation.serviceInput : operation.input;
  if (!input) return [];
  const bound = operation.entity ? BINDINGS[operation.entity].members : {};
  const required = new Set(factsOf(input).required ?? []);
  return Object.entries(factsOf(input).properties ?? {})
    .filter(([name]) => !(name in bound))
    .map(([name, schema]) => ({
      ...fieldOf(name, schema),
      ...(required.has(name) ? { isRequired: true as const } : {}),
    }));
}

export function resultOf(operation: Operation): ServiceDefinition['result'] {
  if (operation.noResult) return { baseType: 'NOTHING', description: '' };
  const schema = resultSchema(operation);
  const { dataShape } = annotationOf(schema);
  return {
    baseType: baseTypeOf(schema),
    description: factsOf(schema).description ?? '',
    ...(dataShape === undefined ? {} : { dataShape }),
  };
}

/** The settings of a Thing as its properties. */
export function settingProperties(settings: TObject, category: string): PropertyDefinition[] {
  return Object.entries(settings.properties).map(([name, schema]) => ({
    ...fieldOf(name, schema),
    category,
    isPersistent: true,
  }));
}

/** A schema member as a ThingWorx field. */
export function fieldOf(name: string, schema: TSchema): FieldDefinition {
  const { dataShape, friendlyName, thingShape, thingTemplate, units } = annotationOf(schema);
  const facts = factsOf(schema);
  return {
    name,
    baseType: baseTypeOf(schema),
    description: describe(facts.description ?? '', facts.enum),
    ...(dataShape === undefined ? {} : { dataShape }),
    ...(mayBeEmpty(schema) ? { mayBeEmpty: true as const } : {}),
    ...(friendlyName === undefined ? {} : { friendlyName }),
    ...(thingShape === undefined ? {} : { thingShape }),
    ...(thingTemplate === undefined ? {} : { thingTemplate }),
    ...(units === undefined ? {} : { units }),
    ...(facts.default === undefined ? {} : { defaultValue: textOf(facts.default) }),
  };
}

/** The description, with the allowed words where it does not name them all. */
function describe(description: string, words: readonly unknown[] | undefined): string {
  if (!words || words.every((word) => description.includes(String(word)))) return description;
  return `${description} One of: ${words.join(', ')}.`;
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
