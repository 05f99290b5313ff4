import type { FieldDefinition, ServiceDefinition } from '../../sidecar/entities/model.ts';
import type { MashupParameter } from '../mashups/definition.ts';
import { isConverted, ROOT_PROPERTIES, type WidgetBaseType, widgetType } from '../mashups/vocabulary.ts';
import type { Catalog } from './catalog.ts';
import { unknownNames } from './expression-names.ts';
import { type CheckedWidget, checkWidgetData } from './mashup-check-data.ts';
import type {
  ContentBinding,
  ContentEvent,
  ContentNode,
  ContentSource,
  MashupContent,
} from './mashup-content.ts';

/** Sources that the platform provides. */
const PLATFORM_SOURCES = ['Session', 'UserExtensions'];
const WINDOWS = ['new', 'replace', 'popup', 'modal-popup', 'fullscreen'];
/** Texts of the platform that we use, each as a whole value. */
const TOKENS = [
  '[[Select]]',
  '[[None]]',
  '[[noDataToDisplay]]',
  '[[showMore]]',
  '[[showLess]]',
  '[[TabName]]',
];

/**
 * What is wrong in the content of a mashup. ThingWorx imports almost anything and says nothing: what refers to something that does not
 * exist simply never happens.
 */
export function checkMashup(
  mashup: { readonly parameters?: readonly MashupParameter[] },
  content: MashupContent,
  catalog: Catalog,
): string[] {
  return new MashupChecker(mashup.parameters ?? [], content, catalog).check();
}

class MashupChecker {
  readonly #parameters: readonly MashupParameter[];
  readonly #content: MashupContent;
  readonly #catalog: Catalog;
  readonly #problems: string[] = [];
  readonly #widgets = new Map<string, CheckedWidget>();

  constructor(parameters: readonly MashupParameter[], content: MashupContent, catalog: Catalog) {
    this.#parameters = parameters;
    this.#content = content;
    this.#catalog = catalog;
  }

