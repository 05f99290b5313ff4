import { ConnectorError } from '../../errors/connector-error.ts';
import { httpError, parseHubError } from '../azure-error.ts';
import type { DeviceInput } from './hub-types.ts';
import { WRITE } from './identities.ts';
import type { CallOptions, RestClient } from './rest-client.ts';

export type BulkMode = 'create' | 'update' | 'delete';

/** What became of one device of a bulk call. */
export interface BulkResult {
  readonly deviceId: string;
  readonly done: boolean;
  /** The hub's code (`DeviceAlreadyExists`, ...) and text when it was not. */
  readonly errorCode?: string;
  readonly message?: string;
}

/** Most devices of one call. */
export const BULK_LIMIT = 100;

interface BulkAnswer {
  readonly isSuccessful: boolean;
  readonly errors?: ReadonlyArray<{ deviceId?: string; errorCode?: string | number; errorStatus?: string }>;
}

/**
 * Creates, updates (whatever their ETag) or deletes up to 100 devices in one call. A failure of some does not fail the rest; the result
 * has one entry per device, in the order given. Throws REQUEST_INVALID for more than 100 and what hub-rest.ts gives.
 */
export async function bulkDevices(
  rest: RestClient,
  mode: BulkMode,
  devices: readonly DeviceInput[],
  options: CallOptions = {},
): Promise<BulkResult[]> {
  if (devices.length === 0) return [];
  if (devices.length > BULK_LIMIT)
    throw new ConnectorError('REQUEST_INVALID', `A bulk call takes at most ${BULK_LIMIT} devices.`);
  const body = devices.map(({ deviceId, ...device }) =>
    mode === 'delete'
      ? { id: deviceId, importMode: mode }
      : { status: 'enabled', ...device, id: deviceId, importMode: mode },
  );
  const { body: answer } = await rest.request<BulkAnswer>({
    ...options,
    ...WRITE,
    method: 'POST',
    path: '/devices',
    body,
    // The hub counts each device of the call.
    cost: devices.length,
    action: `Bulk ${mode} of ${devices.length} devices`,
    // 400 is the answer when some failed; it has the same body. A body of another form means that the call itself was refused.
    accept: [400],
  });
  if (typeof answer?.isSuccessful !== 'boolean') {
    const action = `Bulk ${mode} of ${devices.length} devices`;
    throw httpError(
      { status: 400, ...parseHubError(answer === undefined ? '' : JSON.stringify(answer)) },
      { action },
    );
  }
  const failed = new Map((answer.errors ?? []).map((error) => [error.deviceId, error]));
  return devices.map(({ deviceId }) => {
    const error = failed.get(deviceId);
    if (!error) return { deviceId, done: true };
    return {
      deviceId,
      done: false,
      ...(error.errorCode === undefined ? {} : { errorCode: String(error.errorCode) }),
      ...(error.errorStatus ? { message: error.errorStatus } : {}),
    };
  });
}
