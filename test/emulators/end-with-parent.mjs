/**
 * Loaded before a child's program: ends the child when its parent has died without stopping it, which closes the pipe to its standard input.
 * It is no TypeScript: to read that, Node loads a parser, which takes 18 MB of each child, also of a sidecar whose memory is measured.
 */
import { isMainThread } from 'node:worker_threads';

// Worker threads load what --import names as well, and their standard input ends at once.
if (isMainThread) {
  const end = () => process.exit(0);
  process.stdin.on('error', end).on('end', end).resume();
  process.stdin.unref();
}
