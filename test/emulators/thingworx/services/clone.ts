import type { ShapedEntity } from '../model/entity.ts';
import { copyTable } from '../runtime/copy.ts';

/** A copy of a Thing, template or shape under a new name. A copied Thing is disabled like a created one. */
export function cloneEntity<E extends ShapedEntity>(
  original: E,
  name: string,
  description: string,
  tags: string,
): E {
  const { tables, ...plain } = original;
  const copy = {
    ...structuredClone(plain),
    name,
    description: description || original.description,
    tags: tags || original.tags,
    lastModified: new Date(),
    extension: '',
    isSystemObject: false,
    tables: new Map([...tables].map(([key, table]) => [key, { ...table, table: copyTable(table.table) }])),
  } as unknown as E;
  if (copy.collection === 'Things') {
    copy.enabled = false;
    copy.identifier = '';
  }
  return copy;
}
