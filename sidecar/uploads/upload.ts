import { createHash } from 'node:crypto';
import type { FileNotification } from '../azure/iot-hub/hub-listener.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { FileLocation, IdempotentMove } from '../files/types.ts';

/** A file that a device has uploaded, from the notification of the hub until its event is on the Thing. */
export interface Upload {
  /** The same for every repeat of the notification. */
  readonly id: string;
  readonly takenAtMs: number;
  readonly notification: FileNotification;
  /** Where the file goes, decided once: settings that change meanwhile make no second copy. */
  readonly move?: IdempotentMove;
  /** When its event was on the Thing: kept so that a repeat is recognised. */
  readonly doneAtMs?: number;
}

type UploadSettings = Pick<HubSettings, 'uploadContainer' | 'uploadFolder'>;

export function isUpload(upload: Upload | null): boolean {
  return (
    typeof upload?.id === 'string' && Number.isFinite(upload.takenAtMs) && isNotification(upload.notification)
  );
}

/** Whether what the hub sent names a file. */
export function isNotification(value: unknown): value is FileNotification {
  const { deviceId, blobName, blobUri } = (value ?? {}) as Partial<FileNotification>;
  return [deviceId, blobName, blobUri].every((text) => typeof text === 'string' && text !== '');
}

export function uploadId({ deviceId, blobUri, ...rest }: FileNotification): string {
  const { lastUpdatedTime, enqueuedTimeUtc, blobSizeInBytes } = rest;
  const told = JSON.stringify([deviceId, blobUri, lastUpdatedTime, enqueuedTimeUtc, blobSizeInBytes]);
  return createHash('sha256').update(told).digest('hex').slice(0, 32);
}

/** When the device had finished; the hub says it to the second or finer. */
function writtenAtMs({ lastUpdatedTime, enqueuedTimeUtc }: FileNotification, otherwise: number): number {
  const times = [lastUpdatedTime, enqueuedTimeUtc].map((text) => Date.parse(text));
  return times.find((time) => Number.isFinite(time)) ?? otherwise;
}

/**
 * The move of an upload that the settings want; undefined when it stays where it is. The paths are not checked here.
 *
 * @throws ConnectorError PATH_INVALID for a blob that does not lie in the folder of its device
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
    throw new ConnectorError(
      'PATH_INVALID',
      `The file does not lie in the folder of the device ${deviceId}.`,
    );
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
  return { from, to, fallbackPath: fallbackPath(to.path, time, id), mark: id, written };
}

/** `/d/report.csv` becomes `/d/report-20260131T120000Z-1a2b3c4d.csv`. */
function fallbackPath(path: string, time: string, id: string): string {
  const suffix = `-${time.slice(0, 19).replaceAll(/[-:]/g, '')}Z-${id.slice(0, 8)}`;
  const [, stem = path, ending = ''] = /^(.*[^/])(\.[^./]+)$/s.exec(path) ?? [];
  return `${stem}${suffix}${ending}`;
}
