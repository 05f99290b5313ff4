import { ERRORS } from '../../sidecar/errors/catalogue.ts';
import type { ErrorDefinition } from '../../sidecar/errors/definition.ts';
import { SCRIPT_ERRORS, type ScriptError } from './script-errors.ts';

/** docs/errors.md: every code of the catalogue and those that services report themselves. */
export function errorsDoc(): string {
  const catalogue = Object.entries<ErrorDefinition>(ERRORS).sort(([a], [b]) => (a < b ? -1 : 1));
  const scripts = Object.entries<ScriptError>(SCRIPT_ERRORS).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [
    '# Errors',
    'Generated from the catalogue by `npm run generate`. Every failure has a stable code. It stands at the start of the message of an ' +
      'Error that a service throws (`CODE: detail`), in `lastErrorCode` of a hub Thing, in the log, and in the member `code` of a problem ' +
      'answer over HTTP (RFC 9457). "Passes by itself" means that the same call may succeed later without anyone changing anything.',
    '## Reported by the sidecar',
    ...catalogue.map(
      ([code, { status, retryable, title, remedy }]) =>
        `### ${code}\n\n${title}\n\nWhat to do: ${remedy}\n\nHTTP status ${status}. Passes by itself: ${retryable ? 'yes' : 'no'}.`,
    ),
    '## Reported by services',
    'These come from the script of a service before, or without, an answer of the sidecar. Scripts also report `SETTING_MISSING`, ' +
      '`SETTING_INVALID`, `REQUEST_INVALID` and `UNAUTHORIZED` from above.',
    ...scripts.map(([code, { title, remedy }]) => `### ${code}\n\n${title}\n\nWhat to do: ${remedy}`),
  ];
  return `${parts.join('\n\n')}\n`;
}
