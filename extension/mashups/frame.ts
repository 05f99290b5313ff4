import {
  button,
  type Call,
  choice,
  column,
  type Handler,
  label,
  lastOf,
  type MashupParameter,
  navigation,
  row,
  type Source,
  shown,
  type Widget,
} from './definition.ts';

/** The parameter of every mashup that is about a hub. */
export const hubParameter: MashupParameter = {
  name: 'hub',
  baseType: 'STRING',
  description: 'The hub Thing to show; empty: the first.',
};

/** Lists the hub Things for `hubChoice`. */
export const listHubs: Call = { service: 'ListThings', constants: { kind: 'hub' } };

/** The hub that is chosen, for the calls about it. */
export const hubOf = { thing: 'hub.SelectedText' };

/** The choice of the hub, fed by the call ListHubs. */
export function hubChoice(changed: readonly Handler[]): Widget {
  return choice('hub', 'Hub', 'ListHubs', { first: true, selected: 'mashup.hub', on: changed });
}

/** The whole page: the way home, its title, what it is about, what the user may not do, the last message, and the content. */
export function frame(title: string, tools: readonly Widget[], content: readonly Widget[]): Widget {
  return column(
    [
      row([
        button('home', 'Home', ['goHome.Navigate'], 'tertiary'),
        label(title, 'header'),
        ...tools,
        shown('rights', 'GetRefusals.note', 'caption'),
      ]),
      shown('message', 'lastMessage.Output'),
      ...content,
    ],
    { grow: true },
  );
}

/** A page of tabs: its tools side by side, and its content below them. */
export function page(tools: readonly Widget[], ...content: readonly Widget[]): Widget {
  return column([row(tools), ...content], { grow: true });
}

/** The functions that `frame` needs: `messages` are the summaries of the actions of the page. */
export function frameFunctions(
  messages: readonly Source[],
  bind: Readonly<Record<string, Source>> = { hub: 'hub.SelectedText' },
): Widget[] {
  return [navigation('goHome', 'AzureIoT.Home_MU', bind), lastOf('lastMessage', messages)];
}