  check(): string[] {
    this.#checkRoot();
    for (const node of this.#content.UI.Widgets) this.#checkNode(node, this.#content.UI, 1);
    this.#checkIndex();
    for (const [key, source] of Object.entries(this.#content.Data)) this.#checkSource(key, source);
    for (const name of PLATFORM_SOURCES) this.#must(name in this.#content.Data, `Data has no source ${name}`);
    this.#checkIds();
    for (const binding of this.#content.DataBindings) this.#checkBinding(binding);
    for (const event of this.#content.Events) this.#checkEvent(event);
    this.#checkCalls();
    for (const widget of this.#widgets.values()) {
      this.#checkFunction(widget);
      this.#problems.push(
        ...checkWidgetData(
          widget,
          (property) => this.#tableOf(widget.id, property),
          this.#isSelectionUsed(widget.id),
        ),
      );
    }
    return this.#problems;
  }

  #must(holds: boolean, problem: string): void {
    if (!holds) this.#problems.push(problem);
  }

  #checkRoot(): void {
    const { Properties: root, Widgets } = this.#content.UI;
    this.#must(
      this.#content.mashupType === 'mashup',
      `mashupType is ${this.#content.mashupType}; expected mashup`,
    );
    for (const [name, expected] of [
      ['Id', 'mashup-root'],
      ['Area', 'Mashup'],
      ['Type', 'mashup'],
    ] as const)
      this.#must(root[name] === expected, `${name} of the root is ${root[name]}; expected ${expected}`);
    for (const name of Object.keys(root))
      this.#must(name in ROOT_PROPERTIES, `the root has no property ${name}`);
    this.#must(
      Widgets[0]?.Properties['Type'] === 'flexcontainer',
      'the first child of the root is no flexcontainer',
    );
    const declared = root['_currentParameterDefs'] as readonly { ParameterName: string; BaseType: string }[];
    this.#must(
      sameParameters(declared, this.#parameters),
      '_currentParameterDefs of the root and ParameterDefinitions differ',
    );
    for (const { name } of this.#parameters) {
      const isUsed = this.#content.DataBindings.some(
        (binding) => binding.SourceArea === 'Mashup' && binding.PropertyMaps[0]?.SourceProperty === name,
      );
      this.#must(isUsed, `the parameter ${name} is not bound to anything`);
    }
  }

  #checkNode(node: ContentNode, parent: ContentNode, depth: number): void {
    const { Properties: properties, Widgets: children } = node;
    const id = String(properties['Id']);
    const name = String(properties['Type']);
    const type = widgetType(name);
    const parentType = String(parent.Properties['Type']);
    this.#must(
      /^[A-Za-z0-9_-]+$/.test(id),
      `the Id ${id} has other characters than letters, digits, _ and -`,
    );
    this.#must(!this.#widgets.has(id), `two widgets have the Id ${id}`);
    this.#must(properties['Area'] === 'UI', `Area of ${id} is ${properties['Area']}; expected UI`);
    this.#widgets.set(id, {
      id,
      type: name,
      properties,
      depth,
      parent: parentType,
      children: children.length,
    });
    if (!type) {
      this.#must(false, `${id} is of the type ${name}, which is not in the vocabulary`);
      return;
    }
    for (const [property, value] of Object.entries(properties)) {
      const known = type.properties[property];
      this.#must(known !== undefined, `${id}: ${name} has no property ${property}`);
      if (known) this.#checkValue(`${property} of ${id}`, value, known.baseType);
    }
    if (type.isFunction) {
      this.#must(depth === 1, `the function ${id} does not stand directly below the root`);
    } else if (depth > 1) {
      const expected = name === 'flexcontainer' ? ['flexcontainer', 'ptcstabset'] : ['flexcontainer'];
      this.#must(
        expected.includes(parentType),
        `${id} stands below a ${parentType}; expected a flexcontainer`,
      );
    } else {
      this.#must(
        name === 'flexcontainer',
        `${id} stands directly below the root; expected a flexcontainer around it`,
      );
    }
    for (const child of children) this.#checkNode(child, node, depth + 1);
  }

  #checkValue(what: string, value: unknown, baseType: WidgetBaseType): void {
    const fits =
      baseType === 'JSON'
        ? typeof value === 'object'
        : baseType === 'BOOLEAN'
          ? typeof value === 'boolean'
          : baseType === 'NUMBER' || baseType === 'INTEGER'
            ? Number.isFinite(value) || (typeof value === 'string' && /^\d+$/.test(value))
            : typeof value === 'string';
    this.#must(fits, `${what} is ${JSON.stringify(value)}, which is no ${baseType}`);
    if (typeof value === 'string' && value.includes('[['))
      this.#must(TOKENS.includes(value), `${what} has the token ${value}, which is not known`);
  }

  #checkIndex(): void {
    const highest = Math.max(
      0,
      ...[...this.#widgets.keys()].map((id) => Number(/-(\d+)$/.exec(id)?.[1] ?? 0)),
    );
    const { id_index: index } = this.#content.UI.Properties;
    this.#must(Number(index) >= highest, `id_index is ${index}; expected at least ${highest}`);
  }

  #checkSource(key: string, source: ContentSource): void {
    this.#must(source.DataName === key, `DataName of the source ${key} is ${source.DataName}`);
    if (PLATFORM_SOURCES.includes(key)) return;
    this.#must(
      source.EntityType === 'Things' && key === `Things_${source.EntityName}`,
      `the source ${key} is no Things_ with the name of its entity`,
    );
    const names = source.Services.map(({ Name }) => Name);
    for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index)))
      this.#must(false, `the source ${key} has two services named ${name}`);
    for (const { Name, Target, Parameters } of source.Services) {
      const service = this.#catalog.service(source.EntityName, Target);
      if (!service) {
        this.#must(false, `${source.EntityName} has no service ${Target}`);
        continue;
      }
      for (const [input, value] of Object.entries(Parameters)) {
        const parameter = service.parameters.find(({ name }) => name === input);
        this.#must(parameter !== undefined, `${Target} has no input ${input}`);
        if (parameter) this.#checkValue(`${input} of ${Name}`, value, parameter.baseType);
      }
      for (const { name, isRequired } of service.parameters) {
        const isGiven = name in Parameters || this.#bindingsTo(key, Name, name).length > 0;
        this.#must(
          !isRequired || isGiven,
          `${name} of ${Name} is required; it is neither bound nor constant`,
        );
      }
    }
  }

  #bindingsTo(section: string, id: string, property: string): ContentBinding[] {
    return this.#content.DataBindings.filter(
      ({ TargetSection, TargetId, PropertyMaps }) =>
        TargetSection === section && TargetId === id && PropertyMaps[0]?.TargetProperty === property,
    );
  }

  #checkIds(): void {
    const ids = [...this.#content.DataBindings, ...this.#content.Events].map(({ Id }) => Id);
    for (const id of new Set(ids.filter((one, index) => ids.indexOf(one) !== index)))
      this.#must(false, `two bindings or events have the Id ${id}`);
  }

  #checkBinding(binding: ContentBinding): void {
    const [map, second] = binding.PropertyMaps;
    if (!map || second) {
      this.#must(
        false,
        `the binding ${binding.Id} has ${binding.PropertyMaps.length} property maps; expected one`,
      );
      return;
    }
    const name = `the binding of ${binding.TargetId}.${map.TargetProperty}`;
    const source = this.#sourceType(binding, name);
    const target = this.#targetType(binding, name);
    if (!source || !target) return;
    this.#must(
      source === map.SourcePropertyBaseType,
      `${name} takes ${map.SourceProperty} for ${map.SourcePropertyBaseType}; it is ${source}`,
    );
    this.#must(
      target === map.TargetPropertyBaseType,
      `${name} takes ${map.TargetProperty} for ${map.TargetPropertyBaseType}; it is ${target}`,
    );
    this.#must(isConverted(source, target), `${name} writes ${source} to ${target}`);
    if (binding.TargetArea === 'Data')
      this.#must(
        this.#bindingsTo(binding.TargetSection, binding.TargetId, map.TargetProperty).length === 1,
        `${name} is not the only one`,
      );
  }

  /** The base type of the source; undefined after a problem. */
  #sourceType(binding: ContentBinding, name: string): WidgetBaseType | undefined {
    const { SourceArea, SourceSection, SourceId, SourceDetails, PropertyMaps } = binding;
    const { SourceProperty, SourcePropertyType } = PropertyMaps[0] as ContentBinding['PropertyMaps'][number];
    if (SourceArea === 'Data') {
      this.#must(
        SourceDetails === 'AllData' || SourceDetails === 'SelectedRows',
        `${name} has the SourceDetails ${SourceDetails}; expected AllData or SelectedRows`,
      );
      const service = this.#serviceOf(SourceSection, SourceId, name);
      if (!service) return undefined;
      if (SourceDetails === 'SelectedRows')
        this.#must(
          this.#isSelectable(SourceId),
          `${name} reads selected rows of ${SourceId}, which no grid offers`,
        );
      const type = SourceProperty === '' ? 'InfoTable' : 'Field';
      this.#must(
        SourcePropertyType === type,
        `${name} has the SourcePropertyType ${SourcePropertyType}; expected ${type}`,
      );
      return this.#resultType(service, SourceProperty, name);
    }
    this.#must(SourceDetails === '', `${name} has SourceDetails, which only a service has`);
    this.#must(
      SourcePropertyType === 'Property',
      `${name} has the SourcePropertyType ${SourcePropertyType}; expected Property`,
    );
    if (SourceArea === 'Mashup') {
      const parameter = this.#parameters.find((one) => one.name === SourceProperty);
      this.#must(SourceId === 'mashup-root', `${name} comes from ${SourceId}; expected mashup-root`);
      this.#must(
        parameter !== undefined,
        `${name} comes from the parameter ${SourceProperty}, which is not declared`,
      );
      return parameter?.baseType;
    }
    this.#must(SourceArea === 'UI', `${name} has the SourceArea ${SourceArea}`);
    const widget = this.#widgetOf(SourceId, name);
    const property = widget && widgetType(widget.type)?.properties[SourceProperty];
    if (!widget || !property) {
      this.#must(!widget, `${name} comes from ${SourceId}, which has no property ${SourceProperty}`);
      return undefined;
    }
    this.#must(
      property.direction === 'out' || property.direction === 'both',
      `${name} reads ${SourceProperty} of ${SourceId}, which gives no value`,
    );
    return widget.type === 'expression2'
      ? (widget.properties['OutputBaseType'] as WidgetBaseType)
      : property.baseType;
  }

  #resultType(
    { name: service, result }: ServiceDefinition,
    field: string,
    name: string,
  ): WidgetBaseType | undefined {
    if (field === '') {
      this.#must(
        result.baseType === 'INFOTABLE',
        `${name} reads rows of ${service}, which gives ${result.baseType}`,
      );
      return 'INFOTABLE';
    }
    if (result.baseType !== 'INFOTABLE') {
      this.#must(field === 'result', `${name} reads ${field} of ${service}; a single value is called result`);
      return result.baseType === 'NOTHING' ? undefined : result.baseType;
    }
    const found = this.#fieldsOf(result.dataShape).find((one) => one.name === field);
    this.#must(found !== undefined, `${name} reads the field ${field}, which ${service} does not give`);
    return found?.baseType;
  }

  #targetType(binding: ContentBinding, name: string): WidgetBaseType | undefined {
    const { TargetArea, TargetSection, TargetId, PropertyMaps } = binding;
    const { TargetProperty, TargetPropertyType } = PropertyMaps[0] as ContentBinding['PropertyMaps'][number];
    if (TargetArea === 'Data') {
      const service = this.#serviceOf(TargetSection, TargetId, name);
      const input = service?.parameters.find((parameter) => parameter.name === TargetProperty);
      this.#must(!service || input !== undefined, `${name}: ${service?.name} has no input ${TargetProperty}`);
      this.#must(
        TargetPropertyType === 'Parameter',
        `${name} has the TargetPropertyType ${TargetPropertyType}; expected Parameter`,
      );
      return input?.baseType;
    }
    this.#must(TargetArea === 'UI', `${name} has the TargetArea ${TargetArea}`);
    this.#must(
      TargetPropertyType === 'property',
      `${name} has the TargetPropertyType ${TargetPropertyType}; expected property`,
    );
    const widget = this.#widgetOf(TargetId, name);
    if (!widget) return undefined;
    const parameter = parametersOf(widget).find((one) => one.ParameterName === TargetProperty);
    if (parameter) return parameter.BaseType as WidgetBaseType;
    const property = widgetType(widget.type)?.properties[TargetProperty];
    this.#must(property !== undefined, `${name}: ${TargetId} has no property ${TargetProperty}`);
    this.#must(
      !property || property.direction === 'in' || property.direction === 'both',
      `${name}: ${TargetProperty} of ${TargetId} takes no value`,
    );
    return property?.baseType;
  }

  #checkEvent(event: ContentEvent): void {
    const { EventTriggerArea, EventTriggerSection, EventTriggerId, EventTriggerEvent } = event;
    const { EventHandlerArea, EventHandlerId, EventHandlerService } = event;
    const name = `the event ${EventTriggerEvent} of ${EventTriggerId}`;
    if (EventTriggerArea === 'Data') {
      this.#serviceOf(EventTriggerSection, EventTriggerId, name);
      const known = ['ServiceInvokeCompleted', 'AllDataChanged', 'SelectedRowsChanged'];
      this.#must(
        known.includes(EventTriggerEvent),
        `${name} does not exist; a service has ${known.join(', ')}`,
      );
      if (EventTriggerEvent === 'SelectedRowsChanged')
        this.#must(
          this.#isSelectable(EventTriggerId),
          `${name} never comes: no grid offers its rows for selection`,
        );
    } else if (EventTriggerArea === 'Mashup') {
      const known = [
        'Loaded',
        'RefreshRequested',
        ...this.#parameters.map((parameter) => `${parameter.name}Changed`),
      ];
      this.#must(EventTriggerId === 'mashup-root', `${name} does not come from mashup-root`);
      this.#must(
        known.includes(EventTriggerEvent),
        `${name} does not exist; a mashup has ${known.join(', ')}`,
      );
    } else {
      this.#must(EventTriggerArea === 'UI', `${name} has the area ${EventTriggerArea}`);
      const widget = this.#widgetOf(EventTriggerId, name);
      const events = (widget && widgetType(widget.type)?.events) ?? [];
      this.#must(!widget || events.includes(EventTriggerEvent), `${name} does not exist`);
    }
    const handler = `${name} starts ${EventHandlerService} of ${EventHandlerId}`;
    if (EventHandlerArea === 'Data') {
      this.#serviceOf(EventHandlerId, EventHandlerService, handler);
    } else if (EventHandlerArea === 'Mashup') {
      const known = ['CloseIfPopup', 'Refresh', 'ResetInputsToDefaultValue'];
      this.#must(known.includes(EventHandlerService), `${handler}, which does not exist`);
    } else {
      this.#must(EventHandlerArea === 'UI', `${handler}, which is in the area ${EventHandlerArea}`);
      const widget = this.#widgetOf(EventHandlerId, handler);
      const services = (widget && widgetType(widget.type)?.services) ?? [];
      this.#must(!widget || services.includes(EventHandlerService), `${handler}, which does not exist`);
    }
  }

  /** Every call is started by something, and none by its own end. */
  #checkCalls(): void {
    const next = (from: string) =>
      this.#content.Events.filter(
        (event) =>
          event.EventTriggerArea === 'Data' &&
          event.EventTriggerId === from &&
          event.EventTriggerEvent === 'ServiceInvokeCompleted' &&
          event.EventHandlerArea === 'Data',
      ).map((event) => event.EventHandlerService);
    const reaches = (from: string, wanted: string, seen: Set<string>): boolean =>
      next(from).some((name) => {
        if (name === wanted) return true;
        if (seen.has(name)) return false;
        seen.add(name);
        return reaches(name, wanted, seen);
      });
    for (const [key, { Services }] of Object.entries(this.#content.Data)) {
      if (PLATFORM_SOURCES.includes(key)) continue;
      for (const { Name } of Services) {
        const isStarted = this.#content.Events.some(
          (event) => event.EventHandlerId === key && event.EventHandlerService === Name,
        );
        this.#must(isStarted, `no event starts ${Name}`);
        this.#must(!reaches(Name, Name, new Set()), `${Name} starts itself when it has ended`);
      }
    }
  }

  #checkFunction({ id, type, properties }: CheckedWidget): void {
    const isBound = (property: string) => this.#bindingsTo('', id, property).length > 0;
    const widget = this.#widgets.get(id) as CheckedWidget;
    if (type === 'navigationfunction') {
      const target = this.#catalog.mashup(String(properties['TargetMashup']));
      this.#must(target !== undefined, `${id} opens ${properties['TargetMashup']}, which does not exist`);
      const declared = target?.parameters ?? [];
      this.#must(
        sameParameters(parametersOf(widget), declared) &&
          sameParameters(properties['MashupParameters'] as Parameters<typeof sameParameters>[0], declared),
        `the parameters of ${id} are not those of ${properties['TargetMashup']}`,
      );
      this.#must(
        WINDOWS.includes(String(properties['TargetWindowType'])),
        `TargetWindowType of ${id} is ${properties['TargetWindowType']}; expected ${WINDOWS.join(', ')}`,
      );
    }
    if (type === 'expression2') {
      const names = parametersOf(widget).map(({ ParameterName }) => ParameterName);
      const unknown = unknownNames(String(properties['Expression']), names);
      if (typeof unknown === 'string') this.#must(false, `the expression of ${id} is no script: ${unknown}`);
      else
        for (const name of unknown)
          this.#must(false, `the expression of ${id} uses ${name}, which is no parameter`);
      for (const name of names) this.#must(isBound(name), `the parameter ${name} of ${id} is not bound`);
    }
    if (type === 'eventsrouter') {
      const count = Number(properties['NumberOfInputs']);
      for (let index = 1; index <= 16; index++)
        this.#must(
          isBound(`Input${index}`) === index <= count,
          `${id} has ${count} inputs, and Input${index} is ${index <= count ? 'not bound' : 'bound'}`,
        );
    }
    if (type === 'ptcsconfirmation')
      this.#must(
        'MessageText' in properties || isBound('MessageText'),
        `${id} asks nothing: MessageText is not set`,
      );
  }

  #serviceOf(section: string, name: string, what: string): ServiceDefinition | undefined {
    const source = this.#content.Data[section];
    const entry = source?.Services.find(({ Name }) => Name === name);
    this.#must(entry !== undefined, `${what}: the source ${section} has no service ${name}`);
    return source && entry ? this.#catalog.service(source.EntityName, entry.Target) : undefined;
  }

  #widgetOf(id: string, what: string): CheckedWidget | undefined {
    const widget = this.#widgets.get(id);
    this.#must(widget !== undefined, `${what}: there is no widget ${id}`);
    return widget;
  }

  #fieldsOf(dataShape: string | undefined): readonly FieldDefinition[] {
    return this.#catalog.fields(dataShape ?? '') ?? [];
  }

  /** The fields of the rows that are bound to a property; undefined when nothing is. */
  #tableOf(id: string, property: string): readonly FieldDefinition[] | undefined {
    const [binding] = this.#bindingsTo('', id, property);
    const [map] = binding?.PropertyMaps ?? [];
    if (!binding || !map) return undefined;
    const source = this.#content.Data[binding.SourceSection];
    const target = source?.Services.find(({ Name }) => Name === binding.SourceId)?.Target ?? '';
    const result = this.#catalog.service(source?.EntityName ?? '', target)?.result;
    const fields = this.#fieldsOf(result?.dataShape);
    if (map.SourceProperty === '') return fields;
    return this.#fieldsOf(fields.find(({ name }) => name === map.SourceProperty)?.dataShape);
  }

  /** Whether a grid shows the whole result of the service and lets rows be selected. */
  #isSelectable(service: string): boolean {
    return this.#content.DataBindings.some(
      ({ SourceArea, SourceId, TargetId, PropertyMaps }) =>
        SourceArea === 'Data' &&
        SourceId === service &&
        PropertyMaps[0]?.SourceProperty === '' &&
        this.#widgets.get(TargetId)?.type === 'ptcsgrid' &&
        this.#widgets.get(TargetId)?.properties['RowSelection'] !== 'none',
    );
  }

  /** Whether anything reads the rows that are selected in the grid. */
  #isSelectionUsed(id: string): boolean {
    const [binding] = this.#bindingsTo('', id, 'Data');
    return this.#content.DataBindings.some(
      (other) => other.SourceId === binding?.SourceId && other.SourceDetails === 'SelectedRows',
    );
  }
}

function parametersOf({ properties }: CheckedWidget): readonly { ParameterName: string; BaseType: string }[] {
  return (properties['_currentParameterDefs'] ?? []) as readonly {
    ParameterName: string;
    BaseType: string;
  }[];
}

function sameParameters(
  declared: readonly { ParameterName: string; BaseType: string }[] = [],
  expected: readonly MashupParameter[],
): boolean {
  const text = (names: readonly string[]) => JSON.stringify([...names].sort());
  return (
    text(declared.map(({ ParameterName, BaseType }) => `${ParameterName} ${BaseType}`)) ===
    text(expected.map(({ name, baseType }) => `${name} ${baseType}`))
  );
}
