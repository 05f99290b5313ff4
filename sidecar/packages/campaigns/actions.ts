import { ConnectorError } from '../../errors/connector-error.ts';
import type { Campaign } from './campaign.ts';

export type CampaignAction = 'pause' | 'resume' | 'cancel' | 'rollBack';

const ALLOWED: Readonly<Record<CampaignAction, readonly Campaign['state'][]>> = {
  pause: ['running'],
  resume: ['paused'],
  cancel: ['selecting', 'running', 'paused', 'rollingBack'],
  rollBack: ['running', 'paused', 'completed', 'cancelled', 'rolledBack'],
};
/** States in which the action has already been done: a repeated call changes nothing. */
const REPEATED: Readonly<Record<CampaignAction, readonly Campaign['state'][]>> = {
  pause: ['paused'],
  resume: ['running'],
  cancel: ['cancelling', 'cancelled'],
  rollBack: ['rollingBack'],
};

/** Whether the action changes the campaign. @throws ConnectorError CAMPAIGN_STATE */
export function isChange({ id, state }: Campaign, action: CampaignAction): boolean {
  if (REPEATED[action].includes(state)) return false;
  if (ALLOWED[action].includes(state)) return true;
  throw new ConnectorError(
    'CAMPAIGN_STATE',
    `The campaign ${id} is ${state}; ${action} needs one of the states ${ALLOWED[action].join(', ')}.`,
  );
}
