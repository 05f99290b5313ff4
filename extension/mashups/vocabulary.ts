import type { BaseType } from '../../sidecar/contract/schema.ts';

/** Base types that only widgets have, beside those of properties and services. */
export type WidgetBaseType = BaseType | 'ANYSCALAR';

/** Whether a binding may write the property (in), read it (out), both, or neither. */
type Direction = 'none' | 'in' | 'out' | 'both';

export interface WidgetProperty {
  readonly baseType: WidgetBaseType;
  readonly direction: Direction;
  /** Written unless the definition gives another value; undefined: not written. */
  readonly initial?: unknown;
}

interface WidgetType {
  /** A function shows nothing and stands directly below the root. */
  readonly isFunction?: true;
  readonly properties: Readonly<Record<string, WidgetProperty>>;
  readonly events: readonly string[];
  readonly services: readonly string[];
}

function property(baseType: WidgetBaseType, direction: Direction, initial?: unknown): WidgetProperty {
  return initial === undefined ? { baseType, direction } : { baseType, direction, initial };
}
const fixed = (baseType: WidgetBaseType, initial?: unknown) => property(baseType, 'none', initial);
const input = (baseType: WidgetBaseType, initial?: unknown) => property(baseType, 'in', initial);
const output = (baseType: WidgetBaseType) => property(baseType, 'out');
const inAndOut = (baseType: WidgetBaseType, initial?: unknown) => property(baseType, 'both', initial);

const common = {
  Area: fixed('STRING', 'UI'),
  DisplayName: fixed('STRING'),
  Id: fixed('STRING'),
  LastContainer: fixed('BOOLEAN', false),
  Left: fixed('NUMBER', 0),
  Margin: fixed('STRING', '5'),
  ResponsiveLayout: fixed('BOOLEAN', false),
  ShowDataLoading: fixed('BOOLEAN', true),
  Top: fixed('NUMBER', 0),
  Type: fixed('STRING'),
  Visible: input('BOOLEAN', true),
  'Z-index': fixed('NUMBER', 10),
  __TypeDisplayName: fixed('STRING'),
};
const widget = {
  ...common,
  CustomClass: input('STRING'),
  TooltipField: input('STRING'),
  UseTheme: fixed('BOOLEAN', true),
};
const typing = {
  Disabled: input('BOOLEAN', false),
  HintText: input('STRING'),
  Label: input('STRING', ''),
  LabelAlignment: fixed('STRING', 'left'),
  ReadOnly: fixed('BOOLEAN', false),
  TabSequence: fixed('NUMBER', 0),
  Text: inAndOut('STRING'),
  TextAlignment: fixed('STRING', 'left'),
  Width: fixed('NUMBER', 273),
};
/** A function that expressions and navigation give parameters of their own. */
const parameterised = { ...common, _currentParameterDefs: fixed('JSON') };

/**
 * The widgets and functions that our mashups use: names, base types and defaults of properties, events and services, as exports of
 * ThingWorx 9.3 to 10.2 and the types of the widgets have them. docs/decisions/075 tells why only these.
 */
