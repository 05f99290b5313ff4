import { createHash } from 'node:crypto';
import type { FieldDefinition, ServiceDefinition } from '../../sidecar/entities/model.ts';
import type { Mashup, MashupParameter, Widget } from '../mashups/definition.ts';
import { ROOT_PROPERTIES, type WidgetBaseType, widgetType } from '../mashups/vocabulary.ts';
import type { Catalog } from './catalog.ts';

/** A node of the widget tree. */
export interface ContentNode {
  readonly Properties: Record<string, unknown>;
  readonly Widgets: ContentNode[];
}

interface PropertyMap {
  SourceProperty: string;
  SourcePropertyType: string;
  SourcePropertyBaseType: string;
  TargetProperty: string;
  TargetPropertyType: string;
  TargetPropertyBaseType: string;
}

export interface ContentBinding {
  Id: string;
  SourceArea: string;
  SourceSection: string;
  SourceId: string;
  SourceDetails: string;
  TargetArea: string;
  TargetSection: string;
  TargetId: string;
  PropertyMaps: PropertyMap[];
}

export interface ContentEvent {
  Id: string;
  EventTriggerArea: string;
  EventTriggerSection: string;
  EventTriggerId: string;
  EventTriggerEvent: string;
  EventHandlerArea: string;
  EventHandlerId: string;
  EventHandlerService: string;
}

interface ContentService {
  Id: string;
  Name: string;
  Target: string;
  APIMethod: string;
  Characteristic: string;
  RefreshInterval: number;
  Parameters: Record<string, unknown>;
}

export interface ContentSource {
  DataName: string;
  EntityName: string;
  EntityType: string;
  Id: string;
  Services: ContentService[];
}

/** The JSON of the element mashupContent. */
export interface MashupContent {
  CustomMashupCss: string;
  Data: Record<string, ContentSource>;
  DataBindings: ContentBinding[];
  DesignTimePermissions: object;
  Events: ContentEvent[];
  Reminders: unknown[];
  RunTimePermissions: object;
  UI: ContentNode;
  mashupType: string;
}

/** The Thing whose services mashups call. */
const SERVICES_THING = 'AzureIoT.MashupServices';
const SOURCE = `Things_${SERVICES_THING}`;

/** One end of a binding. */
interface End {
  readonly area: 'Data' | 'UI' | 'Mashup';
  readonly section: string;
  readonly id: string;
  readonly details: string;
  readonly property: string;
  readonly type: string;
  readonly baseType: WidgetBaseType;
}

interface Placed {
  readonly widget: Widget;
  readonly id: string;
}

/** The content of a mashup in the form of ThingWorx 9.3, which later versions read. Equal definitions give equal content. */
export function mashupContent(mashup: Mashup, catalog: Catalog): MashupContent {
  // Definitions share parts; content does not.
  return structuredClone(new ContentBuilder(mashup, catalog).build());
}

class ContentBuilder {
  readonly #mashup: Mashup;
  readonly #catalog: Catalog;
  readonly #placed: Placed[] = [];
  readonly #bindings: ContentBinding[] = [];
  readonly #events: ContentEvent[] = [];

  constructor(mashup: Mashup, catalog: Catalog) {
    this.#mashup = mashup;
    this.#catalog = catalog;
  }

