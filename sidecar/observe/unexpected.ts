import type { Log } from './log.ts';

/**
 * Ends the process with code 1 and one line in the log when an error comes out that nobody caught: whoever runs the sidecar starts it
 * again, and it goes on from its checkpoints. Node's own report would show what Azure's errors carry, which is requests with their keys.
 */
export function endOnUnexpected(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'An unexpected error ends the sidecar.');
    process.exitCode = 1;
    process.stdout.write('', () => process.exit());
  });
}
