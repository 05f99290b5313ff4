import Type, { type Static } from 'typebox';
import { forThingWorx, OneOf } from '../../contract/schema.ts';

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
