import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ENTITIES } from '../../extension/entities/index.ts';
import { SERVICE_ROLES } from '../../extension/entities/mashup-services.ts';
import { catalogOf } from '../../extension/generate/catalog.ts';
import { checkMashup } from '../../extension/generate/mashup-check.ts';
import {
  type ContentBinding,
  type ContentEvent,
  type ContentNode,
  type MashupContent,
  mashupContent,
} from '../../extension/generate/mashup-content.ts';
import { extensionEntityXml } from '../../extension/generate/mashup-xml.ts';
import type { Mashup } from '../../extension/mashups/definition.ts';
import { MASHUPS } from '../../extension/mashups/index.ts';
import { parseXml } from './fixture.ts';

const catalog = catalogOf(ENTITIES);
const SOURCE = 'Things_AzureIoT.MashupServices';
const devices = named('AzureIoT.Devices_MU');

/** The content of AzureIoT.Devices_MU, which has something of everything. */
function content(): MashupContent {
  return mashupContent(devices, catalog);
}

function named(name: string): Mashup {
  return present(MASHUPS.find((mashup) => mashup.name === name));
}

function nodes(node: ContentNode): ContentNode[] {
  return [node, ...node.Widgets.flatMap(nodes)];
}

class Broken {
  readonly content = content();

  node(displayName: string): ContentNode {
    return present(
      nodes(this.content.UI).find(({ Properties }) => Properties['DisplayName'] === displayName),
    );
  }

  ofType(type: string): ContentNode {
    return present(nodes(this.content.UI).find(({ Properties }) => Properties['Type'] === type));
  }

  /** The binding of an input or property. */
  binding(property: string): ContentBinding {
    return present(
      this.content.DataBindings.find(({ PropertyMaps }) => PropertyMaps[0]?.TargetProperty === property),
    );
  }

  event(name: string): ContentEvent {
    return present(this.content.Events.find(({ EventTriggerEvent }) => EventTriggerEvent === name));
  }

  map(property: string): ContentBinding['PropertyMaps'][number] {
    return present(this.binding(property).PropertyMaps[0]);
  }

  get services() {
    return present(this.content.Data[SOURCE]).Services;
  }
}

function present<T>(value: T | undefined): T {
  assert.ok(value !== undefined);
  return value;
}

