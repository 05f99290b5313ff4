import { element, text } from './element.ts';
import type { Host, Node, Part } from './runtime.ts';

type Properties = Record<string, unknown>;

/** A part that shows nothing where it stands. */
export function createFunction(node: Node, host: Host): Part {
  const properties: Properties = { ...node.Properties };
  const id = String(properties['Id']);
  switch (properties['Type']) {
    case 'autorefreshfunction':
      return timer(id, properties, host);
    case 'navigationfunction':
      return navigation(properties, host);
    case 'ptcsconfirmation':
      return confirmation(id, properties, host);
    case 'statusmessage':
      return plain(properties, {
        ShowMessage: () =>
          host.notice(text(properties['Message']), properties['MessageType'] as 'info' | 'warning' | 'error'),
      });
    case 'expression2':
      return expression(id, properties, host);
    case 'eventsrouter':
      return router(id, properties, host);
    default:
      return {
        ...plain(properties, {}),
        element: element(
          'div',
          'widget',
          `This viewer does not show widgets of the type ${properties['Type']}.`,
        ),
      };
  }
}

function plain(properties: Properties, services: Readonly<Record<string, () => void>>): Part {
  return {
    get: (property) => properties[property],
    set: (property, value) => {
      properties[property] = value;
    },
    call: (service) => services[service]?.(),
  };
}

function timer(id: string, properties: Properties, host: Host): Part {
  const refresh = () => {
    if (properties['AutoRefresh'] === true) host.fire(id, 'Refresh');
  };
  const interval = setInterval(refresh, Number(properties['RefreshInterval']) * 1000);
  return { ...plain(properties, { ActivateWidgetRefresh: refresh }), stop: () => clearInterval(interval) };
}

function navigation(properties: Properties, host: Host): Part {
  return plain(properties, {
    Navigate: () => {
      const declared = (properties['MashupParameters'] ?? []) as readonly { ParameterName: string }[];
      const given = declared.map(({ ParameterName }) => [ParameterName, properties[ParameterName]] as const);
      host.navigate(
        String(properties['TargetMashup']),
        Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== '')),
      );
    },
  });
}

function confirmation(id: string, properties: Properties, host: Host): Part {
  const open = () => {
    const dialog = element('dialog');
    const close = (event: string) => {
      dialog.close();
      dialog.remove();
      host.fire(id, event);
    };
    const cancel = element('button', 'secondary', text(properties['CancelButtonLabel']));
    const action = element(
      'button',
      text(properties['ActionButtonType']),
      text(properties['ActionButtonLabel']),
    );
    cancel.addEventListener('click', () => close('CancelClick'));
    action.addEventListener('click', () => close('ActionClick'));
    dialog.addEventListener('cancel', () => close('CancelClick'));
    dialog.setAttribute('aria-label', text(properties['TitleText']));
    dialog.append(
      element('strong', '', text(properties['TitleText'])),
      element('p', '', text(properties['MessageText'])),
      element('div', 'buttons', cancel, action),
    );
    document.body.append(dialog);
    dialog.showModal();
  };
  return plain(properties, { OpenConfirmation: open });
}

function expression(id: string, properties: Properties, host: Host): Part {
  const names = ((properties['_currentParameterDefs'] ?? []) as readonly { ParameterName: string }[]).map(
    ({ ParameterName }) => ParameterName,
  );
  const run = new Function(...names, `var output;\n${properties['Expression']}\nreturn output;`);
  let isFirst = true;
  const evaluate = () => {
    const value: unknown = run(...names.map((name) => properties[name]));
    const isChanged = value !== properties['Output'] || properties['DataChangeType'] === 'ALWAYS';
    properties['Output'] = value;
    if (!isChanged) return;
    host.changed(id, 'Output', value);
    if (!isFirst || properties['FireOnFirstValue'] === true || properties['DataChangeType'] === 'ALWAYS')
      host.fire(id, 'Changed');
    isFirst = false;
  };
  return {
    get: (property) => properties[property],
    set(property, value) {
      properties[property] = value;
      if (properties['AutoEvaluate'] === true) evaluate();
    },
    call(service) {
      if (service === 'Evaluate') evaluate();
    },
  };
}

function router(id: string, properties: Properties, host: Host): Part {
  return {
    get: (property) => properties[property],
    set(property, value) {
      properties[property] = value;
      properties['Output'] = value;
      host.changed(id, 'Output', value);
      host.fire(id, 'Changed');
    },
    call: () => undefined,
  };
}
