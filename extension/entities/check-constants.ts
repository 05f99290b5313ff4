import { ERRORS } from '../../sidecar/errors/catalogue.ts';
import { VERSION } from '../../sidecar/version.ts';
import { SCRIPT_ERRORS } from '../generate/script-errors.ts';

const remedies = (table: Readonly<Record<string, { readonly remedy: string }>>) =>
  Object.fromEntries(Object.entries(table).map(([code, { remedy }]) => [code, remedy]));

/** What the script of CheckConnection says itself: the steps until the sidecar answers. */
export const checkConstants = {
  EXTENSION_VERSION: VERSION,
  REMEDIES: {
    ...remedies(ERRORS),
    ...remedies(SCRIPT_ERRORS),
    SETTING_MISSING: 'Enter the value that the message names on the hub Thing.',
    SETTING_INVALID: 'Correct the value that the message names on the hub Thing.',
  },
};
