import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ENTITIES, type ExtensionEntity } from '../../extension/entities/index.ts';
import { SIDECAR_SETTINGS } from '../../extension/entities/sidecar-shape.ts';
import { catalogOf } from '../../extension/generate/catalog.ts';
import { extensionEntityXml } from '../../extension/generate/mashup-xml.ts';
import { HubSettings, SETTING_NAMES, settingFacts } from '../../sidecar/contract/hub-settings.ts';
import { baseTypeOf, factsOf } from '../../sidecar/contract/schema.ts';
import { entityPath } from '../../sidecar/entities/entity-xml.ts';
import { PROJECT } from '../../sidecar/entities/model.ts';
import { element, toXml } from '../../sidecar/entities/xml.ts';
import { attribute, entityElement, find, PLATFORM_DATA_SHAPES, parseXml, type Xml } from './fixture.ts';

const NAMES = new Set(ENTITIES.map((entity) => entity.name));
const SUFFIX: Partial<Record<ExtensionEntity['kind'], string>> = {
  ThingShape: '_TS',
  ThingTemplate: '_TT',
  DataShape: '_DS',
  Group: '_UG',
  Organization: '_OR',
};

function everyElement(element: Xml, visit: (name: string, element: Xml) => void): void {
  if (typeof element !== 'object') return;
  for (const [name, children] of Object.entries(element)) {
    if (!Array.isArray(children)) continue;
    for (const child of children) {
      visit(name, child);
      everyElement(child, visit);
    }
  }
}

/** A user that every ThingWorx has. */
function isSystemUser(principal: Xml): boolean {
  return attribute(principal, 'name') === 'System' && attribute(principal, 'type') === 'User';
}

