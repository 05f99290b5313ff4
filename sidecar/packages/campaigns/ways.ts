import type { CampaignDevice } from './campaign.ts';
import type { DeviceState } from './types.ts';

/** The states of a device on its way to the package, or on its way back. */
export interface Way {
  readonly waiting: DeviceState;
  readonly busy: DeviceState;
  readonly done: DeviceState;
  readonly failed: DeviceState;
}

export const FORTH: Way = { waiting: 'waiting', busy: 'deploying', done: 'installed', failed: 'failed' };
export const BACK: Way = {
  waiting: 'rollbackPending',
  busy: 'rollingBack',
  done: 'rolledBack',
  failed: 'rollbackFailed',
};
export const BUSY: readonly DeviceState[] = [FORTH.busy, BACK.busy];
export const WAITING: readonly DeviceState[] = [FORTH.waiting, BACK.waiting];

export function wayOf({ state }: CampaignDevice): Way {
  return state === BACK.busy || state === BACK.waiting || state === BACK.failed ? BACK : FORTH;
}
