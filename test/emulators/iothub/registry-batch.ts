/** Many changes of the registry in one go: the bulk operation of the REST API and the lines of an import job. */
import { HubError } from './hub-error.ts';
import type { Identities, IdentityInput } from './identities.ts';
import type { TwinInput, Twins } from './twins.ts';

/** ExportImportDevice of the REST API; `id` is the device id. */
export interface BatchEntry extends IdentityInput, TwinInput {
  id?: unknown;
  moduleId?: unknown;
  eTag?: unknown;
  etag?: unknown;
  importMode?: unknown;
  /** Condition on the twin alone, beside the one on the identity. */
  twinETag?: unknown;
}

export interface BatchError {
  deviceId: string;
  moduleId?: string;
  /** Name of the error, for example DeviceAlreadyExists. */
  errorCode: string;
  errorStatus: string;
}

const modes = [
  'create',
  'update',
  'updateIfMatchETag',
  'delete',
  'deleteIfMatchETag',
  'createOrUpdate',
  'createOrUpdateIfMatchETag',
  'updateTwin',
  'updateTwinIfMatchETag',
] as const;
type Mode = (typeof modes)[number];

/** Applies one entry. Throws the HubError of the single operation. */
export function applyEntry(identities: Identities, twins: Twins, entry: BatchEntry, defaultMode: Mode): void {
  const deviceId = typeof entry.id === 'string' ? entry.id : '';
  const moduleId = typeof entry.moduleId === 'string' && entry.moduleId !== '' ? entry.moduleId : undefined;
  const mode = readMode(entry.importMode, defaultMode);
  const etag = mode.endsWith('IfMatchETag') ? readEtag(entry) : '*';
  switch (mode) {
    case 'create':
      identities.create(deviceId, moduleId, entry);
      twins.seed(deviceId, moduleId, entry);
      return;
    case 'update':
    case 'updateIfMatchETag':
      identities.update(deviceId, moduleId, entry, etag);
      updateTwin(twins, deviceId, moduleId, entry);
      return;
    case 'createOrUpdate':
    case 'createOrUpdateIfMatchETag':
      if (!identities.get(deviceId, moduleId)) {
        identities.create(deviceId, moduleId, entry);
        twins.seed(deviceId, moduleId, entry);
        return;
      }
      identities.update(deviceId, moduleId, entry, etag);
      updateTwin(twins, deviceId, moduleId, entry);
      return;
    case 'delete':
    case 'deleteIfMatchETag':
      identities.delete(deviceId, moduleId, etag);
      return;
    case 'updateTwin':
    case 'updateTwinIfMatchETag':
      twins.patch(deviceId, moduleId, entry, etag);
      return;
  }
}

function updateTwin(twins: Twins, deviceId: string, moduleId: string | undefined, entry: BatchEntry): void {
  if (entry.tags === undefined && entry.properties?.desired === undefined) return;
  const etag = typeof entry.twinETag === 'string' ? entry.twinETag : '*';
  twins.replace(deviceId, moduleId, entry, etag.replace(/^"(.*)"$/, '$1'));
}

/** Applies all; what fails is told and does not stop the rest. */
export function applyBatch(
  identities: Identities,
  twins: Twins,
  entries: readonly BatchEntry[],
  defaultMode: Mode,
): BatchError[] {
  const errors: BatchError[] = [];
  for (const entry of entries) {
    try {
      applyEntry(identities, twins, entry, defaultMode);
    } catch (error) {
      const problem = HubError.from(error);
      errors.push({
        deviceId: typeof entry.id === 'string' ? entry.id : '',
        ...(typeof entry.moduleId === 'string' ? { moduleId: entry.moduleId } : {}),
        errorCode: problem.errorName,
        errorStatus: problem.message,
      });
    }
  }
  return errors;
}

/** The SDKs write the names in different cases ('create', 'Update', 'DeleteIfMatchETag'). */
function readMode(given: unknown, defaultMode: Mode): Mode {
  if (given === undefined || given === null) return defaultMode;
  const mode = modes.find((known) => known.toLowerCase() === String(given).toLowerCase());
  if (!mode) throw new HubError('ArgumentInvalid', `Unknown importMode ${String(given)}`);
  return mode;
}

function readEtag(entry: BatchEntry): string {
  const etag = entry.eTag ?? entry.etag;
  if (typeof etag !== 'string' || etag === '') throw new HubError('ArgumentNull', 'The entry has no eTag');
  return etag.replace(/^"(.*)"$/, '$1');
}