for (const entity of ENTITIES) {
  describe(`entity ${entity.name}`, () => {
    const text = extensionEntityXml(entity, catalogOf(ENTITIES));
    const root = parseXml(text);

    test('is alone in its file, in the project, with a name and description of the house', () => {
      const collections = Object.entries(find(root, 'Entities')[0] as Xml).filter(([, value]) =>
        Array.isArray(value),
      );
      assert.equal(collections.length, 1);
      assert.equal(entityPath(entity), `Entities/${collections[0]?.[0]}/${entity.name}.xml`);
      const self = entityElement(entity.name);
      assert.equal(attribute(self, 'projectName'), PROJECT);
      assert.match(attribute(self, 'description'), /\.$/);
      assert.ok(entity.name.endsWith(SUFFIX[entity.kind] ?? ''));
    });

    test('has a bare root and sorted attributes', () => {
      assert.match(text, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<Entities>\n/);
      const withoutScripts = text.replace(/<!\[CDATA\[[\s\S]*?\]\]>/g, '');
      for (const [, attributes] of withoutScripts.matchAll(/<\w+((?: [\w.]+="[^"]*")+)\/?>/g)) {
        const names = [...String(attributes).matchAll(/ ([\w.]+)="/g)].map((match) => String(match[1]));
        assert.deepEqual(names, [...names].sort());
      }
    });

    test('refers only to entities that exist', () => {
      everyElement(root, (name, item) => {
        for (const key of ['aspect.dataShape', 'dataShape', 'aspect.thingTemplate', 'aspect.thingShape']) {
          const reference = attribute(item, key);
          if (reference)
            assert.ok(
              NAMES.has(reference) || reference in PLATFORM_DATA_SHAPES || reference === 'ValueStream',
              `${key} ${reference}`,
            );
        }
        if (name === 'ImplementedShape' || name === 'Principal')
          assert.ok(NAMES.has(attribute(item, 'name')) || isSystemUser(item), attribute(item, 'name'));
      });
    });

    test('holds no value of a password and no application key', () => {
      everyElement(root, (name, item) => {
        assert.ok(!['ApplicationKey', 'ThingProperties', 'Value'].includes(name));
        if (attribute(item, 'baseType') === 'PASSWORD')
          assert.equal(attribute(item, 'aspect.defaultValue'), '');
      });
    });

    test('gives permissions only for properties, services and events that exist', () => {
      if (entity.kind !== 'ThingShape' && entity.kind !== 'ThingTemplate') return;
      const shapes = entity.kind === 'ThingTemplate' ? entity.implementedShapes : [];
      const owners = ENTITIES.filter((item) => item.name === entity.name || shapes.includes(item.name));
      const known = new Set([
        '*',
        'UpdatePropertyValues',
        'GetPropertyDefinitions',
        'GetPropertyDefinition',
        'RemovePropertyDefinition',
        'SetUnitsForNumericPropertyDefinition',
        'SetPropertyLogging',
        'GetPropertyTime',
        'GetMetadataAsJSON',
        'DisableThing',
        'EnableThing',
        'IsEnabled',
        'AddPropertyDefinition',
        'SetValueStream',
        'GetValueStream',
        'GetEffectivePropertyLogging',
        'GetPropertyQuality',
        'QueryNamedPropertyHistory',
        'RestartThing',
        'ImplementsShape',
        'IsDerivedFromTemplate',
        'CheckPermission',
        'GetPropertyValues',
        'QueryPropertyHistory',
      ]);
      for (const owner of owners) {
        if (owner.kind !== 'ThingShape' && owner.kind !== 'ThingTemplate') continue;
        for (const { name } of [...owner.properties, ...owner.services, ...owner.events]) known.add(name);
      }
      for (const { resource } of entity.instancePermissions) assert.ok(known.has(resource), resource);
    });

    test('names each property, service, event and subscription once, and describes it', () => {
      if (entity.kind !== 'ThingShape' && entity.kind !== 'ThingTemplate') return;
      for (const list of [entity.properties, entity.services, entity.events, entity.subscriptions]) {
        const names = list.map(({ name }) => name);
        assert.deepEqual([...new Set(names)], names);
        for (const { name, description } of list) assert.match(description, /\.$/, name);
      }
      const all = [...entity.properties, ...entity.services, ...entity.events].map(({ name }) => name);
      assert.deepEqual([...new Set(all)], all, 'across kinds');
    });
  });
}

describe('the hub template', () => {
  const hub = entityElement('AzureIoT.Hub_TT');
  const properties = new Map(
    find(hub, 'ThingShape', 'PropertyDefinitions', 'PropertyDefinition').map((item) => [
      attribute(item, 'name'),
      item,
    ]),
  );
  const subscriptions = find(hub, 'ThingShape', 'Subscriptions', 'Subscription');

  test('has a persistent property for each setting, as the schema says', () => {
    for (const name of SETTING_NAMES) {
      const schema = HubSettings.properties[name];
      const property = properties.get(name) as Xml;
      assert.ok(property, name);
      assert.equal(attribute(property, 'baseType'), baseTypeOf(schema));
      assert.equal(attribute(property, 'aspect.isPersistent'), 'true');
      assert.equal(
        attribute(property, 'aspect.defaultValue'),
        String(settingFacts(name).initialValue ?? factsOf(schema).default ?? ''),
      );
      assert.equal(attribute(property, 'category'), settingFacts(name).category);
    }
  });

  test('has a persistent mark for each of 32 partitions that fires no event', () => {
    for (let partition = 0; partition < 32; partition++) {
      const property = properties.get(`partition${String(partition).padStart(2, '0')}`) as Xml;
      assert.equal(attribute(property, 'aspect.isPersistent'), 'true');
      assert.equal(attribute(property, 'aspect.dataChangeType'), 'NEVER');
    }
  });

  test('connects at start and when a setting changes, and listens to nothing that Connect writes', () => {
    const sources = subscriptions
      .map((item) => attribute(item, 'sourceProperty'))
      .filter((name) => name !== '');
    assert.deepEqual(sources.sort(), [...SIDECAR_SETTINGS, ...SETTING_NAMES].sort());
    const start = subscriptions.filter((item) => attribute(item, 'eventName') === 'ThingStart');
    assert.equal(start.length, 1);
    for (const item of subscriptions) assert.equal(attribute(item, 'enabled'), 'true');
  });

  test('runs the connection of subscriptions in the background', () => {
    const services = find(hub, 'ThingShape', 'ServiceDefinitions', 'ServiceDefinition');
    const background = services.find((item) => attribute(item, 'name') === 'ConnectInBackground') as Xml;
    assert.equal(attribute(background, 'aspect.isAsync'), 'true');
  });
});

describe('XML', () => {
  test('keeps a script whole that holds the end of a CDATA section', () => {
    const code = 'if (a[b[0]]>1) {\n  x = "]]>";\n}\n  y & <z>';
    const text = toXml(element('Row', {}, [{ name: 'code', cdata: code }]));
    const [row] = find(parseXml(text), 'Row');
    const [parsed] = find(row as Xml, 'code');
    assert.equal(String(parsed), code);
    assert.match(text, /<code><!\[CDATA\[if/);
  });

  test('escapes attributes and refuses those of several lines', () => {
    const text = toXml(element('A', { b: `<"'&>` }));
    assert.equal(attribute(find(parseXml(text), 'A')[0] as Xml, 'b'), `<"'&>`);
    assert.throws(() => toXml(element('A', { b: 'x\ny' })), /one line/);
  });
});
