import { defineErrors } from './definition.ts';

/** Models of devices, of which packages for ThingWorx are made. */
export const MODEL_ERRORS = defineErrors({
  MODEL_INVALID: {
    status: 400,
    retryable: false,
    title: 'No package can be made of the model.',
    remedy:
      'Correct what the message names. docs/models.md describes which parts of DTDL are read, and the short form.',
  },
});
