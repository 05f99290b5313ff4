import type { ImportReport } from '../import/report.ts';
import { ImportProblem } from '../import/report.ts';
import type { FieldDefinition } from '../infotable.ts';
import type {
  Aspects,
  Binding,
  Definitions,
  EventType,
  Implementation,
  Property,
  Service,
  Subscription,
  Trigger,
} from '../model/entity.ts';
import { emptyDefinitions } from '../model/entity.ts';
import { type BaseType, fieldBaseTypes, isBaseType, propertyBaseTypes } from '../values.ts';
import type { XmlElement } from './document.ts';

/** What a script's check says; the importer stores the problem, and reports both. */
export interface ScriptVerdict {
  /** Why the engine cannot compile the script. */
  problem?: string;
  /** Constructs that compile and silently do something else. */
  misread: string[];
}

export interface DefinitionContext {
  entity: string;
  report: ImportReport;
  checkScript(source: string, serviceName: string): ScriptVerdict;
}

const propertyTypes: ReadonlySet<string> = new Set(propertyBaseTypes);
const fieldTypes: ReadonlySet<string> = new Set([...fieldBaseTypes, 'VARIANT', 'TIMESPAN']);

/** Reads the definition blocks that are children of `element` (a ThingShape, or the ThingShape inside a template or Thing). */
export function readDefinitions(element: XmlElement, context: DefinitionContext): Definitions {
  const definitions = emptyDefinitions();
  for (const one of element.path('PropertyDefinitions', 'PropertyDefinition')) {
    const property = readProperty(one, context);
    definitions.properties.set(property.name, property);
  }
  for (const one of element.path('ServiceDefinitions', 'ServiceDefinition')) {
    const service = readService(one, context);
    definitions.services.set(service.name, service);
  }
  for (const one of element.path('EventDefinitions', 'EventDefinition')) {
    const event = readEvent(one, context);
    definitions.events.set(event.name, event);
  }
  for (const one of element.path('ServiceImplementations', 'ServiceImplementation')) {
    const implementation = readImplementation(one, context);
    definitions.implementations.set(implementation.name, implementation);
  }
  for (const one of element.path('Subscriptions', 'Subscription')) {
    const subscription = readSubscription(one, context);
    definitions.subscriptions.set(subscription.name, subscription);
  }
  return definitions;
}

function readProperty(element: XmlElement, context: DefinitionContext): Property {
  const field = readField(element, context, propertyTypes);
  return {
    ...field,
    category: element.attribute('category') ?? '',
    isLocalOnly: flag(element, 'isLocalOnly'),
  };
}

function readService(element: XmlElement, context: DefinitionContext): Service {
  const name = requiredName(element, context);
  const resultType = element.first('ResultType');
  const parameters = new Map<string, FieldDefinition>();
  for (const one of element.path('ParameterDefinitions', 'FieldDefinition')) {
    const field = readField(one, context, fieldTypes);
    parameters.set(field.name, field);
  }
  return {
    name,
    description: element.attribute('description') ?? '',
    category: element.attribute('category') ?? '',
    isAllowOverride: flag(element, 'isAllowOverride'),
    isLocalOnly: flag(element, 'isLocalOnly'),
    isOpen: flag(element, 'isOpen'),
    isPrivate: flag(element, 'isPrivate'),
    aspects: readAspects(element),
    result: readResult(resultType, context, name),
    parameters,
  };
}

/** The type of a result is written as attributes. A nested FieldDefinition leaves it without a type, which is refused. */
function readResult(
  element: XmlElement | undefined,
  context: DefinitionContext,
  service: string,
): FieldDefinition {
  const baseType = element?.attribute('baseType') ?? '';
  if (!isBaseType(baseType)) {
    throw new ImportProblem(
      `Invalid Base Type for field [${baseType}] in result of service ${service} of ${context.entity}`,
    );
  }
  return {
    name: element?.attribute('name') ?? 'result',
    description: element?.attribute('description') ?? '',
    baseType,
    ordinal: Number(element?.attribute('ordinal') ?? 0) || 0,
    aspects: element === undefined ? {} : readAspects(element),
  };
}

function readEvent(element: XmlElement, context: DefinitionContext): EventType {
  return {
    name: requiredName(element, context),
    description: element.attribute('description') ?? '',
    category: element.attribute('category') ?? '',
    dataShape: element.attribute('dataShape') ?? '',
    aspects: readAspects(element),
  };
}

function readImplementation(
  element: XmlElement,
  context: DefinitionContext,
  fallbackName?: string,
): Implementation {
  const name = element.attribute('name') || fallbackName || requiredName(element, context);
  const implementation: Implementation = {
    name,
    handlerName: element.attribute('handlerName') ?? '',
    description: element.attribute('description') ?? '',
  };
  if (implementation.handlerName === 'Script') {
    const code = element.path('ConfigurationTables', 'ConfigurationTable', 'Rows', 'Row', 'code')[0];
    implementation.source = code?.text ?? '';
    judgeScript(implementation, context);
  }
  return implementation;
}

