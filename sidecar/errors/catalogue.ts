import { AZURE_ERRORS } from './azure-errors.ts';
import { CANARY_ERRORS } from './canary-errors.ts';
import { COMMAND_ERRORS } from './command-errors.ts';
import { FILE_ERRORS } from './file-errors.ts';
import { INGESTION_ERRORS } from './ingestion-errors.ts';
import { MODEL_ERRORS } from './model-errors.ts';
import { SIDECAR_ERRORS } from './sidecar-errors.ts';
import { THINGWORX_ERRORS } from './thingworx-errors.ts';

/** The error catalogue: every failure the sidecar reports, by stable code. docs/errors.md is made of it. */
export const ERRORS = {
  ...SIDECAR_ERRORS,
  ...AZURE_ERRORS,
  ...INGESTION_ERRORS,
  ...FILE_ERRORS,
  ...THINGWORX_ERRORS,
  ...COMMAND_ERRORS,
  ...MODEL_ERRORS,
  ...CANARY_ERRORS,
};

export type ErrorCode = keyof typeof ERRORS;
