import { azureError } from '../azure/azure-error.ts';
import { storageCode } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';

/** With exponential backoff about 16 seconds. */
const MAX_RETRIES = 6;

/** Runs one call to storage and maps its failure to a ConnectorError. `action` begins the message: `Reading /a.txt`. */
export async function attempt<T>(action: string, host: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw storageError(thrown, action, host);
  }
}

/**
 * Retries one call of a stream while the storage account is busy or unreachable, with exponential backoff: a short outage must not cost the
 * gigabytes that were transferred before it. The client waits meanwhile. Rejects with the last failure of the call.
 */
export async function withRetries<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const backoff = new Backoff();
  for (let retries = 0; ; retries += 1) {
    try {
      return await call();
    } catch (thrown) {
      const { retryable, retryAfterMs } = storageError(thrown, '', '');
      if (retries === MAX_RETRIES || signal.aborted || !retryable) throw thrown;
      await backoff.pause(signal, retryAfterMs);
    }
  }
}

/** The ConnectorError for a failed call to storage. */
export function storageError(thrown: unknown, action: string, host: string): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown;
  switch (storageCode(thrown)) {
    case 'ContainerNotFound':
    case 'ContainerBeingDeleted':
      return new ConnectorError('CONTAINER_NOT_FOUND', `${action}: the container does not exist.`);
    case 'BlobNotFound':
    case 'CannotVerifyCopySource':
    case 'PathNotFound':
      return new ConnectorError('FILE_NOT_FOUND', `${action}: the file does not exist.`);
    case 'BlobAlreadyExists':
    // From a copy: its only condition on the target is that the target does not exist.
    case 'TargetConditionNotMet':
      return new ConnectorError('FILE_EXISTS', `${action}: a file of that name exists already.`);
    case 'InvalidBlockList':
    case 'InvalidBlobOrBlock':
      return new ConnectorError(
        'AZURE_CONFLICT',
        `${action}: another upload to the same name completed first and replaced this one.`,
      );
    case 'LeaseIdMissing':
      return new ConnectorError('AZURE_CONFLICT', `${action}: another client holds a lease on the file.`);
    case 'BlobArchived':
    case 'BlobBeingRehydrated':
      return new ConnectorError(
        'AZURE_CONFLICT',
        `${action}: the file is in the archive tier; set another tier with SetFileTier and wait until archiveStatus is empty.`,
      );
    case 'Md5Mismatch':
      return new ConnectorError('CHECKSUM_MISMATCH', `${action}: the received data do not match their MD5.`);
    case 'InvalidRange':
      return new ConnectorError('RANGE_NOT_SATISFIABLE', `${action}: the range is outside the file.`);
    default:
  }
  const error = azureError(thrown, { action, host });
  return error.code === 'AZURE_NOT_FOUND'
    ? new ConnectorError('FILE_NOT_FOUND', `${action}: the file does not exist.`)
    : error;
}