/** What is broken, how, and what the checker says. */
const CASES: readonly [name: string, breakIt: (mashup: Broken) => void, expected: RegExp][] = [
  [
    'another type of mashup',
    (m) => {
      m.content.mashupType = 'target';
    },
    /mashupType is target/,
  ],
  [
    'another Id of the root',
    (m) => {
      m.content.UI.Properties['Id'] = 'root';
    },
    /Id of the root is root/,
  ],
  [
    'an unknown property of the root',
    (m) => {
      m.content.UI.Properties['Colour'] = 1;
    },
    /root has no property Colour/,
  ],
  [
    'an id_index that is too low',
    (m) => {
      m.content.UI.Properties['id_index'] = 3;
    },
    /id_index is 3/,
  ],
  [
    'an unknown widget type',
    (m) => {
      m.node('find').Properties['Type'] = 'button';
    },
    /type button/,
  ],
  [
    'two widgets with one Id',
    (m) => {
      m.node('find').Properties['Id'] = m.node('open').Properties['Id'];
    },
    /two widgets/,
  ],
  [
    'an Id with other characters',
    (m) => {
      m.node('find').Properties['Id'] = 'ptcsbutton-ü';
    },
    /other characters/,
  ],
  [
    'another area',
    (m) => {
      m.node('find').Properties['Area'] = 'Mashup';
    },
    /Area of .* is Mashup/,
  ],
  [
    'an unknown widget property',
    (m) => {
      m.node('find').Properties['Lable'] = 'x';
    },
    /no property Lable/,
  ],
  [
    'a value of another base type',
    (m) => {
      m.node('find').Properties['Disabled'] = 'no';
    },
    /is no BOOLEAN/,
  ],
  [
    'an unknown token',
    (m) => {
      m.node('find').Properties['Label'] = '[[AzureIoT.Find]]';
    },
    /token/,
  ],
  [
    'a widget outside a container',
    (m) => void m.content.UI.Widgets.push(m.node('find')),
    /directly below the root/,
  ],
  [
    'a function inside a container',
    (m) => void m.content.UI.Widgets[0]?.Widgets.push(m.node('confirmDelete')),
    /does not stand directly below the root/,
  ],
  ['a tab too few', (m) => void m.ofType('ptcstabset').Widgets.pop(), /children/],
  [
    'a source under another key',
    (m) => {
      present(m.content.Data[SOURCE]).DataName = 'x';
    },
    /DataName/,
  ],
  ['a source that is missing', (m) => void delete m.content.Data['Session'], /no source Session/],
  ['two services of one name', (m) => void m.services.push(present(m.services[0])), /two services/],
  [
    'a service that does not exist',
    (m) => {
      present(m.services[1]).Target = 'ListMachines';
    },
    /no service ListMachines/,
  ],
  [
    'a constant for an unknown input',
    (m) => {
      present(m.services[1]).Parameters['size'] = '1';
    },
    /no input size/,
  ],
  [
    'a constant of another base type',
    (m) => {
      present(m.services[1]).Parameters['pageSize'] = 'all';
    },
    /no INTEGER/,
  ],
  [
    'two bindings with one Id',
    (m) => {
      m.binding('deviceId').Id = m.binding('condition').Id;
    },
    /two bindings/,
  ],
  [
    'two property maps',
    (m) => void m.binding('deviceId').PropertyMaps.push(m.map('condition')),
    /2 property maps/,
  ],
  [
    'an unknown source of a binding',
    (m) => {
      m.binding('Data').SourceSection = 'Things_X';
    },
    /source Things_X/,
  ],
  [
    'an unknown service of a binding',
    (m) => {
      m.binding('Data').SourceId = 'List';
    },
    /no service List/,
  ],
  [
    'an unknown widget of a binding',
    (m) => {
      m.binding('Data').TargetId = 'ptcsgrid-99';
    },
    /no widget ptcsgrid-99/,
  ],
  [
    'an unknown area of a binding',
    (m) => {
      m.binding('Data').TargetArea = 'Page';
    },
    /TargetArea Page/,
  ],
  [
    'an unknown field',
    (m) => {
      m.map('MessageText').SourceProperty = 'Outputs';
    },
    /no property Outputs/,
  ],
  [
    'an unknown input',
    (m) => {
      m.map('condition').TargetProperty = 'filter';
    },
    /no input filter/,
  ],
  [
    'an unknown parameter of the mashup',
    (m) => {
      m.map('SelectedText').SourceProperty = 'plant';
    },
    /not declared/,
  ],
  [
    'a property that takes no value',
    (m) => {
      m.map('MessageText').TargetProperty = 'DialogWidth';
    },
    /takes no value/,
  ],
  [
    'a base type that is not that of the source',
    (m) => {
      m.map('condition').SourcePropertyBaseType = 'NUMBER';
    },
    /it is STRING/,
  ],
  [
    'base types that do not fit',
    (m) => {
      m.map('enabled').TargetProperty = 'deviceId';
    },
    /BOOLEAN to STRING/,
  ],
  [
    'SourceDetails that are none',
    (m) => {
      m.binding('Data').SourceDetails = 'All';
    },
    /SourceDetails All/,
  ],
  [
    'the whole result under a name',
    (m) => {
      m.map('Data').SourceProperty = 'All';
    },
    /field All/,
  ],
  [
    'another TargetPropertyType',
    (m) => {
      m.map('condition').TargetPropertyType = 'Field';
    },
    /expected Parameter/,
  ],
  [
    'an unknown event',
    (m) => {
      m.event('Clicked').EventTriggerEvent = 'Pressed';
    },
    /Pressed/,
  ],
  [
    'an unknown service event',
    (m) => {
      m.event('ServiceInvokeCompleted').EventTriggerEvent = 'Failed';
    },
    /Failed/,
  ],
  [
    'an unknown mashup event',
    (m) => {
      m.event('Loaded').EventTriggerEvent = 'Opened';
    },
    /Opened/,
  ],
  [
    'an unknown handler',
    (m) => {
      m.event('ActionClick').EventHandlerService = 'Remove';
    },
    /no service Remove/,
  ],
  [
    'trigger and handler exchanged',
    (m) => {
      const event = m.event('ServiceInvokeCompleted');
      event.EventTriggerId = SOURCE;
      event.EventTriggerSection = 'EnableDevice';
    },
    /source EnableDevice/,
  ],
  [
    'a service that nothing starts',
    (m) => {
      m.content.Events = m.content.Events.filter((event) => event.EventHandlerService !== 'CreateDevice');
    },
    /no event starts CreateDevice/,
  ],
  [
    'a service that starts itself',
    (m) => {
      const event = m.event('ServiceInvokeCompleted');
      event.EventHandlerService = event.EventTriggerId;
    },
    /starts itself/,
  ],
  [
    'a selection of a grid without one',
    (m) => {
      m.node('devices').Properties['RowSelection'] = 'none';
    },
    /no grid offers/,
  ],
  [
    'a selection that nothing reads',
    (m) => {
      m.node('report').Properties['RowSelection'] = 'single';
    },
    /nothing reads them/,
  ],
  [
    'an IDFieldName that is no field',
    (m) => {
      m.node('devices').Properties['IDFieldName'] = 'id';
    },
    /IDFieldName/,
  ],
  [
    'a column that is no field',
    (m) => {
      columnsOf(m.node('devices'))[0] = {
        ...present(columnsOf(m.node('devices'))[0]),
        FieldName: 'x',
      };
    },
    /column x/,
  ],
  [
    'a renderer that does not fit',
    (m) => {
      present(columnsOf(m.node('devices'))[0]).FormatOptions.renderer = 'NUMBER';
    },
    /renderer NUMBER/,
  ],
  [
    'a ValueField that is no field',
    (m) => {
      m.node('hub').Properties['ValueField'] = 'x';
    },
    /ValueField/,
  ],
  [
    'a mashup that does not exist',
    (m) => {
      m.node('openDevice').Properties['TargetMashup'] = 'X_MU';
    },
    /opens X_MU/,
  ],
  [
    'parameters of another mashup',
    (m) => {
      m.node('openDevice').Properties['MashupParameters'] = [];
    },
    /parameters of/,
  ],
  [
    'an unknown window type',
    (m) => {
      m.node('openDevice').Properties['TargetWindowType'] = 'Popup';
    },
    /TargetWindowType/,
  ],
  [
    'an expression that is no script',
    (m) => {
      m.node('query').Properties['Expression'] = 'output = (';
    },
    /no script/,
  ],
  [
    'an expression with an unknown name',
    (m) => {
      m.node('query').Properties['Expression'] = 'output = window;';
    },
    /uses window/,
  ],
  [
    'a confirmation that asks nothing',
    (m) => {
      m.binding('MessageText').TargetId = 'x';
    },
    /asks nothing/,
  ],
  [
    'a router without an input',
    (m) => {
      m.node('lastMessage').Properties['NumberOfInputs'] = '9';
    },
    /not bound/,
  ],
];

