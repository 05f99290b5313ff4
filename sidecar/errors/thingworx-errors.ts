import { defineErrors } from './definition.ts';

/** What calls to ThingWorx come to. */
export const THINGWORX_ERRORS = defineErrors({
  THINGWORX_UNREACHABLE: {
    status: 502,
    retryable: true,
    title: 'ThingWorx cannot be reached.',
    remedy: 'Check THINGWORX_URL and that the platform runs; the sidecar retries automatically.',
  },
  THINGWORX_UNAUTHORIZED: {
    status: 502,
    retryable: true,
    title: 'ThingWorx refused the application key.',
    remedy:
      'Check THINGWORX_APP_KEY and its expiry date; by default, a new application key expires after 24 hours.',
  },
  APPLICATION_KEY_EXPIRES: {
    status: 502,
    retryable: false,
    title: 'The application key of the sidecar expires within two weeks.',
    remedy: 'Give the application key a later expiry date in ThingWorx. The sidecar needs no restart.',
  },
  THINGWORX_FORBIDDEN: {
    status: 502,
    retryable: true,
    title: 'The user of the application key, or whoever called a service, lacks a right in ThingWorx.',
    remedy:
      'The message names the right. If the sidecar reports it, grant the application key what docs/install.md lists. If a service that you called reports it, ask an administrator for a role of docs/permissions.md that has the right.',
  },
  THINGWORX_NOT_FOUND: {
    status: 502,
    retryable: false,
    title: 'ThingWorx does not know the entity, or the application key may not see it.',
    remedy: 'Check the name and the visibility permissions.',
  },
  THINGWORX_UNAVAILABLE: {
    status: 502,
    retryable: true,
    title: 'ThingWorx is not able to answer at present.',
    remedy: 'None needed: the sidecar waits and retries automatically.',
  },
  THINGWORX_REJECTED: {
    status: 502,
    retryable: false,
    title: 'ThingWorx rejected a call.',
    remedy: 'Look at the ApplicationLog and ScriptLog for the reason.',
  },
});
