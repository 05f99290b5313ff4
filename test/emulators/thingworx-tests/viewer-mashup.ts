/** A widget or function of a test mashup; `Id` and `DisplayName` are its name. */
export interface TestWidget {
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly Widgets: readonly TestWidget[];
}

export function widget(
  type: string,
  name: string,
  properties: Readonly<Record<string, unknown>> = {},
  children: readonly TestWidget[] = [],
): TestWidget {
  return {
    Properties: { Id: name, Type: type, Area: 'UI', DisplayName: name, ...properties },
    Widgets: children,
  };
}

/** A column of a grid. */
export function columnOf(field: string, renderer = 'STRING'): unknown {
  return { FieldName: field, Title: field, Width: 'auto', hidden: false, FormatOptions: { renderer } };
}

const SOURCE = 'Things_Bakery';

/** One side of a binding: `Service` (all of its rows), `Service.field`, `Service.selected`, `Service.selected.field`, `@parameter`, or `widget#Property`. */
function source(text: string): Record<string, string> {
  if (text.startsWith('@'))
    return {
      SourceArea: 'Mashup',
      SourceSection: '',
      SourceId: 'mashup-root',
      SourceDetails: '',
      property: text.slice(1),
    };
  const [widgetId = '', property] = text.split('#');
  if (property !== undefined)
    return { SourceArea: 'UI', SourceSection: '', SourceId: widgetId, SourceDetails: '', property };
  const [service = '', ...path] = text.split('.');
  const isSelected = path[0] === 'selected';
  return {
    SourceArea: 'Data',
    SourceSection: SOURCE,
    SourceId: service,
    SourceDetails: isSelected ? 'SelectedRows' : 'AllData',
    property: path[isSelected ? 1 : 0] ?? '',
  };
}

export interface TestMashup {
  readonly widgets: readonly TestWidget[];
  readonly functions?: readonly TestWidget[];
  /** The services of the Thing Bakery that it calls, with constant inputs. */
  readonly calls?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** [from, to]: to is `widget#Property` or `Service>input`. */
  readonly bindings?: readonly (readonly [from: string, to: string])[];
  /** [trigger, handler]: `loaded`, `widget!Event` or `Service!Event`; handler is `Service` or `widget#Service`. */
  readonly events?: readonly (readonly [trigger: string, handler: string])[];
}

/** The content of a mashup in the form of real exports, written short. */
export function testContent({
  widgets,
  functions = [],
  calls = {},
  bindings = [],
  events = [],
}: TestMashup): unknown {
  const isCall = (name: string) => Object.hasOwn(calls, name);
  return {
    UI: {
      Properties: { Id: 'mashup-root', Type: 'mashup', Area: 'Mashup' },
      Widgets: [widget('flexcontainer', 'top', { 'flex-direction': 'column' }, widgets), ...functions],
    },
    Data: {
      [SOURCE]: {
        DataName: SOURCE,
        EntityName: 'Bakery',
        EntityType: 'Things',
        Services: Object.entries(calls).map(([Name, Parameters]) => ({ Name, Target: Name, Parameters })),
      },
    },
    DataBindings: bindings.map(([from, to], index) => {
      const { property, ...sourceEnd } = source(from);
      const [call, input] = to.split('>');
      const [id, target] = to.split('#');
      return {
        Id: `binding-${index + 1}`,
        ...sourceEnd,
        ...(input === undefined
          ? { TargetArea: 'UI', TargetSection: '', TargetId: id }
          : { TargetArea: 'Data', TargetSection: SOURCE, TargetId: call }),
        PropertyMaps: [{ SourceProperty: property, TargetProperty: input ?? target }],
      };
    }),
    Events: events.map(([trigger, handler], index) => {
      const [from = '', event = 'Loaded'] = trigger.split('!');
      const [to = '', service] = handler.split('#');
      const area = trigger === 'loaded' ? 'Mashup' : isCall(from) ? 'Data' : 'UI';
      return {
        Id: `event-${index + 1}`,
        EventTriggerArea: area,
        EventTriggerSection: area === 'Data' ? SOURCE : '',
        EventTriggerId: area === 'Mashup' ? 'mashup-root' : from,
        EventTriggerEvent: event,
        EventHandlerArea: service === undefined ? 'Data' : 'UI',
        EventHandlerId: service === undefined ? SOURCE : to,
        EventHandlerService: service ?? to,
      };
    }),
    mashupType: 'mashup',
  };
}
