import type { ThingEntity } from '../model/entity.ts';
import { PlatformError } from '../values.ts';
import { requireDesign } from './model-changes.ts';
import { bool, native, type PlatformService, text } from './native.ts';

/** Services of every Thing for its life and its place in the model. */
export const lifecycleServices: PlatformService<ThingEntity>[] = [
  native('EnableThing', '', 'NOTHING', (_args, context) => {
    requireDesign(context, context.entity, 'Update', { stateOnly: true });
    context.entity.enabled = true;
    context.platform.store.put(context.entity);
    return null;
  }),
  native('DisableThing', '', 'NOTHING', (_args, context) => {
    requireDesign(context, context.entity, 'Update', { stateOnly: true });
    context.entity.enabled = false;
    context.platform.store.put(context.entity);
    context.platform.lifecycle.halt(context.entity.name);
    return null;
  }),
  native('RestartThing', '', 'NOTHING', (_args, { platform, entity, principal }) => {
    platform.lifecycle.restart(entity, principal);
    return null;
  }),
  native('IsEnabled', '', 'BOOLEAN', (_args, { entity }) => entity.enabled),
  native('SetValueStream', 'name:THINGNAME!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    const name = text(args, 'name');
    const stream = context.platform.store.get('Things', name);
    if (name !== '' && stream === undefined) {
      throw new PlatformError(`ValueStream [${name}] does not exist`);
    }
    if (
      stream !== undefined &&
      !context.platform.inheritance.thing(stream).templates.includes('ValueStream')
    ) {
      throw new PlatformError(`Thing [${name}] is not a ValueStream`);
    }
    context.entity.valueStream = name;
    context.platform.store.put(context.entity);
    return null;
  }),
  native('GetValueStream', '', 'THINGNAME', (_args, { entity }) => entity.valueStream),
  native('SetIdentifier', 'identifier:STRING!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.identifier = text(args, 'identifier');
    context.platform.store.put(context.entity);
    return null;
  }),
  native('GetIdentifier', '', 'STRING', (_args, { entity }) => entity.identifier),
  native('SetPublished', 'publish:BOOLEAN!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.published = bool(args, 'publish');
    context.platform.store.put(context.entity);
    return null;
  }),
  native('GetPublished', '', 'BOOLEAN', (_args, { entity }) => entity.published),
  native('GetThingTemplate', '', 'INFOTABLE:EntityList', (_args, { platform, entity }) => {
    const table = platform.table('EntityList');
    const template = platform.store.get('ThingTemplates', entity.thingTemplate);
    table.rows.push({ name: entity.thingTemplate, description: template?.description ?? '' });
    return table;
  }),
  native('GetImplementedShapes', '', 'INFOTABLE:EntityList', (_args, { platform, entity }) => {
    const table = platform.table('EntityList');
    for (const name of platform.inheritance.thing(entity).shapes) {
      table.rows.push({ name, description: platform.store.get('ThingShapes', name)?.description ?? '' });
    }
    return table;
  }),
  native('GetLocallyImplementedShapes', '', 'INFOTABLE:EntityList', (_args, { platform, entity }) => {
    const table = platform.table('EntityList');
    for (const name of entity.implementedShapes) {
      table.rows.push({ name, description: platform.store.get('ThingShapes', name)?.description ?? '' });
    }
    return table;
  }),
  native('ImplementsShape', 'thingShapeName:THINGSHAPENAME!', 'BOOLEAN', (args, { platform, entity }) =>
    platform.inheritance.thing(entity).shapes.has(text(args, 'thingShapeName')),
  ),
  native(
    'IsDerivedFromTemplate',
    'thingTemplateName:THINGTEMPLATENAME!',
    'BOOLEAN',
    (args, { platform, entity }) =>
      platform.inheritance.thing(entity).templates.includes(text(args, 'thingTemplateName')),
  ),
  native(
    'SetLocalPropertyBinding',
    'propertyName:STRING! sourceThingName:STRING! sourcePropertyName:STRING! aspects:JSON',
    'NOTHING',
    (args, context) => {
      requireDesign(context, context.entity, 'Update');
      const name = text(args, 'propertyName');
      context.entity.bindings = context.entity.bindings.filter((binding) => binding.name !== name);
      context.entity.bindings.push({
        kind: 'PropertyBinding',
        name,
        attributes: {
          name,
          sourceThingName: text(args, 'sourceThingName'),
          sourceName: text(args, 'sourcePropertyName'),
        },
      });
      context.platform.store.put(context.entity);
      return null;
    },
  ),
  native('RemoveLocalPropertyBinding', 'propertyName:STRING!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    const name = text(args, 'propertyName');
    context.entity.bindings = context.entity.bindings.filter((binding) => binding.name !== name);
    context.platform.store.put(context.entity);
    return null;
  }),
  native(
    'GetLocalPropertyBinding',
    'propertyName:STRING!',
    'INFOTABLE:LocalPropertyBinding',
    (args, context) => {
      const table = context.platform.table('LocalPropertyBinding');
      const source = context.platform.bindings.sourceOf(context.entity, text(args, 'propertyName'));
      if (source !== undefined) {
        table.rows.push({
          name: text(args, 'propertyName'),
          sourceName: source.property,
          sourceThingName: source.thing,
        });
      }
      return table;
    },
  ),
];

/** EnableTimer and its like. */
export function switchServices(kind: 'Timer' | 'Scheduler'): PlatformService<ThingEntity>[] {
  return [true, false].map((enabled) =>
    native(`${enabled ? 'Enable' : 'Disable'}${kind}`, '', 'NOTHING', (_args, { platform, entity }) => {
      platform.timers.setEnabled(entity, enabled);
      return null;
    }),
  );
}
