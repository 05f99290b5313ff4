import { chart } from './chart.ts';
import { element, text } from './element.ts';
import { grid } from './grid.ts';
import type { Table } from './rest.ts';
import type { Host, Node, Part } from './runtime.ts';

type Properties = Record<string, unknown>;

/** A widget that is shown; undefined for functions and for types that this viewer does not know. */
export function createWidget(node: Node, host: Host): Part | undefined {
  const properties: Properties = { ...node.Properties };
  const make = MAKERS[String(properties['Type'])];
  if (!make) return undefined;
  const made = make(String(properties['Id']), properties, host, node);
  const { element: shown } = made;
  shown.dataset['widget'] = text(properties['DisplayName']);
  shown.hidden = properties['Visible'] === false;
  shown.title = text(properties['TooltipField']);
  return {
    element: shown,
    get: (property) => properties[property],
    set(property, value) {
      properties[property] = value;
      if (property === 'Visible') shown.hidden = value === false || value === undefined;
      else if (property === 'TooltipField') shown.title = text(value);
      else made.show?.(property, value);
    },
    call: (service) => made.services?.[service]?.(),
  };
}

export interface Made {
  readonly element: HTMLElement;
  /** Shows a property that a binding has set. */
  show?(property: string, value: unknown): void;
  readonly services?: Readonly<Record<string, () => void>>;
}

type Maker = (id: string, properties: Properties, host: Host, node: Node) => Made;

const MAKERS: Readonly<Record<string, Maker>> = {
  flexcontainer: container,
  ptcslabel: label,
  ptcsbutton: button,
  ptcstextfield: textField,
  ptcstextarea: textArea,
  ptcsdropdown: dropdown,
  ptcscheckbox: checkbox,
  ptcslink: link,
  ptcsimage: image,
  ptcstabset: tabset,
  ptcsgrid: grid,
  ptcschartline: chart,
};

function container(_id: string, properties: Properties, host: Host, node: Node): Made {
  const box = element('div', `flexcontainer${properties['Scrolling'] === 'auto-scroll' ? ' scrolling' : ''}`);
  for (const name of ['flex-direction', 'align-items', 'justify-content', 'flex-wrap', 'align-content'])
    box.style.setProperty(name, text(properties[name]));
  const isFixed = properties['flex-size'] === 'fixed';
  box.style.flex = isFixed
    ? `0 0 ${text(properties['flex-min-height'] || properties['flex-min-width'])}`
    : `${text(properties['flex-grow'])} ${text(properties['flex-shrink'])} ${Number(properties['flex-grow']) > 0 ? '0' : 'auto'}`;
  for (const child of node.Widgets) {
    const shown = host.child(child);
    if (shown) box.append(shown);
  }
  return { element: box };
}

function label(_id: string, properties: Properties): Made {
  const shown = element('div', `widget ptcslabel ${properties['LabelType']}`, text(properties['LabelText']));
  return {
    element: shown,
    show(property, value) {
      if (property === 'LabelText') shown.textContent = text(value);
    },
  };
}

function button(id: string, properties: Properties, host: Host): Made {
  const shown = element('button', `widget ${properties['ButtonType']}`, text(properties['Label']));
  shown.type = 'button';
  shown.disabled = properties['Disabled'] === true;
  shown.addEventListener('click', () => host.fire(id, 'Clicked'));
  return {
    element: shown,
    show(property, value) {
      if (property === 'Disabled') shown.disabled = value === true;
      if (property === 'Label') shown.textContent = text(value);
    },
    services: { TriggerClick: () => shown.click() },
  };
}

function textField(id: string, properties: Properties, host: Host): Made {
  const input = element('input');
  input.style.width = `${properties['Width']}px`;
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') host.fire(id, 'EnterKeyPressed');
  });
  return typed(id, properties, host, input, 'widget field');
}

function textArea(id: string, properties: Properties, host: Host): Made {
  return typed(id, properties, host, element('textarea'), 'widget field filling');
}

function typed(
  id: string,
  properties: Properties,
  host: Host,
  input: HTMLInputElement | HTMLTextAreaElement,
  className: string,
): Made {
  input.placeholder = text(properties['HintText']);
  input.readOnly = properties['ReadOnly'] === true;
  input.spellcheck = false;
  input.addEventListener('input', () => {
    properties['Text'] = input.value;
    host.changed(id, 'Text', input.value);
  });
  input.addEventListener('change', () => host.fire(id, 'Changed'));
  const write = (value: unknown) => {
    input.value = text(value);
    properties['Text'] = input.value;
    host.changed(id, 'Text', input.value);
  };
  return {
    element: element('label', className, text(properties['Label']), input),
    show(property, value) {
      if (property === 'Text') write(value);
      if (property === 'Disabled') input.disabled = value === true;
    },
    services: { ResetToDefaultValue: () => write('') },
  };
}

