import { defineErrors } from './definition.ts';

/** What the commands of the sidecar report beside what their calls report. */
export const COMMAND_ERRORS = defineErrors({
  COMMAND_INVALID: {
    status: 400,
    retryable: false,
    title: 'The command line of the sidecar is not understood.',
    remedy:
      'Correct the named word; sidecar.mjs --help lists the commands, and --help after a command its options.',
  },
});