export const WIDGETS = {
  flexcontainer: {
    properties: {
      ...widget,
      CollapseTabIcon: fixed('STRING', ''),
      EnableContainerUnload: fixed('BOOLEAN', false),
      EnableExpandCollapse: fixed('BOOLEAN', false),
      ExpandCollapseTabLocation: fixed('STRING', 'inside'),
      ExpandTabIcon: fixed('STRING', ''),
      Expanded: input('BOOLEAN', true),
      HorizontalScrolling: fixed('STRING', 'no-scroll'),
      LazyLoading: fixed('BOOLEAN', false),
      Margin: fixed('STRING', ''),
      Overlay: fixed('BOOLEAN', false),
      ResponsiveLayout: fixed('BOOLEAN', true),
      Scrolling: fixed('STRING', 'no-scroll'),
      ShowExpandCollapseTab: fixed('BOOLEAN', false),
      SourceURL: fixed('STRING', ''),
      Style: fixed('STRING', 'DefaultContainerStyle'),
      StyleProperties: fixed('JSON', {}),
      'align-content': fixed('STRING', 'flex-start'),
      'align-items': fixed('STRING', 'flex-start'),
      'flex-basis': fixed('STRING', 'auto'),
      'flex-direction': fixed('STRING', 'row'),
      'flex-grow': fixed('NUMBER', 1),
      'flex-max-height': fixed('STRING', ''),
      'flex-max-width': fixed('STRING', ''),
      'flex-min-height': fixed('STRING', ''),
      'flex-min-width': fixed('STRING', ''),
      'flex-shrink': fixed('NUMBER', 1),
      'flex-size': fixed('STRING', 'default'),
      'flex-wrap': fixed('STRING', 'nowrap'),
      'justify-content': fixed('STRING', 'flex-start'),
      positioning: fixed('STRING', 'responsive'),
      userCannotRemove: fixed('BOOLEAN', false),
    },
    events: [],
    services: ['Expand', 'Collapse', 'ToggleExpandCollapse'],
  },
  ptcslabel: {
    properties: {
      ...widget,
      DisclosureControl: fixed('STRING', 'show-more'),
      HorizontalAlignment: fixed('STRING', 'left'),
      LabelText: input('STRING', ''),
      LabelType: fixed('STRING', 'label'),
      MultiLine: fixed('BOOLEAN', true),
      PreserveWhiteSpace: fixed('BOOLEAN', false),
      VerticalAlignment: fixed('STRING', 'flex-start'),
      overflowShowLessTxt: fixed('STRING', '[[showLess]]'),
      overflowShowMoreTxt: fixed('STRING', '[[showMore]]'),
    },
    events: [],
    services: [],
  },
  ptcsbutton: {
    properties: {
      ...widget,
      ButtonType: fixed('STRING', 'primary'),
      ContextID: fixed('STRING', ''),
      Disabled: input('BOOLEAN', false),
      Label: input('STRING'),
      LabelAlignment: fixed('STRING', 'center'),
      MultiLine: fixed('BOOLEAN', false),
      TabSequence: fixed('NUMBER', 0),
    },
    events: ['Clicked'],
    services: ['TriggerClick'],
  },
  ptcstextfield: {
    properties: {
      ...widget,
      ...typing,
      MaxNumberOfCharacters: fixed('NUMBER', 1000),
      Password: fixed('BOOLEAN', false),
      ShowClearText: fixed('BOOLEAN', true),
    },
    events: ['Changed', 'EnterKeyPressed', 'FocusLost'],
    services: ['ResetToDefaultValue'],
  },
  ptcstextarea: {
    properties: {
      ...widget,
      ...typing,
      FillContainer: fixed('BOOLEAN', true),
      Height: fixed('NUMBER'),
      MaxNumberOfCharacters: fixed('NUMBER', 1_000_000),
      ResponsiveLayout: fixed('BOOLEAN', true),
    },
    events: ['Changed', 'TextChanged'],
    services: ['ResetToDefaultValue'],
  },
  ptcsdropdown: {
    properties: {
      ...widget,
      Alignment: fixed('STRING', 'left'),
      AutoSelectFirstRow: fixed('BOOLEAN', false),
      ClearSelectionItem: fixed('BOOLEAN', false),
      ClearSelectionLabel: fixed('STRING', '[[None]]'),
      Data: input('INFOTABLE'),
      Disabled: input('BOOLEAN', false),
      DisplayField: fixed('STRING'),
      HintText: input('STRING', '[[Select]]'),
      ItemMeta: fixed('JSON', { type: 'text' }),
      Label: input('STRING', ''),
      LabelAlignment: fixed('STRING', 'left'),
      ListFormat_StateParameters: fixed('JSON', []),
      MultiSelect: fixed('BOOLEAN', false),
      RowHeight: fixed('NUMBER', 34),
      SelectedItems: output('INFOTABLE'),
      SelectedText: inAndOut('STRING'),
      ShowListFilter: fixed('BOOLEAN', false),
      TabSequence: fixed('NUMBER', 0),
      ValueField: fixed('STRING'),
      Width: fixed('NUMBER', 273),
    },
    events: ['SelectedItemsChanged', 'SelectedTextChanged'],
    services: ['ResetToDefaultValue'],
  },
  ptcscheckbox: {
    properties: {
      ...widget,
      Disabled: input('BOOLEAN', false),
      Label: input('STRING', ''),
      PartialState: fixed('BOOLEAN', false),
      State: inAndOut('BOOLEAN', false),
      TabSequence: fixed('NUMBER', 0),
    },
    events: ['Changed'],
    services: ['ResetToDefaultValue'],
  },
  ptcslink: {
    properties: {
      ...widget,
      Alignment: fixed('STRING', 'left'),
      Disabled: input('BOOLEAN', false),
      LinkType: fixed('STRING', 'primary'),
      LinkURL: input('STRING'),
      SingleLine: fixed('BOOLEAN', false),
      TabSequence: fixed('NUMBER', 0),
      TargetWindow: fixed('STRING', '_blank'),
      Text: input('STRING', ''),
      VerticalAlignment: fixed('STRING', 'flex-start'),
    },
    events: [],
    services: ['Navigate'],
  },
  ptcsimage: {
    properties: {
      ...widget,
      AlternateText: input('STRING', ''),
      FillContainer: fixed('BOOLEAN', true),
      Position: fixed('STRING', 'top'),
      PreventCaching: fixed('BOOLEAN', false),
      RawURL: fixed('BOOLEAN', false),
      ResponsiveLayout: fixed('BOOLEAN', true),
      Scaling: fixed('STRING', 'fit-y'),
      SourceURL: input('IMAGELINK'),
    },
    events: [],
    services: [],
  },
  ptcstabset: {
    properties: {
      ...widget,
      DefaultTabNumber: fixed('NUMBER', 1),
      Disabled: input('BOOLEAN', false),
      FillContainer: fixed('BOOLEAN', true),
      Height: fixed('NUMBER', 170),
      Items: fixed('JSON'),
      NumberOfTabs: fixed('NUMBER'),
      ResponsiveLayout: fixed('BOOLEAN', true),
      SelectedTabValue: output('STRING'),
      SwitchTabOnFocus: fixed('BOOLEAN', false),
      TabNameHeight: fixed('NUMBER', 34),
      TabSequence: fixed('NUMBER', 0),
      Width: fixed('NUMBER', 400),
      ...Object.assign(
        {},
        ...Array.from({ length: 16 }, (_, index) => ({
          [`Tab${index + 1}Disabled`]: fixed('BOOLEAN', false),
          [`Tab${index + 1}Name`]: fixed('STRING', '[[TabName]]'),
          [`Tab${index + 1}Value`]: fixed('STRING', `TabValue${index + 1}`),
          [`Tab${index + 1}Visible`]: fixed('BOOLEAN', true),
        })),
      ),
    },
    events: ['TabSelected'],
    services: [],
  },
  ptcsgrid: {
    properties: {
      ...widget,
      CacheRuntimeChanges: fixed('BOOLEAN', true),
      ColumnFormat: fixed('JSON'),
      ColumnsMenuOptions: fixed('STRING', 'none'),
      Data: input('INFOTABLE'),
      DefaultSelectedRows: fixed('STRING', ''),
      DisableLegacyValidation: fixed('BOOLEAN', true),
      EditLevel: fixed('STRING', 'cell'),
      FillContainer: fixed('BOOLEAN', true),
      Height: fixed('NUMBER', 368),
      HideHeaderRow: fixed('BOOLEAN', false),
      IDFieldName: fixed('STRING'),
      IsEditable: fixed('BOOLEAN', false),
      Label: input('STRING'),
      LabelAlignment: fixed('STRING', 'left'),
      LabelType: fixed('STRING', 'sub-header'),
      MinRowHeight: fixed('NUMBER', 30),
      NoDataToDisplayText: input('STRING', '[[noDataToDisplay]]'),
      ReorderColumns: fixed('BOOLEAN', false),
      ResizeColumns: fixed('BOOLEAN', true),
      ResponsiveLayout: fixed('BOOLEAN', true),
      RowFormat_StateParameters: fixed('JSON', []),
      RowSelection: fixed('STRING', 'none'),
      SelectedRowsChangedCallback: fixed('BOOLEAN', true),
      ShowFilter: fixed('BOOLEAN', false),
      ShowRowNumbers: fixed('BOOLEAN', false),
      SingleLineHeader: fixed('BOOLEAN', true),
      SingleLineRows: fixed('BOOLEAN', false),
      TabSequence: fixed('NUMBER', 0),
      Width: fixed('NUMBER', 464),
    },
    events: ['RowClicked'],
    services: [],
  },
  ptcschartline: {
    properties: {
      ...widget,
      ChartType: fixed('STRING', 'linechart'),
      CurveFitting: fixed('STRING', 'linear'),
      Data: input('INFOTABLE'),
      ...Object.assign(
        {},
        ...Array.from({ length: 4 }, (_, index) => ({
          [`DataField${index + 1}`]: fixed('STRING'),
          [`DataLabel${index + 1}`]: fixed('STRING', ''),
        })),
      ),
      Disabled: fixed('BOOLEAN', false),
      Height: fixed('NUMBER', 476),
      HideLegend: fixed('BOOLEAN', false),
      HideLines: fixed('BOOLEAN', false),
      HideMarkers: fixed('BOOLEAN', true),
      HideNotes: fixed('BOOLEAN', true),
      HideValues: fixed('BOOLEAN', true),
      HorizontalAxisMaxHeight: fixed('NUMBER', 85),
      HorizontalZoom: fixed('BOOLEAN', false),
      Label: input('STRING', ''),
      LegendPosition: fixed('STRING', 'right'),
      MarkerSize: fixed('NUMBER', 8),
      MultipleDataSources: fixed('BOOLEAN', false),
      NumberOfReferenceLines: fixed('NUMBER', 0),
      NumberOfSeries: fixed('NUMBER'),
      ResponsiveLayout: fixed('BOOLEAN', true),
      SelectionMode: fixed('STRING', 'none'),
      SeriesStacking: fixed('STRING', 'none'),
      TabSequence: fixed('NUMBER', 0),
      UseSampleDataInRuntime: fixed('BOOLEAN', false),
      VerticalAxisMaxWidth: fixed('NUMBER', 85),
      VerticalZoom: fixed('BOOLEAN', false),
      Width: fixed('NUMBER', 471),
      XAxisField: fixed('STRING'),
      XAxisFormat: fixed('STRING', '0000.0'),
      XAxisLabel: input('STRING', ''),
      XAxisMaximumValues: fixed('STRING', ''),
      XAxisMinimumValues: fixed('STRING', 'auto'),
      XAxisType: fixed('STRING', 'label'),
      YAxisLabel: input('STRING', ''),
      YAxisType: fixed('STRING', 'number'),
    },
    events: [],
    services: [],
  },
  autorefreshfunction: {
    isFunction: true,
    properties: {
      ...common,
      AutoRefresh: input('BOOLEAN', true),
      RefreshInterval: input('NUMBER', 30),
    },
    events: ['Refresh'],
    services: ['ActivateWidgetRefresh'],
  },
  navigationfunction: {
    isFunction: true,
    properties: {
      ...parameterised,
      ClickOutsideToClose: fixed('BOOLEAN', false),
      CloseButton: fixed('BOOLEAN', true),
      IncludeLegacyHeightAdjustment: fixed('BOOLEAN', true),
      LegacyHeightAdjustmentEnabled: fixed('BOOLEAN', true),
      MashupParameters: fixed('JSON'),
      MissingMashupMessage: fixed('STRING', 'Mashup must be selected'),
      PopupHeight: fixed('NUMBER', 0),
      PopupScrollbar: fixed('STRING', 'auto'),
      PopupTitle: fixed('STRING', ''),
      PopupWidth: fixed('NUMBER', 0),
      RedirectTo: fixed('STRING', 'mashup'),
      ReloadOnReplace: fixed('BOOLEAN', false),
      TargetMashup: fixed('STRING'),
      TargetWindowType: fixed('STRING', 'replace'),
      URL: fixed('STRING', ''),
      URLTargetType: fixed('STRING', 'new'),
    },
    events: ['WindowClosed'],
    services: ['Navigate'],
  },
  ptcsconfirmation: {
    isFunction: true,
    properties: {
      ...widget,
      ActionButtonLabel: fixed('STRING'),
      ActionButtonPosition: fixed('STRING', 'right'),
      ActionButtonType: fixed('STRING', 'danger'),
      CancelButtonLabel: fixed('STRING', 'Cancel'),
      DialogHeight: fixed('STRING', '260'),
      DialogWidth: fixed('STRING', '600'),
      DisplayCloseButton: fixed('BOOLEAN', false),
      DisplaySecondaryAction: fixed('BOOLEAN', false),
      MessageText: input('STRING'),
      TitleText: input('STRING'),
    },
    events: ['ActionClick', 'CancelClick'],
    services: ['OpenConfirmation'],
  },
  statusmessage: {
    isFunction: true,
    properties: {
      ...common,
      Height: fixed('NUMBER', 28),
      Message: input('STRING'),
      MessageType: fixed('STRING', 'info'),
      Width: fixed('NUMBER', 200),
    },
    events: [],
    services: ['ShowMessage'],
  },
  expression2: {
    isFunction: true,
    properties: {
      ...parameterised,
      AutoEvaluate: fixed('BOOLEAN', true),
      DataChangeType: fixed('STRING', 'VALUE'),
      Expression: fixed('STRING'),
      FireOnFirstValue: fixed('BOOLEAN', true),
      Height: fixed('NUMBER', 28),
      Output: output('ANYSCALAR'),
      OutputBaseType: fixed('STRING'),
      Width: fixed('NUMBER', 200),
    },
    events: ['Changed'],
    services: ['Evaluate'],
  },
  eventsrouter: {
    isFunction: true,
    properties: {
      ...common,
      DataShape: fixed('STRING', ''),
      DataType: fixed('STRING', 'STRING'),
      ...Object.fromEntries(
        Array.from({ length: 16 }, (_, index) => [`Input${index + 1}`, input('STRING')] as const),
      ),
      NumberOfInputs: fixed('STRING'),
      Output: output('STRING'),
    },
    events: ['Changed'],
    services: [],
  },
} as const satisfies Readonly<Record<string, WidgetType>>;

