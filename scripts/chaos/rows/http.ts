import type { Side } from '../chaos-system.ts';
import type { HttpFault } from '../http-faults.ts';
import { RECOVERY_SECONDS, type Row, type RowContext } from '../row.ts';

const SIDES: readonly Side[] = ['ThingWorx', 'IoT Hub REST', 'storage'];

/** The longest that a Retry-After is obeyed. */
const RETRY_AFTER_SECONDS = 60;
const SHORT_RETRY_AFTER_SECONDS = 5;

interface Answers {
  readonly fault: (faultMs: number) => HttpFault;
  readonly quick?: boolean;
  readonly recoverySeconds?: number;
}

/** What servers, gateways and login pages answer, by the words of the row. */
const ANSWERS: Readonly<Record<string, Answers>> = {
  '503': { fault: () => ({ kind: 'status', status: 503 }) },
  '503 with Retry-After': {
    fault: () => ({ kind: 'status', status: 503, retryAfterSeconds: SHORT_RETRY_AFTER_SECONDS }),
    recoverySeconds: SHORT_RETRY_AFTER_SECONDS + RECOVERY_SECONDS,
  },
  '503 with Retry-After: 3600': {
    fault: () => ({ kind: 'status', status: 503, retryAfterSeconds: 3600 }),
    recoverySeconds: RETRY_AFTER_SECONDS + RECOVERY_SECONDS,
  },
  '429': { fault: () => ({ kind: 'status', status: 429 }) },
  '429 with Retry-After': {
    fault: () => ({ kind: 'status', status: 429, retryAfterSeconds: SHORT_RETRY_AFTER_SECONDS }),
    recoverySeconds: SHORT_RETRY_AFTER_SECONDS + RECOVERY_SECONDS,
  },
  '429 with Retry-After: 3600': {
    fault: () => ({ kind: 'status', status: 429, retryAfterSeconds: 3600 }),
    recoverySeconds: RETRY_AFTER_SECONDS + RECOVERY_SECONDS,
  },
  '500 for 30 % of the calls': { fault: () => ({ kind: 'status', status: 500, share: 0.3 }), quick: true },
  '500 for 60 % of the calls': { fault: () => ({ kind: 'status', status: 500, share: 0.6 }) },
  '500 for every call': { fault: () => ({ kind: 'status', status: 500 }) },
  garbage: {
    fault: () => ({ kind: 'body', body: '\u0000\u0001\u0002garbage', contentType: 'application/json' }),
  },
  'truncated answers': { fault: () => ({ kind: 'truncate' }) },
  'wrong content type': {
    fault: () => ({ kind: 'body', body: '<html><body>Log in</body></html>', contentType: 'text/html' }),
  },
  'late answers': { fault: (faultMs) => ({ kind: 'delay', delayMs: faultMs / 2 }) },
  'credentials refused': { fault: () => ({ kind: 'status', status: 401 }) },
};

async function answer({ system, sleep, faultMs }: RowContext, side: Side, fault: HttpFault): Promise<void> {
  system.http(side).fault = fault;
  await sleep(faultMs);
}

/** What the sidecar is answered. */
export const HTTP_ROWS: readonly Row[] = SIDES.flatMap((side) =>
  Object.entries(ANSWERS).map(
    ([words, { fault, quick = false, recoverySeconds }]): Row => ({
      name: `${side}: ${words}`,
      quick: quick && side === 'ThingWorx',
      ...(recoverySeconds === undefined ? {} : { recoverySeconds }),
      run: (context) => answer(context, side, fault(context.faultMs)),
    }),
  ),
);
