import type { BaseType } from '../../sidecar/contract/schema.ts';
import type { MashupName } from '../../sidecar/entities/model.ts';
import type { WidgetTypeName } from './vocabulary.ts';

/**
 * Where a value comes from: `Service` (its whole table), `Service.field` (of the first row), `Service.selected` (the rows that are
 * selected in its grid), `Service.selected.field`, `widget.Property`, or `mashup.Parameter`.
 */
export type Source = string;
/** What an event starts: `Service`, `widget.Service` or `mashup.Service`. */
export type Handler = string;

/** A widget or a function. */
export interface Widget {
  readonly type: WidgetTypeName;
  /** By which bindings and events know it. */
  readonly name?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  /** Property, or parameter, to the source of its value, or to several: the last one that changes counts. */
  readonly bind?: Readonly<Record<string, Source | readonly Source[]>>;
  /** Event to what it starts. */
  readonly on?: Readonly<Record<string, readonly Handler[]>>;
  readonly children?: readonly Widget[];
  /** The parameters of an expression, with their base types. */
  readonly parameters?: Readonly<Record<string, BaseType>>;
}

/** A service of AzureIoT.MashupServices that the mashup calls. */
export interface Call {
  /** The service, when the call has another name because one service is used twice. */
  readonly service?: string;
  /** Input to the source of its value. */
  readonly bind?: Readonly<Record<string, Source>>;
  /** Inputs that never change. */
  readonly constants?: Readonly<Record<string, string | number | boolean>>;
  /** What starts when it has ended. */
  readonly after?: readonly Handler[];
  /** What starts when other rows are selected in its grid. */
  readonly onSelection?: readonly Handler[];
}

export interface MashupParameter {
  readonly name: string;
  readonly baseType: BaseType;
  readonly description: string;
}

export interface MashupDefinition {
  readonly name: MashupName;
  readonly description: string;
  readonly parameters?: readonly MashupParameter[];
  /** By the name of the service, or by a name of their own. */
  readonly calls: Readonly<Record<string, Call>>;
  readonly layout: Widget;
  readonly functions?: readonly Widget[];
  /** What starts when the mashup is loaded. */
  readonly loaded: readonly Handler[];
}

/** A mashup as an entity of the extension. */
export interface Mashup extends MashupDefinition {
  readonly kind: 'Mashup';
}

/** A column of a grid. */
interface Column {
  readonly field: string;
  readonly title: string;
  readonly width?: number;
  readonly format?: 'text' | 'number' | 'time' | 'boolean';
}

type Extras = Pick<Widget, 'bind' | 'on' | 'properties'>;

/** Widgets one below the other. `grow` shares the height that is left. */
export function column(
  children: readonly Widget[],
  options: { grow?: boolean; scroll?: boolean } = {},
): Widget {
  return container('column', children, options);
}

/** Widgets one below the other in a column of a fixed width, in pixels. */
export function narrow(width: number, children: readonly Widget[]): Widget {
  const made = container('column', children, {});
  return {
    ...made,
    properties: {
      ...made.properties,
      'flex-size': 'fixed',
      'flex-min-width': `${width}px`,
      'flex-max-width': `${width}px`,
    },
  };
}

/** Widgets side by side. */
export function row(
  children: readonly Widget[],
  options: { grow?: boolean; height?: number; align?: string } = {},
): Widget {
  return container('row', children, options);
}

function container(
  direction: 'row' | 'column',
  children: readonly Widget[],
  {
    grow = false,
    scroll = false,
    height,
    align,
  }: { grow?: boolean; scroll?: boolean; height?: number; align?: string },
): Widget {
  return {
    type: 'flexcontainer',
    properties: {
      'flex-direction': direction,
      'flex-grow': grow ? 1 : 0,
      'flex-shrink': grow ? 1 : 0,
      'align-items':
        align ?? (direction === 'column' || grow || height !== undefined ? 'stretch' : 'flex-end'),
      'flex-wrap': direction === 'row' && !grow && height === undefined ? 'wrap' : 'nowrap',
      ...(scroll ? { Scrolling: 'auto-scroll' } : {}),
      ...(height === undefined
        ? {}
        : { 'flex-size': 'fixed', 'flex-min-height': `${height}px`, 'flex-max-height': `${height}px` }),
    },
    children,
  };
}

