import { XMLParser } from 'fast-xml-parser';
import { ENTITIES } from '../../extension/entities/index.ts';
import { catalogOf } from '../../extension/generate/catalog.ts';
import { extensionEntityXml } from '../../extension/generate/mashup-xml.ts';
import { entityPath } from '../../sidecar/entities/entity-xml.ts';

/** The platform's own Data Shapes that services give, with their fields as public typings of the platform have them. */
export const PLATFORM_DATA_SHAPES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  FileSystemFile: {
    path: 'STRING',
    size: 'NUMBER',
    lastModifiedDate: 'DATETIME',
    name: 'STRING',
    fileType: 'STRING',
  },
  FileSystemFileWithLinks: {
    path: 'STRING',
    size: 'NUMBER',
    downloadLink: 'HYPERLINK',
    lastModifiedDate: 'DATETIME',
    name: 'STRING',
  },
  FileSystemDirectory: { path: 'STRING', parentPath: 'STRING', name: 'STRING' },
};

/** A parsed element: attributes under `@_name`, children by name as lists, text under `#text`. */
export type Xml = { readonly [name: string]: Xml[] } & { readonly '#text'?: string };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@_',
  parseAttributeValue: false,
  parseTagValue: false,
  trimValues: true,
  isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
});

export function parseXml(text: string): Xml {
  return parser.parse(text) as Xml;
}

export function attribute(element: Xml, name: string): string {
  return String((element as unknown as Record<string, unknown>)[`@_${name}`] ?? '');
}

/** Follows child names; every matching element at the end. An element without content is a text to the parser. */
export function find(element: Xml, ...names: string[]): Xml[] {
  return names.reduce<Xml[]>(
    (found, name) =>
      found.flatMap((item) => (typeof item === 'object' ? ((item[name] as Xml[] | undefined) ?? []) : [])),
    [element],
  );
}

export interface BuiltScript {
  /** `Entity.Service` or `Entity.Subscription`. */
  readonly place: string;
  readonly code: string;
}

/** The XML of every entity, parsed, made once. */
const parsed = new Map<string, Xml>();

function parsedEntity(entity: (typeof ENTITIES)[number]): Xml {
  const known = parsed.get(entity.name) ?? parseXml(extensionEntityXml(entity, catalogOf(ENTITIES)));
  parsed.set(entity.name, known);
  return known;
}

/** Every script in the XML of the extension, as an importer reads it. */
export function builtScripts(): BuiltScript[] {
  return ENTITIES.flatMap((entity) => {
    const scripts: BuiltScript[] = [];
    const visit = (element: Xml): void => {
      if (typeof element !== 'object') return;
      for (const [name, children] of Object.entries(element)) {
        if (!Array.isArray(children)) continue;
        for (const child of children) {
          if (name === 'ServiceImplementation')
            scripts.push({ place: `${entity.name}.${attribute(child, 'name')}`, code: codeOf(child) });
          else visit(child);
        }
      }
    };
    visit(parsedEntity(entity));
    return scripts;
  });
}

function codeOf(implementation: Xml): string {
  const [code] = find(implementation, 'ConfigurationTables', 'ConfigurationTable', 'Rows', 'Row', 'code');
  return typeof code === 'string' ? code : String(code?.['#text'] ?? '');
}

/** The XML of an entity, parsed, by its name. */
export function entityElement(name: string): Xml {
  const entity = ENTITIES.find((item) => item.name === name);
  if (!entity) throw new Error(`no entity ${name}`);
  const [, collection] = entityPath(entity).split('/');
  const [element] = find(parsedEntity(entity), 'Entities', String(collection), entity.kind);
  return element as Xml;
}
