import { Component, type ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface EntryProps<Item> {
  readonly item: Item;
  readonly draw: (item: Item) => ComponentChildren;
}

/**
 * An entry of a list that grows by the second: it is drawn when it comes, and again only for another item. If each event drew all entries
 * again, a slow browser could not follow, and would not react to its user.
 */
export class Entry<Item> extends Component<EntryProps<Item>> {
  override shouldComponentUpdate({ item }: EntryProps<Item>): boolean {
    return item !== this.props.item;
  }

  override render({ item, draw }: EntryProps<Item>) {
    return <li>{draw(item)}</li>;
  }
}

/** Details whose content is drawn when they are opened for the first time. */
export function Details({
  summary,
  content,
}: {
  readonly summary: ComponentChildren;
  readonly content: () => ComponentChildren;
}) {
  const [isDrawn, setIsDrawn] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setIsDrawn((was) => was || currentTarget.open)}>
      <summary>{summary}</summary>
      {isDrawn && content()}
    </details>
  );
}
