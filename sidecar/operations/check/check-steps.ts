import Type, { type Static } from 'typebox';
import { forThingWorx, OneOf } from '../../contract/schema.ts';
import { ERRORS, type ErrorCode } from '../../errors/catalogue.ts';
import { type ConnectorError, toConnectorError } from '../../errors/connector-error.ts';

/**
 * ok: works. warning: fails, but only some services need it. failed: the connector cannot work without it. skipped: not needed as the hub
 * is set, or a step before it failed.
 */
export const CHECK_OUTCOMES = ['ok', 'warning', 'failed', 'skipped'] as const;
export type CheckOutcome = (typeof CHECK_OUTCOMES)[number];

export const CheckStep = Type.Object(
  {
    step: Type.String({ description: 'What was tested.' }),
    outcome: OneOf(CHECK_OUTCOMES, {
      description:
        'ok, warning (only some services need it), failed, or skipped (not needed, or a step before it failed).',
    }),
    timeMs: forThingWorx(Type.Integer({ minimum: 0, description: 'How long it took, in milliseconds.' }), {
      units: 'ms',
    }),
    message: Type.String({ description: 'What was found, in plain words.' }),
    remedy: Type.String({ description: 'What to do; empty when nothing.' }),
  },
  { description: 'One step of CheckConnection.' },
);
export type CheckStep = Static<typeof CheckStep>;

/** Each step by itself must leave room for the others in the 30 s that ThingWorx gives a script. */
export const STEP_TIMEOUT_MS = 8_000;

export interface StepOptions {
  /** A failure is a warning: what needs it is named here. */
  readonly onlyFor?: string;
  /** Replaces what the catalogue says to do. */
  readonly remedy?: string;
  /** The same, for one code. */
  readonly remedies?: Partial<Record<ErrorCode, string>>;
}

/** Runs one step. Never rejects: the failure is the result. */
export async function checkStep(
  step: string,
  test: (signal: AbortSignal) => Promise<string>,
  signal: AbortSignal,
  options: StepOptions = {},
): Promise<CheckStep> {
  const started = performance.now();
  const timeMs = () => Math.round(performance.now() - started);
  try {
    const message = await test(AbortSignal.any([signal, AbortSignal.timeout(STEP_TIMEOUT_MS)]));
    return { step, outcome: 'ok', timeMs: timeMs(), message, remedy: '' };
  } catch (thrown) {
    return { ...failure(step, toConnectorError(thrown), options), timeMs: timeMs() };
  }
}

export function skipped(step: string, message: string): CheckStep {
  return { step, outcome: 'skipped', timeMs: 0, message, remedy: '' };
}

function failure(step: string, error: ConnectorError, options: StepOptions): CheckStep {
  const { onlyFor, remedy, remedies } = options;
  const what = `${error.code}: ${error.message}${/[.!?]$/.test(error.message) ? '' : '.'}`;
  return {
    step,
    outcome: onlyFor === undefined ? 'failed' : 'warning',
    timeMs: 0,
    message: onlyFor === undefined ? what : `${what} Needed only ${onlyFor}.`,
    remedy: remedies?.[error.code] ?? remedy ?? ERRORS[error.code].remedy,
  };
}
