import type { HubStatus } from '../../contract/status.ts';
import { ERRORS, type ErrorCode } from '../../errors/catalogue.ts';
import { skipped } from './check-steps.ts';
import type { CheckStep } from './checks.ts';

const STEP = 'Ingestion';

/** Whether messages flow, which shows what no single call does: a consumer group that is missing, checkpoints of somebody else. */
export function checkIngestion(status: HubStatus | undefined): CheckStep {
  if (!status) return skipped(STEP, 'The hub Thing has not handed over its settings.');
  const { state, reason = '', lastError, partitions, lag } = status;
  switch (state) {
    case 'stopped':
      return skipped(STEP, 'enabled is off: no messages are received.');
    case 'connecting':
      return step('warning', 'It is being opened.', 'Call CheckConnection again in a few seconds.');
    case 'running':
      return step('ok', `It runs; ${partitions.length} partitions are known, ${lag} messages wait.`, '');
    default: {
      const code = lastError?.message === reason ? lastError.code : undefined;
      const remedy = (code && ERRORS[code as ErrorCode]?.remedy) || 'Look at the message.';
      return step('failed', code ? `${code}: ${reason}` : reason, remedy);
    }
  }
}

function step(outcome: CheckStep['outcome'], message: string, remedy: string): CheckStep {
  return { step: STEP, outcome, timeMs: 0, message, remedy };
}