function dropdown(id: string, properties: Properties, host: Host): Made {
  const select = element('select');
  const choose = (value: string, notify: boolean) => {
    properties['SelectedText'] = value;
    host.changed(id, 'SelectedText', value);
    if (notify) host.fire(id, 'SelectedTextChanged');
  };
  select.addEventListener('change', () => choose(select.value, true));
  const fill = (table: Table | undefined) => {
    const rows = table?.rows ?? [];
    const options = rows.map((row) => {
      const option = element('option', '', text(row[String(properties['DisplayField'])]));
      option.value = text(row[String(properties['ValueField'])]);
      return option;
    });
    const before = text(properties['SelectedText']);
    const isKnown = options.some((option) => option.value === before);
    const first = properties['AutoSelectFirstRow'] === true ? options[0]?.value : undefined;
    select.replaceChildren(...(first === undefined || isKnown ? [element('option')] : []), ...options);
    select.value = isKnown ? before : (first ?? '');
    const isNew = select.value !== '' && select.dataset['told'] !== select.value;
    select.dataset['told'] = select.value;
    choose(select.value, isNew);
  };
  return {
    element: element('label', 'widget field', text(properties['Label']), select),
    show(property, value) {
      if (property === 'Data') fill(value as Table | undefined);
      if (property === 'Disabled') select.disabled = value === true;
      if (property === 'SelectedText') {
        select.value = text(value);
        if (select.value === text(value) && text(value) !== '') choose(select.value, true);
      }
    },
  };
}

function checkbox(id: string, properties: Properties, host: Host): Made {
  const input = element('input');
  input.type = 'checkbox';
  input.checked = properties['State'] === true;
  input.addEventListener('change', () => {
    properties['State'] = input.checked;
    host.changed(id, 'State', input.checked);
    host.fire(id, 'Changed');
  });
  return {
    element: element('label', 'widget check', input, text(properties['Label'])),
    show(property, value) {
      if (property === 'State') input.checked = value === true;
      if (property === 'Disabled') input.disabled = value === true;
    },
  };
}

function link(_id: string, properties: Properties): Made {
  const anchor = element('a', '', text(properties['Text']));
  anchor.target = text(properties['TargetWindow']);
  anchor.rel = 'noreferrer';
  return {
    element: element('div', 'widget', anchor),
    show(property, value) {
      if (property === 'Text') anchor.textContent = text(value);
      if (property === 'LinkURL') {
        if (text(value) === '') anchor.removeAttribute('href');
        else anchor.href = text(value);
      }
    },
    services: { Navigate: () => anchor.click() },
  };
}

function image(_id: string, properties: Properties): Made {
  const picture = element('img');
  picture.alt = text(properties['AlternateText']);
  return {
    element: element('div', 'widget filling', picture),
    show(property, value) {
      if (property !== 'SourceURL') return;
      if (text(value) === '') picture.removeAttribute('src');
      else picture.src = text(value);
    },
  };
}

function tabset(id: string, properties: Properties, host: Host, node: Node): Made {
  const list = element('div', 'tablist');
  list.setAttribute('role', 'tablist');
  const panels = node.Widgets.map((child) => {
    const panel = element('div', 'tabpanel');
    panel.setAttribute('role', 'tabpanel');
    const shown = host.child(child);
    if (shown) panel.append(shown);
    return panel;
  });
  const buttons = panels.map((_, index) => {
    const tab = element('button', '', text(properties[`Tab${index + 1}Name`]));
    tab.type = 'button';
    tab.setAttribute('role', 'tab');
    tab.addEventListener('click', () => {
      open(index);
      host.fire(id, 'TabSelected');
    });
    return tab;
  });
  const open = (wanted: number) => {
    for (const [index, tab] of buttons.entries()) tab.setAttribute('aria-selected', String(index === wanted));
    for (const [index, panel] of panels.entries()) panel.hidden = index !== wanted;
    properties['SelectedTabValue'] = properties[`Tab${wanted + 1}Value`];
    host.changed(id, 'SelectedTabValue', properties['SelectedTabValue']);
  };
  list.append(...buttons);
  open(Number(properties['DefaultTabNumber'] ?? 1) - 1);
  return { element: element('div', 'tabset', list, ...panels) };
}
