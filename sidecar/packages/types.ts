import Type, { type Static } from 'typebox';
import { DateTime, EXPECTED_KEYWORD, OneOf } from '../contract/schema.ts';

/**
 * waiting: the device has not got it yet. sent: it has, or its queue has. downloading, installing: as the device reports. installed, failed,
 * cancelled: the end.
 */
export const PACKAGE_STATES = [
  'waiting',
  'sent',
  'downloading',
  'installing',
  'installed',
  'failed',
  'cancelled',
] as const;
export type PackageState = (typeof PACKAGE_STATES)[number];

/** By a direct method, or by a cloud-to-device message. */
export const DELIVERIES = ['method', 'message'] as const;

/** Also the key under which the device reports, so that it must be one that twins take. */
export const packageName = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  [EXPECTED_KEYWORD]: '1 to 64 letters, digits, - and _',
  description: 'The name of the package, such as vision: letters, digits, - and _.',
});

export const PackageRow = Type.Object(
  {
    name: Type.String({ description: 'The name of the package.' }),
    moduleId: Type.String({ description: 'The module that installs it; empty for the device itself.' }),
    version: Type.String({ description: 'The version that was deployed.' }),
    state: OneOf(PACKAGE_STATES, {
      description:
        'waiting until the device has it; sent; downloading and installing, as the device reports; installed, failed or cancelled at the end.',
    }),
    progress: Type.Optional(Type.Number({ description: 'Percent, where the device reports it.' })),
    code: Type.String({ description: 'The code of what stands or stood against it; may be empty.' }),
    message: Type.String({ description: 'Plain words: what the device says, or what is waited for.' }),
    deviceId: Type.String({ description: 'The device.' }),
    deploymentId: Type.String({ description: 'The id of this deployment, which the device gets.' }),
    storageThing: Type.String({ description: 'The Thing of the storage account that has the file.' }),
    container: Type.String({ description: 'The container of the file.' }),
    path: Type.String({ description: 'The path of the file.' }),
    fileDeleted: Type.Boolean({ description: 'Whether the file was deleted after the installation.' }),
    createdAt: DateTime({ description: 'When it was asked for.' }),
    deadline: DateTime({ description: 'When it counts as failed unless the device is done.' }),
    time: DateTime({ description: 'When this was so.' }),
  },
  { description: 'One deployment of a software package to a device.' },
);
export type PackageRow = Static<typeof PackageRow>;

export interface PackageRequest {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  readonly name: string;
  readonly version: string;
  readonly account: string;
  readonly container: string;
  readonly path: string;
  readonly delivery: (typeof DELIVERIES)[number];
  readonly methodName: string;
  readonly information?: unknown;
  readonly timeoutMinutes: number;
  readonly deleteFile: boolean;
}

/** One package of one device or module. */
export type PackageName = Pick<PackageRequest, 'deviceId' | 'moduleId' | 'name'>;
