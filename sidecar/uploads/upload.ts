import { createHash } from 'node:crypto';
import type { FileNotification } from '../azure/iot-hub/hub-listener.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { FileLocation, IdempotentMove } from '../files/types.ts';

/** A file that a device has uploaded, from the notification of the hub until its event has reached the Thing. */
export interface Upload {
  /** Equal for every repetition of the notification. */
  readonly id: string;
  readonly takenAtMs: number;
  readonly notification: FileNotification;
  /** The move, decided once: a later change of the settings makes no second copy. */
  readonly move?: IdempotentMove;
  /** When its event reached the Thing. Kept to recognise repetitions. */
  readonly doneAtMs?: number;
}

type UploadSettings = Pick<HubSettings, 'uploadContainer' | 'uploadFolder'>;

export function isUpload(upload: Upload | null): boolean {
  return (
    typeof upload?.id === 'string' &&
    Number.isFinite(upload.takenAtMs) &&
    (upload.doneAtMs === undefined || Number.isFinite(upload.doneAtMs)) &&
    isNotification(upload.notification)
  );
}

/** Whether a notification of the hub names a file. */
export function isNotification(value: unknown): value is FileNotification {
  const { deviceId, blobName, blobUri } = (value ?? {}) as Partial<FileNotification>;
  return [deviceId, blobName, blobUri].every((text) => typeof text === 'string' && text !== '');
}

export function uploadId({ deviceId, blobUri, ...rest }: FileNotification): string {
  const { lastUpdatedTime, enqueuedTimeUtc, blobSizeInBytes } = rest;
  const identity = JSON.stringify([deviceId, blobUri, lastUpdatedTime, enqueuedTimeUtc, blobSizeInBytes]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}

/** When the device finished the upload. The hub reports seconds or finer. */
function writtenAtMs({ lastUpdatedTime, enqueuedTimeUtc }: FileNotification, otherwise: number): number {
  const times = [lastUpdatedTime, enqueuedTimeUtc].map((text) => Date.parse(text));
  return times.find((time) => Number.isFinite(time)) ?? otherwise;
}

/**
 * The move that the settings require; undefined if the file stays where it is. The paths are not checked here.
 *
 * @throws ConnectorError PATH_INVALID for a blob outside the folder of its device
 */
export function moveOf(
  upload: Upload,
  from: FileLocation,
  settings: UploadSettings,
): IdempotentMove | undefined {
  const { notification, id, takenAtMs } = upload;
  const { deviceId, blobName, blobSizeInBytes } = notification;
  const { uploadContainer, uploadFolder } = settings;
  if (uploadContainer === '' && uploadFolder === '') return undefined;
  if (!blobName.startsWith(`${deviceId}/`)) {
    throw new ConnectorError('PATH_INVALID', `The file is not in the folder of the device ${deviceId}.`);
  }
  const atMs = writtenAtMs(notification, takenAtMs);
  const time = new Date(atMs).toISOString();
  const values: Record<string, string> = {
    deviceId,
    year: time.slice(0, 4),
    month: time.slice(5, 7),
    day: time.slice(8, 10),
  };
  const folder = (uploadFolder || '{deviceId}').replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const path = `${folder.replace(/\/$/, '')}/${blobName.slice(deviceId.length + 1)}`;
  const to = { container: uploadContainer || from.container, path: path.startsWith('/') ? path : `/${path}` };
  if (to.container === from.container && to.path === from.path) return undefined;
  const written = { atMs, bytes: Number(blobSizeInBytes) };
  return { from, to, fallbackPath: fallbackPath(to.path, time, id), idempotencyKey: id, written };
}

/** `/d/report.csv` becomes `/d/report-20260131T120000Z-1a2b3c4d.csv`. */
function fallbackPath(path: string, time: string, id: string): string {
  const suffix = `-${time.slice(0, 19).replaceAll(/[-:]/g, '')}Z-${id.slice(0, 8)}`;
  const [, stem = path, ending = ''] = /^(.*[^/])(\.[^./]+)$/s.exec(path) ?? [];
  return `${stem}${suffix}${ending}`;
}