export type WidgetTypeName = keyof typeof WIDGETS;

/** The same table for code that looks names up. */
export function widgetType(name: string): WidgetType | undefined {
  return Object.hasOwn(WIDGETS, name) ? WIDGETS[name as WidgetTypeName] : undefined;
}

/** Properties of the root, which is no widget. */
export const ROOT_PROPERTIES: Readonly<Record<string, unknown>> = {
  AddToDashboardButton: 'SimplePlus',
  AddToDashboardButtonStyle: 'DefaultAddToDashboardButtonStyle',
  Area: 'Mashup',
  BGImage: '',
  BGImageRepeat: 'no-repeat',
  BGImageSize: 'auto',
  Columns: 0,
  ConfigureGadgetButton: 'SimpleGear',
  ConfigureGadgetButtonStyle: 'DefaultConfigureGadgetButtonStyle',
  DisplayName: 'Mashup',
  EnableParameterEditing: false,
  Height: 618,
  Id: 'mashup-root',
  IgnoreWarningsInViewMashup: false,
  IsPrintLayout: false,
  Left: 0,
  Margin: '5',
  MashupToEditGadget: 'DefaultMashupToEditGadget',
  MinHeight: 0,
  MinWidth: 0,
  ResponsiveLayout: true,
  Rows: 0,
  ShowDataLoading: true,
  Style: 'DefaultMashupStyle',
  StyleProperties: {},
  StyleTheme: 'PTC Convergence Theme',
  Title: '',
  TitleBar: false,
  TitleBarStyle: 'DefaultTitleBarStyle',
  TitleBarText: '',
  Top: 0,
  Type: 'mashup',
  UseMasterTheme: false,
  UseTheme: false,
  Visible: true,
  Width: 1024,
  'Z-index': 10,
  __TypeDisplayName: 'Mashup',
  _currentParameterDefs: [],
  id_index: 0,
  supportsAutoResize: true,
};

/** Base types that differ and are converted on the way, as exports have them: source to targets. */
const CONVERSIONS: Readonly<Record<string, readonly string[]>> = {
  STRING: ['NUMBER', 'INTEGER', 'THINGNAME'],
  THINGNAME: ['STRING'],
  NUMBER: ['STRING', 'INTEGER'],
  INTEGER: ['STRING', 'NUMBER'],
  DATETIME: ['STRING'],
};

export function isConverted(source: string, target: string): boolean {
  return source === target || target === 'ANYSCALAR' || (CONVERSIONS[source]?.includes(target) ?? false);
}
