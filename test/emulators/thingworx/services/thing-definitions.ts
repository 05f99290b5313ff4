import { InfoTable } from '../infotable.ts';
import type { Aspects, Property, ShapedEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import {
  type BaseType,
  isBaseType,
  PlatformError,
  type PlatformValue,
  propertyBaseTypes,
} from '../values.ts';
import { requireDesign } from './model-changes.ts';
import { bool, native, number, type PlatformService, type ServiceContext, text } from './native.ts';

const dataChangeTypes: ReadonlySet<string> = new Set(['VALUE', 'ALWAYS', 'NEVER', 'ON', 'OFF', 'DEADBAND']);
const propertyTypes: ReadonlySet<string> = new Set(propertyBaseTypes);

/** Builds a property from the parameters of AddPropertyDefinition or a row of AddPropertyDefinitions. */
function buildProperty(platform: Platform, given: Record<string, PlatformValue>, baseType: string): Property {
  const name = text(given, 'name');
  if (name === '') {
    throw new PlatformError('A name is required for a property definition');
  }
  if (!propertyTypes.has(baseType) || !isBaseType(baseType)) {
    throw new PlatformError(`Invalid Base Type for field ${name} [${baseType}]`);
  }
  const dataShape = text(given, 'dataShape');
  if (dataShape !== '' && !platform.store.has('DataShapes', dataShape)) {
    throw new PlatformError(`DataShape [${dataShape}] does not exist`);
  }
  const dataChangeType = text(given, 'dataChangeType') || 'VALUE';
  if (!dataChangeTypes.has(dataChangeType)) {
    throw new PlatformError(`Invalid data change type [${dataChangeType}]`);
  }
  const aspects: Aspects = {
    dataChangeType,
    isPersistent: bool(given, 'persistent', bool(given, 'isPersistent')),
    isLogged: bool(given, 'logged', bool(given, 'isLogged')),
    isReadOnly: bool(given, 'readOnly', bool(given, 'isReadOnly')),
    cacheTime: 0,
  };
  if (given.dataChangeThreshold !== undefined) {
    aspects.dataChangeThreshold = number(given, 'dataChangeThreshold', 0);
  }
  if (text(given, 'defaultValue') !== '') {
    aspects.defaultValue = text(given, 'defaultValue');
  }
  if (dataShape !== '') {
    aspects.dataShape = dataShape;
  }
  return {
    name,
    description: text(given, 'description'),
    baseType: baseType as BaseType,
    category: text(given, 'category'),
    ordinal: 0,
    isLocalOnly: false,
    aspects,
  };
}

/** Adds a property to a Thing, template or shape; a name that exists already, own or inherited, is refused. */
function addProperty(context: ServiceContext<ShapedEntity>, property: Property): void {
  const { platform, entity } = context;
  const existing =
    entity.collection === 'Things'
      ? platform.inheritance.thing(entity).properties
      : entity.collection === 'ThingTemplates'
        ? platform.inheritance.template(entity.name).properties
        : entity.definitions.properties;
  if (existing.has(property.name)) {
    throw new PlatformError(`Property [${property.name}] already exists on [${entity.name}]`, {
      status: 403,
    });
  }
  entity.definitions.properties.set(property.name, property);
}

function changed(context: ServiceContext<ShapedEntity>): void {
  const { platform, entity } = context;
  entity.lastModified = new Date();
  platform.store.put(entity);
  if (entity.collection === 'Things') {
    platform.lifecycle.refresh(entity);
  }
}

function changeProperty(
  context: ServiceContext<ShapedEntity>,
  name: string,
  change: (property: Property) => void,
): null {
  requireDesign(context, context.entity, 'Update');
  const property = context.entity.definitions.properties.get(name);
  if (property === undefined) {
    throw new PlatformError(`Property [${name}] is not defined on [${context.entity.name}]`);
  }
  change(property);
  changed(context);
  return null;
}

/** Services that change the definitions of a Thing, template or shape. */
export const definitionChangeServices: PlatformService<ShapedEntity>[] = [
  native(
    'AddPropertyDefinition',
    'name:STRING! type:BASETYPENAME! description:STRING category:STRING dataShape:DATASHAPENAME readOnly:BOOLEAN persistent:BOOLEAN logged:BOOLEAN dataChangeType:STRING dataChangeThreshold:NUMBER defaultValue:STRING remote:BOOLEAN remotePropertyName:STRING timeout:INTEGER pushType:STRING pushThreshold:NUMBER remoteBindingAspects:JSON',
    'NOTHING',
    (args, context) => {
      requireDesign(context, context.entity, 'Update');
      addProperty(context, buildProperty(context.platform, args, text(args, 'type')));
      if (bool(args, 'remote')) {
        context.entity.bindings.push({
          kind: 'RemotePropertyBinding',
          name: text(args, 'name'),
          attributes: {
            name: text(args, 'name'),
            sourceName: text(args, 'remotePropertyName') || text(args, 'name'),
            pushType: text(args, 'pushType') || 'VALUE',
          },
        });
      }
      changed(context);
      return null;
    },
  ),
  native(
    'AddPropertyDefinitions',
    'values:INFOTABLE:PropertyDefinitionWithDetails! ignoreInvalidDefinitions:BOOLEAN',
    'INFOTABLE:BulkProcessingReport',
    (args, context) => {
      requireDesign(context, context.entity, 'Update');
      const report = context.platform.table('BulkProcessingReport');
      for (const row of args.values instanceof InfoTable ? args.values.rows : []) {
        try {
          addProperty(context, buildProperty(context.platform, row, text(row, 'baseType')));
          report.rows.push({ name: text(row, 'name'), status: 'SUCCESS', message: '' });
        } catch (error) {
          if (!(error instanceof PlatformError) || !bool(args, 'ignoreInvalidDefinitions')) {
            throw error;
          }
          report.rows.push({ name: text(row, 'name'), status: 'ERROR', message: error.message });
        }
      }
      changed(context);
      return report;
    },
  ),
  native('RemovePropertyDefinition', 'name:STRING!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    if (!context.entity.definitions.properties.delete(text(args, 'name'))) {
      throw new PlatformError(`Property [${text(args, 'name')}] is not defined on [${context.entity.name}]`);
    }
    changed(context);
    return null;
  }),
  native('SetPropertyLogging', 'propertyName:STRING! enabled:BOOLEAN!', 'NOTHING', (args, context) =>
    changeProperty(context, text(args, 'propertyName'), (property) => {
      property.aspects.isLogged = bool(args, 'enabled');
    }),
  ),
  native(
    'SetUnitsForNumericPropertyDefinition',
    'propertyName:STRING! units:STRING!',
    'NOTHING',
    (args, context) =>
      changeProperty(context, text(args, 'propertyName'), (property) => {
        property.aspects.units = text(args, 'units');
      }),
  ),
  native(
    'AddEventDefinition',
    'name:STRING! description:STRING category:STRING dataShape:DATASHAPENAME! remote:BOOLEAN remoteEventName:STRING',
    'NOTHING',
    (args, context) => {
      requireDesign(context, context.entity, 'Update');
      const dataShape = text(args, 'dataShape');
      if (!context.platform.store.has('DataShapes', dataShape)) {
        throw new PlatformError(`DataShape [${dataShape}] does not exist`);
      }
      const name = text(args, 'name');
      context.entity.definitions.events.set(name, {
        name,
        description: text(args, 'description'),
        category: text(args, 'category'),
        dataShape,
        aspects: {},
      });
      changed(context);
      return null;
    },
  ),
  native('RemoveEventDefinition', 'name:STRING!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.definitions.events.delete(text(args, 'name'));
    changed(context);
    return null;
  }),
  native('EnableSubscription', 'subscriptionName:STRING!', 'NOTHING', (args, context) =>
    switchSubscription(context, text(args, 'subscriptionName'), true),
  ),
  native('DisableSubscription', 'subscriptionName:STRING!', 'NOTHING', (args, context) =>
    switchSubscription(context, text(args, 'subscriptionName'), false),
  ),
];

function switchSubscription(context: ServiceContext<ShapedEntity>, name: string, enabled: boolean): null {
  const subscription = context.entity.definitions.subscriptions.get(name);
  if (subscription === undefined) {
    throw new PlatformError(`Subscription [${name}] is not defined on [${context.entity.name}]`);
  }
  subscription.enabled = enabled;
  changed(context);
  return null;
}
