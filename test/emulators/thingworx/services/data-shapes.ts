import { InfoTable } from '../infotable.ts';
import type { DataShapeEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { PlatformError } from '../values.ts';
import { requireDesign } from './model-changes.ts';
import {
  bool,
  native,
  number,
  type PlatformService,
  type ServiceArguments,
  type ServiceContext,
  text,
} from './native.ts';
import { fieldFromRow } from './thing-metadata.ts';

function fieldRows(entity: DataShapeEntity, platform: Platform): InfoTable {
  const table = platform.table('FieldDefinition');
  for (const { name, description, baseType, ordinal, aspects } of entity.fields.values()) {
    table.rows.push({
      name,
      description,
      baseType,
      ordinal,
      isPrimaryKey: aspects.isPrimaryKey === true,
      dataShape: String(aspects.dataShape ?? ''),
    });
  }
  return table;
}

const fieldParameters =
  'name:STRING! type:BASETYPENAME! description:STRING ordinal:INTEGER primaryKey:BOOLEAN dataShape:DATASHAPENAME';

function setField(context: ServiceContext<DataShapeEntity>, args: ServiceArguments): null {
  requireDesign(context, context.entity, 'Update');
  const field = fieldFromRow(
    {
      name: text(args, 'name'),
      description: text(args, 'description'),
      baseType: text(args, 'type'),
      ordinal: number(args, 'ordinal', context.entity.fields.size),
      isPrimaryKey: bool(args, 'primaryKey'),
      dataShape: text(args, 'dataShape'),
    },
    context.entity.fields.size,
  );
  context.entity.fields.set(field.name, field);
  context.platform.store.put(context.entity);
  return null;
}

export const dataShapeServices: PlatformService<DataShapeEntity>[] = [
  native('CreateValues', '', 'INFOTABLE', (_args, { entity }) => new InfoTable(entity.fields.values())),
  native('CreateValuesWithData', 'values:JSON', 'INFOTABLE', (args, { platform, entity }) => {
    const table = new InfoTable(entity.fields.values());
    table.addRow(args.values ?? {}, { readPassword: platform.cipher.read });
    return table;
  }),
  native('GetFieldDefinitions', '', 'INFOTABLE:FieldDefinition', (_args, { platform, entity }) =>
    fieldRows(entity, platform),
  ),
  native('GetEffectiveFieldDefinitions', '', 'INFOTABLE:FieldDefinition', (_args, { platform, entity }) =>
    fieldRows(entity, platform),
  ),
  native('GetFieldDefinition', 'name:STRING!', 'INFOTABLE:FieldDefinition', (args, { platform, entity }) => {
    const table = fieldRows(entity, platform);
    return new InfoTable(
      table.fields.values(),
      table.rows.filter((row) => row.name === text(args, 'name')),
    );
  }),
  native('AddFieldDefinition', fieldParameters, 'NOTHING', (args, context) => {
    if (context.entity.fields.has(text(args, 'name'))) {
      throw new PlatformError(`Field [${text(args, 'name')}] already exists on [${context.entity.name}]`);
    }
    return setField(context, args);
  }),
  native('UpdateFieldDefinition', fieldParameters, 'NOTHING', (args, context) => setField(context, args)),
  native('RemoveFieldDefinition', 'name:STRING!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.fields.delete(text(args, 'name'));
    context.platform.store.put(context.entity);
    return null;
  }),
];