interface Column {
  FieldName: string;
  FormatOptions: { renderer: string };
}

function columnsOf({ Properties }: ContentNode): Column[] {
  return (Properties['ColumnFormat'] as { formatInfo: Column[] }).formatInfo;
}

describe('the checker of mashups', () => {
  for (const [name, breakIt, expected] of CASES) {
    test(`finds ${name}`, () => {
      const broken = new Broken();
      breakIt(broken);
      const problems = checkMashup(devices, broken.content, catalog);
      assert.ok(
        problems.some((problem) => expected.test(problem)),
        `found ${JSON.stringify(problems)}`,
      );
    });
  }

  test('finds a chart that would draw more than its series', () => {
    const hub = named('AzureIoT.Hub_MU');
    const made = mashupContent(hub, catalog);
    const [binding] = made.DataBindings.filter(({ SourceId }) => SourceId === 'GetRateHistory');
    present(binding).SourceId = 'ListTasks';
    const problems = checkMashup(hub, made, catalog);
    assert.ok(problems.some((problem) => /XAxisField/.test(problem)));
    assert.ok(problems.some((problem) => /would also draw done/.test(problem)));
  });
});

describe('the mashups', () => {
  for (const mashup of MASHUPS) {
    test(`${mashup.name} is sound, the same each time, and whole in its XML`, () => {
      const made = mashupContent(mashup, catalog);
      assert.deepEqual(checkMashup(mashup, made, catalog), []);
      assert.equal(JSON.stringify(mashupContent(mashup, catalog)), JSON.stringify(made));
      const xml = extensionEntityXml(mashup, catalog);
      assert.ok(parseXml(xml));
      const text = /<mashupContent><!\[CDATA\[(.*)\]\]><\/mashupContent>/s.exec(xml)?.[1] ?? '';
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(made)));
    });

    test(`${mashup.name} asks before it deletes`, () => {
      const made = mashupContent(mashup, catalog);
      const types = new Map(nodes(made.UI).map(({ Properties }) => [Properties['Id'], Properties['Type']]));
      for (const event of made.Events) {
        if (!/^(Delete|Disconnect|Cancel|Replay|Unpublish|Write)/.test(event.EventHandlerService)) continue;
        assert.equal(types.get(event.EventTriggerId), 'ptcsconfirmation', event.EventHandlerService);
      }
    });

    test(`${mashup.name} disables what a role may not do, and says which role may`, () => {
      const made = mashupContent(mashup, catalog);
      const widgets = new Map(nodes(made.UI).map(({ Properties }) => [Properties['Id'], Properties]));
      /** The services that an event starts, directly or by a confirmation. */
      const started = (event: ContentEvent): string[] =>
        event.EventHandlerArea === 'Data'
          ? [event.EventHandlerService]
          : made.Events.filter(({ EventTriggerId }) => EventTriggerId === event.EventHandlerId).flatMap(
              started,
            );
      const target = (call: string) =>
        made.Data[SOURCE]?.Services.find(({ Name }) => Name === call)?.Target ?? call;
      for (const event of made.Events) {
        const properties = widgets.get(event.EventTriggerId);
        if (properties?.['Type'] !== 'ptcsbutton') continue;
        for (const service of started(event).map(target)) {
          const role = SERVICE_ROLES.get(service);
          if (role === undefined || role === 'viewer') continue;
          assert.equal(properties['TooltipField'], `Needs the role ${role}.`, service);
          const disabled = made.DataBindings.find(
            ({ TargetId, PropertyMaps }) =>
              TargetId === event.EventTriggerId && PropertyMaps[0]?.TargetProperty === 'Disabled',
          );
          assert.equal(disabled?.SourceId, 'GetRefusals');
          assert.equal(disabled?.PropertyMaps[0]?.SourceProperty, service);
        }
      }
    });
  }
});
