import {
  commonAttributes,
  commonChildren,
  documentOf,
  entityXml,
} from '../../sidecar/entities/entity-xml.ts';
import { type Element, element } from '../../sidecar/entities/xml.ts';
import type { ExtensionEntity } from '../entities/index.ts';
import type { Mashup } from '../mashups/definition.ts';
import type { Catalog } from './catalog.ts';
import { mashupContent } from './mashup-content.ts';

/** The file of one entity of the extension. */
export function extensionEntityXml(entity: ExtensionEntity, catalog: Catalog): string {
  return entity.kind === 'Mashup' ? documentOf('Mashup', mashupElement(entity, catalog)) : entityXml(entity);
}

/** Customers may change mashups, so they are editable although they come with an extension. */
function mashupElement(mashup: Mashup, catalog: Catalog): Element {
  const attributes = {
    ...commonAttributes(mashup),
    'aspect.isEditableExtensionObject': 'true',
    'aspect.isFlex': 'true',
    'aspect.isResponsive': 'true',
    'aspect.mashupType': 'mashup',
    columns: '0.0',
    rows: '0.0',
  };
  const content: Element = {
    name: 'mashupContent',
    // The end of a CDATA section can only stand in a text, where this is the same character.
    cdata: JSON.stringify(mashupContent(mashup, catalog), null, 1).replaceAll(']]>', ']]\\u003e'),
  };
  return element('Mashup', attributes, [
    ...commonChildren(),
    element(
      'ParameterDefinitions',
      {},
      (mashup.parameters ?? []).map(({ name, baseType, description }) =>
        element('FieldDefinition', {
          name,
          baseType,
          description,
          ordinal: '0',
          'aspect.bindingDirection': 'IN',
          'aspect.isMandatory': 'false',
        }),
      ),
    ),
    element('Things'),
    element('ThingShapes'),
    element('ThingTemplates'),
    content,
    element('preview'),
  ]);
}
