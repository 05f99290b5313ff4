/** How a child process is started so that it ends when, and only when, its parent wants it. */
import type { SpawnOptions } from 'node:child_process';

/** Arguments for Node, before those of the program. */
export const endWithParent = ['--import', new URL('./end-with-parent.mjs', import.meta.url).href] as const;

/**
 * A Ctrl-C in a terminal reaches every process of the group in the foreground. A child in a group of its own goes on until its parent, which
 * may still need it to end in order, stops it.
 */
export const ownGroup = {
  stdio: ['pipe', 'pipe', 'pipe'],
  // On Windows this would open a window instead.
  detached: process.platform !== 'win32',
} as const satisfies SpawnOptions;