export function label(text: string, type = 'label', name?: string): Widget {
  return { type: 'ptcslabel', ...named(name), properties: { LabelText: text, LabelType: type } };
}

/** A text that comes from somewhere. */
export function shown(name: string, source: Source, type = 'body'): Widget {
  return {
    type: 'ptcslabel',
    name,
    properties: { LabelType: type, PreserveWhiteSpace: true },
    bind: { LabelText: source },
  };
}

/** What a figure is called, and the figure below it. */
export function figure(title: string, name: string, source: Source): Widget {
  return column([label(title, 'caption'), shown(name, source, 'sub-header')]);
}

export function button(
  name: string,
  text: string,
  clicked: readonly Handler[],
  type: 'primary' | 'secondary' | 'tertiary' | 'danger' = 'secondary',
  bind: Readonly<Record<string, Source>> = {},
): Widget {
  return {
    type: 'ptcsbutton',
    name,
    properties: { Label: text, ButtonType: type, ...(bind['Disabled'] ? { Disabled: true } : {}) },
    bind,
    on: { Clicked: clicked },
  };
}

export function field(
  name: string,
  title: string,
  { hint, width, bind, on }: { hint?: string; width?: number } & Extras = {},
): Widget {
  return {
    type: 'ptcstextfield',
    name,
    properties: {
      Label: title,
      ...(hint === undefined ? {} : { HintText: hint }),
      ...(width === undefined ? {} : { Width: width }),
    },
    ...(bind ? { bind } : {}),
    ...(on ? { on } : {}),
  };
}

/** Text of several lines. */
export function area(
  name: string,
  title: string,
  { hint, readOnly, bind, on, properties }: { hint?: string; readOnly?: true } & Extras = {},
): Widget {
  return {
    type: 'ptcstextarea',
    name,
    properties: {
      Label: title,
      ...(hint === undefined ? {} : { HintText: hint }),
      ...(readOnly ? { ReadOnly: true } : {}),
      ...properties,
    },
    ...(bind ? { bind } : {}),
    ...(on ? { on } : {}),
  };
}

/** A list to choose from; the value is the field `name` of its rows unless another is given. */
export function choice(
  name: string,
  title: string,
  data: Source,
  {
    value = 'name',
    text = value,
    first = false,
    clear = false,
    selected,
    on,
  }: {
    value?: string;
    text?: string;
    /** Whether the first row is chosen at the start. */
    first?: boolean;
    /** Whether nothing may be chosen. */
    clear?: boolean;
    selected?: Source;
    on?: readonly Handler[];
  } = {},
): Widget {
  return {
    type: 'ptcsdropdown',
    name,
    properties: {
      Label: title,
      DisplayField: text,
      ValueField: value,
      AutoSelectFirstRow: first,
      ClearSelectionItem: clear,
    },
    bind: { Data: data, ...(selected === undefined ? {} : { SelectedText: selected }) },
    ...(on ? { on: { SelectedTextChanged: on } } : {}),
  };
}

export function checkbox(name: string, text: string, state = false): Widget {
  return { type: 'ptcscheckbox', name, properties: { Label: text, State: state } };
}

export function grid(
  name: string,
  data: Source,
  idField: string,
  columns: readonly Column[],
  { select = 'single', title, on }: { select?: 'none' | 'single' | 'multiple'; title?: string } & Extras = {},
): Widget {
  return {
    type: 'ptcsgrid',
    name,
    properties: {
      IDFieldName: idField,
      RowSelection: select,
      ...(title === undefined ? {} : { Label: title }),
      ColumnFormat: { formatInfo: columns.map(columnFormat) },
    },
    bind: { Data: data },
    ...(on ? { on } : {}),
  };
}

const RENDERERS = {
  text: { renderer: 'STRING', FormatString: 'full' },
  number: { renderer: 'NUMBER', FormatString: '0,000' },
  time: { renderer: 'DATETIME', FormatString: 'dd-MM-yyyy HH:mm:ss' },
  boolean: { renderer: 'DEFAULT', FormatString: 'plain' },
} as const;

function columnFormat({ field: name, title, width, format = 'text' }: Column): unknown {
  const alignment = format === 'number' ? 'right' : 'left';
  return {
    FieldName: name,
    Title: title,
    Width: width === undefined ? 'auto' : `${width}px`,
    hidden: false,
    inLayout: true,
    sortable: true,
    editable: false,
    cellHorizontalAlignment: alignment,
    headerHorizontalAlignment: alignment,
    FormatOptions: {
      ...RENDERERS[format],
      RoundingEnabled: true,
      roundingEnabled: true,
      formatInfo: {
        FieldName: '',
        StateDefinition: '',
        StateDefinitionType: 'fixed',
        StateFormats: [{ state: '', stateName: 'fixed' }],
      },
    },
  };
}

