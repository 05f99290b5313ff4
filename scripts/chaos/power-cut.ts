import { copyFileSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import type { Random } from './random.ts';

/**
 * A change of a file, in the order in which they happened. A new name, a rename and a removal last when their directory is flushed; written bytes
 * last when their file is.
 */
export interface DiskChange {
  readonly kind: 'create' | 'write' | 'flush' | 'rename' | 'remove';
  readonly file: string;
  /** Of a rename. */
  readonly from?: string;
  /** Where the content of the file is kept that a rename replaced or a removal removed. */
  readonly before?: string;
  /** Of a write: how much of the file was there before it. */
  readonly size?: number;
}

/**
 * Does to the files of a process that was killed what a power cut does: names that no flush of their directory confirmed are lost from a random
 * one on, and bytes that no flush of their file confirmed are lost. The journal is empty afterwards. Gives how many changes were lost.
 */
export function cutPower(journal: string, random: Random): number {
  const names: DiskChange[] = [];
  /** How much of each file lasts that was written since its last flush. */
  const unflushed = new Map<string, number>();
  for (const change of changesIn(journal)) {
    const { kind, file } = change;
    if (kind === 'flush') {
      unflushed.delete(file);
      const lasting = names.filter((name) => path.dirname(name.file) === file);
      for (const name of lasting) names.splice(names.indexOf(name), 1);
      continue;
    }
    if (kind !== 'write') names.push(change);
    if (kind === 'write') unflushed.set(file, Math.min(unflushed.get(file) ?? Infinity, change.size ?? 0));
    else if (kind === 'create') unflushed.set(file, 0);
    else if (kind === 'rename' && change.from !== undefined) {
      const size = unflushed.get(change.from);
      unflushed.delete(change.from);
      if (size === undefined) unflushed.delete(file);
      else unflushed.set(file, size);
    } else unflushed.delete(file);
  }
  const lost = names.slice(Math.floor(random.between(0, names.length + 1)));
  for (const [file, size] of unflushed) if (sizeOf(file) > size) truncateSync(file, size);
  for (const { file, before } of lost.reverse()) {
    if (before === undefined) rmSync(file, { force: true });
    else copyFileSync(before, file);
  }
  rmSync(journal, { force: true });
  return lost.length + unflushed.size;
}

function changesIn(journal: string): DiskChange[] {
  let text: string;
  try {
    text = readFileSync(journal, 'utf8');
  } catch {
    // Nothing was changed.
    return [];
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as DiskChange);
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
