import type { HubSettings } from '../contract/hub-settings.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import type { FileLocation, IdempotentMove, Link } from '../files/types.ts';
import { moveOf, type Upload } from './upload.ts';

/** What became of an uploaded file. */
export interface MoveAndLinkResult {
  /** Where it is; absent when that is not known. */
  readonly location?: FileLocation;
  readonly moved: boolean;
  readonly link?: Link;
  /** Why there is no link, or why it was not moved. */
  readonly problem?: ConnectorError;
}

export interface MoveAndLinkOptions {
  readonly storages: StorageAccounts;
  readonly settings: () => HubSettings;
  /** Keeps the move durably before it begins. */
  readonly decide: (move: IdempotentMove) => Promise<void>;
}

/**
 * Moves a file as the settings say and makes a link to it. What is wrong with the file itself is part of the result; rejects with what may
 * pass or what somebody must change first (`mayRetry`).
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

/** @throws what may pass */
function problemOf(thrown: unknown): ConnectorError {
  const error = toConnectorError(thrown);
  if (mayRetry(error)) throw error;
  return error;
}

/** Whether the same file may do later: storage is away, or does not let this program in, or is not set up yet. */
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