function judgeScript(implementation: Implementation, context: DefinitionContext): void {
  const verdict = context.checkScript(implementation.source ?? '', implementation.name);
  if (verdict.problem !== undefined) {
    implementation.problem = verdict.problem;
    context.report.loss(
      'SCRIPT_NOT_COMPILED',
      context.entity,
      `${implementation.name} has no handler: ${verdict.problem}`,
    );
  }
  for (const misread of verdict.misread) {
    context.report.loss('SCRIPT_MISREAD', context.entity, `${implementation.name}: ${misread}`);
  }
}

function readSubscription(element: XmlElement, context: DefinitionContext): Subscription {
  const version = element.attribute('version') ?? '';
  const triggers: Trigger[] = [];
  if (element.attribute('eventName') !== undefined) {
    triggers.push(readTrigger(element));
  }
  for (const one of element.path('Events', 'Event')) {
    triggers.push(readTrigger(one));
  }
  const name = element.attribute('name') || unnamedSubscription(triggers[0]);
  const body = element.first('ServiceImplementation');
  const implementation: Implementation =
    body === undefined
      ? { name, handlerName: '', description: '' }
      : { ...readImplementation(body, context, name), name };
  return {
    name,
    description: element.attribute('description') ?? '',
    enabled: element.attribute('enabled') !== 'false',
    version,
    triggers,
    implementation,
  };
}

function readTrigger(element: XmlElement): Trigger {
  return {
    alias: element.attribute('alias') ?? '',
    eventName: element.attribute('eventName') ?? '',
    source: element.attribute('source') ?? '',
    sourceProperty: element.attribute('sourceProperty') ?? '',
    sourceType: element.attribute('sourceType') ?? 'Thing',
  };
}

/** Name that the platform gives to a subscription without one. */
function unnamedSubscription(trigger: Trigger | undefined): string {
  const property = trigger?.sourceProperty ? `:Property.${trigger.sourceProperty}` : '';
  return `${trigger?.source ? `Thing.${trigger.source}:` : ''}Event.${trigger?.eventName ?? ''}${property}`;
}

/** Reads a FieldDefinition, PropertyDefinition or parameter. */
export function readField(
  element: XmlElement,
  context: DefinitionContext,
  allowed: ReadonlySet<string> = fieldTypes,
): FieldDefinition {
  const name = requiredName(element, context);
  const baseType = element.attribute('baseType') ?? '';
  if (!allowed.has(baseType) && !(allowed === fieldTypes && isBaseType(baseType))) {
    throw new ImportProblem(`Invalid Base Type for field ${name} [${baseType}] in ${context.entity}`);
  }
  return {
    name,
    description: element.attribute('description') ?? '',
    baseType: baseType as BaseType,
    ordinal: Number(element.attribute('ordinal') ?? 0) || 0,
    aspects: readAspects(element),
  };
}

/** Aspects that are booleans or numbers on the platform; every other one stays text. */
const booleanAspects: ReadonlySet<string> = new Set([
  'isPersistent',
  'isLogged',
  'isReadOnly',
  'isIndexed',
  'isPrimaryKey',
  'isRequired',
  'isAsync',
  'isBuiltIn',
]);
const numberAspects: ReadonlySet<string> = new Set([
  'cacheTime',
  'dataChangeThreshold',
  'minimumValue',
  'maximumValue',
  'pushThreshold',
  'timeout',
]);

export function readAspects(element: XmlElement): Aspects {
  const aspects: Aspects = {};
  for (const [name, text] of Object.entries(element.attributes())) {
    if (name.startsWith('aspect.')) {
      const aspect = name.slice('aspect.'.length);
      aspects[aspect] = aspectValue(aspect, text);
    }
  }
  return aspects;
}

export function aspectValue(aspect: string, text: string): string | number | boolean {
  if (booleanAspects.has(aspect)) {
    return text === 'true';
  }
  if (numberAspects.has(aspect) && text !== '' && Number.isFinite(Number(text))) {
    return Number(text);
  }
  return text;
}

export function readBindings(element: XmlElement): Binding[] {
  const bindings: Binding[] = [];
  const kinds = [
    'PropertyBinding',
    'RemotePropertyBinding',
    'RemoteServiceBinding',
    'RemoteEventBinding',
  ] as const;
  for (const kind of kinds) {
    for (const one of element.path(`${kind}s`, kind)) {
      bindings.push({ kind, name: one.attribute('name') ?? '', attributes: one.attributes() });
    }
  }
  return bindings;
}

export function flag(element: XmlElement, name: string): boolean {
  return element.attribute(name) === 'true';
}

function requiredName(element: XmlElement, context: DefinitionContext): string {
  const name = element.attribute('name') ?? '';
  if (name === '') {
    throw new ImportProblem(`${element.tag} without a name in ${context.entity}`);
  }
  return name;
}
