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
  UNHEALTHY: {
    status: 503,
    retryable: true,
    title: 'The sidecar on this machine does not say that it is alive.',
    remedy: 'Read the log of the sidecar; start it again if it does not run.',
  },
  EXTENSION_REFUSED: {
    status: 502,
    retryable: false,
    title: 'ThingWorx did not install the extension.',
    remedy:
      'Do what the message says. Often the import policy does not allow extensions (docs/install.md); the ApplicationLog of ThingWorx has the reason.',
  },
  SETUP_CONFLICT: {
    status: 409,
    retryable: false,
    title: 'Something that setup would make is there already and is of another kind.',
    remedy: 'Choose another name with the option that the message names, or remove what is there.',
  },
  CONFIGURATION_INVALID: {
    status: 400,
    retryable: false,
    title: 'The configuration document cannot be used.',
    remedy:
      'Correct the lines that the message names; docs/configuration-as-code.md describes the document, and export-config --schema prints its JSON Schema.',
  },
  CONFIGURATION_CONFLICT: {
    status: 409,
    retryable: false,
    title: 'The configuration document does not fit what is in ThingWorx.',
    remedy: 'Make what the message names in ThingWorx, or correct the document. Nothing was changed.',
  },
  LOCAL_STEP_FAILED: {
    status: 500,
    retryable: false,
    title: 'A file or program of this machine could not be used.',
    remedy:
      'Remove the cause that the message names and run the same command again; it continues where it ended.',
  },
});