  build(): MashupContent {
    const { calls, functions = [], layout, loaded, parameters = [] } = this.#mashup;
    const top = this.#node(layout, { LastContainer: true, userCannotRemove: true });
    const below = functions.map((widget) => this.#node(widget));
    for (const [name, { bind = {}, after = [], onSelection = [] }] of Object.entries(calls)) {
      for (const [input, source] of Object.entries(bind)) this.#bind(source, this.#inputOf(name, input));
      const trigger = { area: 'Data', section: SOURCE, id: name };
      for (const handler of after) this.#event(trigger, 'ServiceInvokeCompleted', handler);
      for (const handler of onSelection) this.#event(trigger, 'SelectedRowsChanged', handler);
    }
    const root = { area: 'Mashup', section: '', id: 'mashup-root' };
    for (const handler of loaded) this.#event(root, 'Loaded', handler);
    for (const { widget, id } of this.#placed) {
      const trigger = { area: 'UI', section: '', id };
      for (const [property, sources] of Object.entries(widget.bind ?? {}))
        for (const source of [sources].flat()) this.#bind(source, this.#propertyOf(widget, id, property));
      for (const [event, handlers] of Object.entries(widget.on ?? {}))
        for (const handler of handlers) this.#event(trigger, event, handler);
    }
    return {
      CustomMashupCss: '',
      Data: this.#data(),
      DataBindings: this.#bindings,
      DesignTimePermissions: {},
      Events: this.#events,
      Reminders: [],
      RunTimePermissions: {},
      UI: {
        Properties: {
          ...ROOT_PROPERTIES,
          id_index: this.#placed.length,
          _currentParameterDefs: parameters.map(({ name, baseType, description }) => ({
            ParameterName: name,
            BaseType: baseType,
            Description: description,
            Aspects: { bindingDirection: 'IN', isMandatory: false },
          })),
        },
        Widgets: [top, ...below],
      },
      mashupType: 'mashup',
    };
  }

  #node(widget: Widget, more: Readonly<Record<string, unknown>> = {}): ContentNode {
    const type = widgetType(widget.type);
    if (!type) throw this.#wrong(`there is no widget ${widget.type}`);
    const id = `${widget.type}-${this.#placed.length + 1}`;
    this.#placed.push({ widget, id });
    const children = widget.children ?? [];
    const nodes = children.map((child, index) =>
      this.#node(child, {
        ...(child.type === 'flexcontainer' ? { LastContainer: index === children.length - 1 } : {}),
        ...(widget.type === 'ptcstabset' ? { userCannotRemove: true } : {}),
      }),
    );
    const initial = Object.entries(type.properties)
      .filter(([, property]) => property.initial !== undefined)
      .map(([name, property]) => [name, property.initial] as const);
    return {
      Properties: {
        ...Object.fromEntries(initial),
        Type: widget.type,
        __TypeDisplayName: widget.type,
        Id: id,
        DisplayName: widget.name ?? id,
        ...this.#parameterProperties(widget),
        ...widget.properties,
        ...more,
      },
      Widgets: nodes,
    };
  }

  /** What a function with parameters of its own says of them. */
  #parameterProperties(widget: Widget): Record<string, unknown> {
    if (widget.type === 'expression2') {
      return {
        _currentParameterDefs: Object.entries(widget.parameters ?? {}).map(([name, baseType]) => ({
          ParameterName: name,
          BaseType: baseType,
          Description: '',
          bindingDirection: 'Target',
          bindingType: 'Property',
          isBindingSource: false,
          isBindingTarget: true,
          shown: true,
        })),
      };
    }
    if (widget.type !== 'navigationfunction') return {};
    const parameters = this.#targetParameters(widget);
    return {
      MashupParameters: parameters.map(({ name, baseType }) => ({
        ParameterName: name,
        BaseType: baseType,
        Description: '',
        ParmDef: {
          name,
          baseType,
          description: '',
          ordinal: 0,
          aspects: { bindingDirection: 'BOTH', isMandatory: 'false' },
        },
      })),
      _currentParameterDefs: parameters.map(({ name, baseType }) => ({
        ParameterName: name,
        BaseType: baseType,
        Description: '',
        bindingDirection: 'Both',
        bindingType: 'Property',
        isBindingSource: true,
        isBindingTarget: true,
        shown: true,
      })),
    };
  }

  #targetParameters(widget: Widget): readonly MashupParameter[] {
    return this.#catalog.mashup(String(widget.properties?.['TargetMashup']))?.parameters ?? [];
  }

  #data(): Record<string, ContentSource> {
    const services = Object.entries(this.#mashup.calls).map(([name, { constants = {}, service = name }]) =>
      serviceEntry(name, this.#id('service', name), { ...constants }, service),
    );
    return {
      Session: source('Session', '', 'Session', 'session', [
        serviceEntry('GetGlobalSessionValues', 'SessionInterface'),
      ]),
      ...(services.length === 0
        ? {}
        : { [SOURCE]: source(SOURCE, SERVICES_THING, 'Things', this.#id('source'), services) }),
      UserExtensions: source('UserExtensions', '', 'UserExtensions', 'UserExtensions', [
        serviceEntry('GetCurrentUserExtensionProperties', 'UserExtensionInterface'),
      ]),
    };
  }

  #bind(source: string, to: End): void {
    const from = this.#sourceOf(source);
    const Id = this.#id('binding', source, to.id, to.property);
    this.#bindings.push({
      Id,
      SourceArea: from.area,
      SourceSection: from.section,
      SourceId: from.id,
      SourceDetails: from.details,
      TargetArea: to.area,
      TargetSection: to.section,
      TargetId: to.id,
      PropertyMaps: [
        {
          SourceProperty: from.property,
          SourcePropertyType: from.type,
          SourcePropertyBaseType: from.baseType,
          TargetProperty: to.property,
          TargetPropertyType: to.type,
          TargetPropertyBaseType: to.baseType,
        },
      ],
    });
  }

  #sourceOf(text: string): End {
    const [head = '', ...rest] = text.split('.');
    if (head === 'mashup') return this.#parameterOf(rest.join('.'));
    if (Object.hasOwn(this.#mashup.calls, head)) return this.#resultOf(head, rest);
    const { widget, id } = this.#find(head);
    return this.#outputOf(widget, id, rest.join('.'));
  }

  #parameterOf(name: string): End {
    const parameter = this.#mashup.parameters?.find((candidate) => candidate.name === name);
    if (!parameter) throw this.#wrong(`the mashup has no parameter ${name}`);
    const { baseType } = parameter;
    return {
      area: 'Mashup',
      section: '',
      id: 'mashup-root',
      details: '',
      property: name,
      type: 'Property',
      baseType,
    };
  }

  #resultOf(service: string, rest: readonly string[]): End {
    const selected = rest[0] === 'selected';
    const field = (selected ? rest.slice(1) : rest).join('.');
    const place = {
      area: 'Data' as const,
      section: SOURCE,
      id: service,
      details: selected ? 'SelectedRows' : 'AllData',
      property: field,
    };
    if (field === '') return { ...place, type: 'InfoTable', baseType: 'INFOTABLE' };
    const { result } = this.#service(service);
    const fields: readonly FieldDefinition[] =
      result.baseType === 'INFOTABLE' ? (this.#catalog.fields(result.dataShape ?? '') ?? []) : [];
    const found = fields.find(({ name }) => name === field);
    if (!found) throw this.#wrong(`${service} gives no field ${field}`);
    return { ...place, type: 'Field', baseType: found.baseType };
  }

  #outputOf(widget: Widget, id: string, name: string): End {
    const property = widgetType(widget.type)?.properties[name];
    if (!property) throw this.#wrong(`${widget.type} has no property ${name}`);
    const typed = widget.type === 'expression2' && name === 'Output';
    const baseType = typed ? (widget.properties?.['OutputBaseType'] as WidgetBaseType) : property.baseType;
    return { area: 'UI', section: '', id, details: '', property: name, type: 'Property', baseType };
  }

  #inputOf(service: string, name: string): End {
    const input = this.#service(service).parameters.find((parameter) => parameter.name === name);
    if (!input) throw this.#wrong(`${service} has no input ${name}`);
    const { baseType } = input;
    return {
      area: 'Data',
      section: SOURCE,
      id: service,
      details: '',
      property: name,
      type: 'Parameter',
      baseType,
    };
  }

  #propertyOf(widget: Widget, id: string, name: string): End {
    const parameter =
      widget.parameters?.[name] ??
      (widget.type === 'navigationfunction'
        ? this.#targetParameters(widget).find((candidate) => candidate.name === name)?.baseType
        : undefined);
    const baseType = parameter ?? widgetType(widget.type)?.properties[name]?.baseType;
    if (!baseType) throw this.#wrong(`${widget.name ?? id} has no property ${name}`);
    return { area: 'UI', section: '', id, details: '', property: name, type: 'property', baseType };
  }

  #event(trigger: { area: string; section: string; id: string }, event: string, handler: string): void {
    const [head = '', ...rest] = handler.split('.');
    const isCall = rest.length === 0 && Object.hasOwn(this.#mashup.calls, head);
    const target = isCall
      ? { area: 'Data', id: SOURCE, service: head }
      : head === 'mashup'
        ? { area: 'Mashup', id: 'mashup-root', service: rest.join('.') }
        : { area: 'UI', id: this.#find(head).id, service: rest.join('.') };
    this.#events.push({
      Id: this.#id('event', trigger.id, event, handler),
      EventTriggerArea: trigger.area,
      EventTriggerSection: trigger.section,
      EventTriggerId: trigger.id,
      EventTriggerEvent: event,
      EventHandlerArea: target.area,
      EventHandlerId: target.id,
      EventHandlerService: target.service,
    });
  }

  #find(name: string): Placed {
    const found = this.#placed.filter(({ widget }) => widget.name === name);
    if (found.length !== 1 || !found[0])
      throw this.#wrong(`${found.length} widgets are named ${name}; expected one`);
    return found[0];
  }

  #service(call: string): ServiceDefinition {
    const name = this.#mashup.calls[call]?.service ?? call;
    const service = this.#catalog.service(SERVICES_THING, name);
    if (!service) throw this.#wrong(`${SERVICES_THING} has no service ${name}`);
    return service;
  }

  /** In the form of a GUID, from what it is for, so that the same definition gives the same file. */
  #id(...parts: readonly string[]): string {
    const hash = createHash('sha256')
      .update(JSON.stringify([this.#mashup.name, ...parts]))
      .digest('hex');
    return [8, 4, 4, 4, 12]
      .map((length, index, all) => {
        const start = all.slice(0, index).reduce((sum, part) => sum + part, 0);
        return hash.slice(start, start + length);
      })
      .join('-');
  }

  #wrong(text: string): Error {
    return new Error(`${this.#mashup.name}: ${text}`);
  }
}

function serviceEntry(
  name: string,
  id: string,
  parameters: Record<string, unknown> = {},
  target = name,
): ContentService {
  return {
    APIMethod: 'post',
    Characteristic: 'Services',
    Id: id,
    Name: name,
    Parameters: parameters,
    RefreshInterval: 0,
    Target: target,
  };
}

function source(
  key: string,
  entityName: string,
  entityType: string,
  id: string,
  services: ContentService[],
): ContentSource {
  return { DataName: key, EntityName: entityName, EntityType: entityType, Id: id, Services: services };
}
