import { defineErrors } from './definition.ts';

/** The canary of a hub: its device, and what it finds. */
export const CANARY_ERRORS = defineErrors({
  CANARY_TIMEOUT: {
    status: 504,
    retryable: true,
    title: 'What the canary has sent did not arrive in time.',
    remedy:
      'Check state, lag and dead letters of the hub. The message says which part of the way is missing; docs/canary.md lists the causes.',
  },
  CANARY_SUSPENDED: {
    status: 503,
    retryable: true,
    title: 'The canary cannot see what arrives, because ThingWorx does not answer.',
    remedy: 'Make ThingWorx available to the sidecar. The canary goes on by itself.',
  },
  CANARY_ANSWER_WRONG: {
    status: 502,
    retryable: true,
    title: 'The device of the canary did not get or give what was sent.',
    remedy: 'Check that no other program uses the device of the canary, and that its Thing is unchanged.',
  },
  CANARY_DEVICE_TAKEN: {
    status: 409,
    retryable: false,
    title: 'The device of the canary would be a device that belongs to somebody else.',
    remedy:
      'Enter another name in canaryDevice of the hub Thing. If the device was left over by a canary, delete it in the IoT Hub.',
  },
  CANARY_ENABLED: {
    status: 409,
    retryable: false,
    title: 'The canary is on.',
    remedy: 'Set canaryEnabled of the hub Thing to false, then remove the canary.',
  },
});
