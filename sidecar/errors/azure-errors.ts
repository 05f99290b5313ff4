import { defineErrors } from './definition.ts';

/** What IoT Hub, Event Hubs and devices answer, in plain words. */
export const AZURE_ERRORS = defineErrors({
  CONNECTION_STRING_INVALID: {
    status: 400,
    retryable: false,
    title: 'A connection string is malformed.',
    remedy: 'Copy it again from the Azure portal; the message names the missing part.',
  },
  AZURE_UNAUTHORIZED: {
    status: 502,
    retryable: false,
    title: 'Azure refused the credentials.',
    remedy:
      'Check the connection string or role assignment and that its policy has the right named in the message.',
  },
  AZURE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'Azure does not know the named resource.',
    remedy: 'Check its name; it may have been deleted.',
  },
  CONSUMER_GROUP_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'The built-in endpoint has no such consumer group.',
    remedy:
      'Create the consumer group on the built-in endpoint of the IoT Hub, or correct consumerGroup of the hub Thing. The sidecar retries by itself.',
  },
  AZURE_UNREACHABLE: {
    status: 502,
    retryable: true,
    title: 'Azure cannot be reached.',
    remedy: 'Check name resolution, proxy and firewall towards the host named in the message.',
  },
  AZURE_THROTTLED: {
    status: 429,
    retryable: true,
    title: 'The IoT Hub tier allows no more calls of this kind for now.',
    remedy: 'Wait as long as the answer says, or choose a larger tier.',
  },
  AZURE_FAILED: {
    status: 502,
    retryable: true,
    title: 'Azure answered with an error.',
    remedy: 'Try again later; the message holds what Azure said.',
  },
  AZURE_REJECTED: {
    status: 400,
    retryable: false,
    title: 'Azure rejected the request.',
    remedy: 'Correct the request; the message holds what Azure said.',
  },
  AZURE_TIMEOUT: {
    status: 504,
    retryable: true,
    title: 'Azure did not answer in time.',
    remedy: 'Try again; if it happens again, check the network to the host named in the message.',
  },
  AZURE_CANCELLED: {
    status: 499,
    retryable: true,
    title: 'The call to Azure was cancelled before it ended.',
    remedy: 'None needed: the caller ended the call, or the sidecar is stopping.',
  },
  AZURE_CONFLICT: {
    status: 409,
    retryable: false,
    title: 'The resource exists already or another operation is changing it.',
    remedy: 'Look at the resource; update it instead, or try again when the other operation has ended.',
  },
  DEVICE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'IoT Hub has no such device or module.',
    remedy: 'Check the device id and module id; both are case-sensitive.',
  },
  DEVICE_EXISTS: {
    status: 409,
    retryable: false,
    title: 'The device or module exists already in IoT Hub.',
    remedy: 'Update it instead, or choose another id.',
  },
  DEVICE_OFFLINE: {
    status: 409,
    retryable: true,
    title: 'The device is not connected to IoT Hub, or has no handler for direct methods.',
    remedy:
      'Check that the device is online and that its program handles direct methods. With a connect timeout, IoT Hub waits for the device.',
  },
  DEVICE_TIMEOUT: {
    status: 504,
    retryable: true,
    title: 'The device took the request but did not answer in time.',
    remedy: 'Give a longer response timeout or look at the device.',
  },
  DEVICE_RESPONSE_INVALID: {
    status: 502,
    retryable: false,
    title: 'The device answered with something that IoT Hub cannot pass on.',
    remedy: 'Look at the method handler on the device: the payload must be JSON of at most 128 KB.',
  },
  MODULE_FAILED: {
    status: 502,
    retryable: false,
    title: 'A module answered that it could not do what was asked.',
    remedy: 'Correct what the message names: it holds the status and the words of the module.',
  },
  DEVICE_QUEUE_FULL: {
    status: 409,
    retryable: true,
    title: 'The device has 50 messages waiting already, the most that IoT Hub keeps.',
    remedy: 'Let the device receive them, purge the queue, or give messages an expiry.',
  },
  PRECONDITION_FAILED: {
    status: 412,
    retryable: false,
    title: 'Somebody else changed the resource since it was read.',
    remedy: 'Read it again and repeat the change with the new ETag.',
  },
  QUOTA_EXCEEDED: {
    status: 429,
    retryable: true,
    title: 'A quota of the IoT Hub is used up.',
    remedy: 'Wait until the quota is reset (the daily message quota: midnight UTC) or add units.',
  },
  EXPORT_JOB_FAILED: {
    status: 502,
    retryable: false,
    title: 'IoT Hub could not export its device registry to the storage account.',
    remedy:
      'Read the reason. Check that the IoT Hub may reach the storage account and write to it, or set registryReading to queries.',
  },
});
