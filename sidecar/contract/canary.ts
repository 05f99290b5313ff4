import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, OneOf, Table } from './schema.ts';

/** telemetry: device to Thing. method: service of the Thing to the device and back. twin: desired property to the device, reported property to the Thing. */
export const CANARY_PATHS = ['telemetry', 'method', 'twin'] as const;
export type CanaryPathName = (typeof CANARY_PATHS)[number];

/** The percentiles of round trips, as shares. */
export const CANARY_PERCENTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
export type CanaryPercentile = keyof typeof CANARY_PERCENTILES;

const PATH_STATES = ['unknown', 'ok', 'failed'] as const;
export type CanaryPathState = (typeof PATH_STATES)[number];

const milliseconds = (description: string) =>
  Type.Optional(forThingWorx(Type.Number({ minimum: 0, description }), { units: 'ms' }));
const count = (description: string) => Type.Integer({ minimum: 0, description });

const CanaryPath = Type.Object(
  {
    path: OneOf(CANARY_PATHS, {
      description:
        'telemetry: device to Thing. method: Thing to device and back. twin: desired property to the device, and reported property to the Thing.',
    }),
    state: OneOf(PATH_STATES, {
      description: 'unknown before the first round trips, ok, or failed after two failures in a row.',
    }),
    since: Type.Optional(DateTime({ description: 'Since when it has this state.' })),
    code: Type.Optional(Type.String({ description: 'The code of the last failure, while it is failed.' })),
    reason: Type.Optional(Type.String({ description: 'Why it failed last, in plain words.' })),
    last: milliseconds('The last round trip that succeeded, in milliseconds.'),
    p50: milliseconds('The median of the last hour, in milliseconds.'),
    p95: milliseconds('The 95th percentile of the last hour, in milliseconds.'),
    p99: milliseconds('The 99th percentile of the last hour, in milliseconds.'),
    rounds: count('Round trips of the last hour, failures included.'),
    failures: count('Failures of the last hour.'),
  },
  { description: 'One path of the canary.' },
);
export type CanaryPath = Static<typeof CanaryPath>;

export const CanaryPaths = Table(CanaryPath, 'AzureIoT.CanaryPath_DS', {
  description: 'The paths that the canary measures.',
});

export const CanaryStatus = Type.Object(
  {
    state: OneOf(['off', 'starting', 'ok', 'failed', 'suspended'], {
      description:
        'off, starting before the first round, ok, failed when a path is failed, or suspended while ThingWorx does not answer.',
    }),
    device: Type.String({ description: 'The device of the canary; its Thing has the same name.' }),
    reason: Type.Optional(Type.String({ description: 'Why it is failed or suspended, in plain words.' })),
    time: Type.Optional(DateTime({ description: 'When the last round ended.' })),
    paths: CanaryPaths,
  },
  { description: 'The canary of the hub. Only the sidecar that runs it tells of it, unless it is off.' },
);
export type CanaryStatus = Static<typeof CanaryStatus>;