/** Lines over the texts of `x`; each series is a field of the rows with its name for people. */
export function chart(
  name: string,
  title: string,
  data: Source,
  x: string,
  series: Readonly<Record<string, string>>,
): Widget {
  const fields = Object.entries(series);
  return {
    type: 'ptcschartline',
    name,
    properties: {
      Label: title,
      XAxisField: x,
      NumberOfSeries: fields.length,
      HideLegend: fields.length === 1,
      ...Object.assign(
        {},
        ...fields.map(([key, text], index) => ({
          [`DataField${index + 1}`]: key,
          [`DataLabel${index + 1}`]: text,
        })),
      ),
    },
    bind: { Data: data },
  };
}

export function tabs(name: string, pages: Readonly<Record<string, Widget>>): Widget {
  const titles = Object.keys(pages);
  return {
    type: 'ptcstabset',
    name,
    properties: {
      NumberOfTabs: titles.length,
      Items: titles.map((title, index) => ({
        name: title,
        value: `TabValue${index + 1}`,
        visible: true,
        disabled: false,
        iconType: null,
      })),
      ...Object.assign({}, ...titles.map((title, index) => ({ [`Tab${index + 1}Name`]: title }))),
    },
    children: Object.values(pages),
  };
}

/** Starts something again and again. */
export function timer(name: string, seconds: number, refresh: readonly Handler[], active?: Source): Widget {
  return {
    type: 'autorefreshfunction',
    name,
    properties: { RefreshInterval: seconds },
    ...(active === undefined ? {} : { bind: { AutoRefresh: active } }),
    on: { Refresh: refresh },
  };
}

/** Asks before something is deleted; OpenConfirmation opens it. */
export function confirmation(
  name: string,
  {
    title,
    message,
    action,
    confirmed,
  }: { title: string; message: string | { source: Source }; action: string; confirmed: readonly Handler[] },
): Widget {
  const fixed = typeof message === 'string' ? { MessageText: message } : {};
  return {
    type: 'ptcsconfirmation',
    name,
    properties: { TitleText: title, ActionButtonLabel: action, ...fixed },
    ...(typeof message === 'string' ? {} : { bind: { MessageText: message.source } }),
    on: { ActionClick: confirmed },
  };
}

/** A value made of others; the expression assigns it to `output`. On demand: only when Evaluate is called, and Changed follows each time. */
export function expression(
  name: string,
  baseType: 'STRING' | 'BOOLEAN' | 'NUMBER',
  inputs: Readonly<Record<string, readonly [Source, BaseType]>>,
  text: string,
  { changed, onDemand = false }: { changed?: readonly Handler[]; onDemand?: boolean } = {},
): Widget {
  return {
    type: 'expression2',
    name,
    properties: {
      Expression: text,
      OutputBaseType: baseType,
      ...(onDemand ? { AutoEvaluate: false, FireOnFirstValue: false, DataChangeType: 'ALWAYS' } : {}),
    },
    parameters: Object.fromEntries(Object.entries(inputs).map(([key, [, type]]) => [key, type])),
    bind: Object.fromEntries(Object.entries(inputs).map(([key, [source]]) => [key, source])),
    ...(changed ? { on: { Changed: changed } } : {}),
  };
}

/** Opens another mashup; `bind` gives its parameters. */
export function navigation(
  name: string,
  target: MashupDefinition['name'],
  bind: Readonly<Record<string, Source>> = {},
): Widget {
  return { type: 'navigationfunction', name, properties: { TargetMashup: target }, bind };
}

/** The last of several texts, wherever it came from. */
export function lastOf(name: string, sources: readonly Source[], changed?: readonly Handler[]): Widget {
  return {
    type: 'eventsrouter',
    name,
    properties: { NumberOfInputs: String(sources.length) },
    bind: Object.fromEntries(sources.map((source, index) => [`Input${index + 1}`, source])),
    ...(changed ? { on: { Changed: changed } } : {}),
  };
}

function named(name: string | undefined): { name?: string } {
  return name === undefined ? {} : { name };
}
