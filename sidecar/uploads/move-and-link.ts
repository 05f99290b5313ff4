import type { HubSettings } from '../contract/hub-settings.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import type { FileLocation, IdempotentMove, Link } from '../files/types.ts';
import { moveOf, type Upload } from './upload.ts';

/** The result of moving an uploaded file and making a link to it. */
export interface MoveAndLinkResult {
  /** The location of the file; absent if it is not known. */
  readonly location?: FileLocation;
  readonly moved: boolean;
  readonly link?: Link;
  /** Why there is no link, or why the file was not moved. */
  readonly problem?: ConnectorError;
}

interface MoveAndLinkOptions {
  readonly storages: StorageAccounts;
  readonly settings: () => HubSettings;
  /** Writes the move to disk before it starts. */
  readonly decide: (move: IdempotentMove) => Promise<void>;
}

/**
 * Moves a file as the settings require and makes a link to it. An error of the file itself is part of the result. Rejects with errors that
 * are temporary or that need a change of the configuration (`mayRetry`).
 */
export async function moveAndLink(
  upload: Upload,
  { storages, settings, decide }: MoveAndLinkOptions,
  signal: AbortSignal,
): Promise<MoveAndLinkResult> {
  const { uploadStorageThing, uploadLinkMinutes, ...moving } = settings();
  if (!uploadStorageThing) return { moved: false };
  let from: FileLocation | undefined;
  let moved = false;
  let problem: ConnectorError | undefined;
  const storage = storages.require(uploadStorageThing);
  try {
    const { blobUri, blobName } = upload.notification;
    from = storage.locate(blobUri, blobName);
    const move = upload.move ?? moveOf(upload, from, moving);
    if (move) {
      if (!upload.move) await decide(move);
      from = await storage.moveOnce(move, signal);
      moved = true;
    }
  } catch (thrown) {
    problem = problemOf(thrown);
    if (!from || problem.code === 'FILE_NOT_FOUND' || problem.code === 'FILE_REPLACED')
      return { moved, problem };
  }
  try {
    const link = await storage.container(from.container).downloadLink(from.path, uploadLinkMinutes, signal);
    return { location: from, moved, link, ...(problem ? { problem } : {}) };
  } catch (thrown) {
    problem ??= problemOf(thrown);
    return { location: from, moved, problem };
  }
}

/** @throws errors that a retry may solve */
function problemOf(thrown: unknown): ConnectorError {
  const error = toConnectorError(thrown);
  if (mayRetry(error)) throw error;
  return error;
}

/** Whether a retry may succeed: storage is unavailable, refuses access, or is not configured yet. */
export function mayRetry({ code, retryable, details }: ConnectorError): boolean {
  switch (code) {
    case 'STORAGE_NOT_CONNECTED':
    case 'SETTING_INVALID':
    case 'AZURE_UNAUTHORIZED':
      return true;
    case 'CONTAINER_NOT_FOUND':
      return details?.['target'] === true;
    default:
      return retryable;
  }
}
