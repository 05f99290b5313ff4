import Type, { type Static } from 'typebox';
import { DateTime, EXPECTED_KEYWORD, OneOf } from '../contract/schema.ts';

/**
 * waiting: the device has not received the package yet. sent: the device or its queue has received it. downloading, installing: reported by
 * the device. installed, failed, cancelled: final.
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

/** By direct method or by cloud-to-device message. */
export const DELIVERIES = ['method', 'message'] as const;

/** Also the key of the reported property, so it must be a valid key of a device twin. */
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
        'waiting until the device has received it; sent; downloading and installing as reported by the device; finally installed, failed or cancelled.',
    }),
    progress: Type.Optional(Type.Number({ description: 'Percent, if the device reports it.' })),
    code: Type.String({ description: 'The error code of the last problem; empty if there was none.' }),
    message: Type.String({
      description: 'The message of the device, or what the deployment is waiting for.',
    }),
    deviceId: Type.String({ description: 'The device.' }),
    deploymentId: Type.String({ description: 'The id of this deployment; the device receives it.' }),
    storageThing: Type.String({ description: 'The Thing of the storage account that contains the file.' }),
    container: Type.String({ description: 'The container of the file.' }),
    path: Type.String({ description: 'The path of the file.' }),
    fileDeleted: Type.Boolean({ description: 'Whether the file was deleted after the installation.' }),
    createdAt: DateTime({ description: 'When the deployment was requested.' }),
    deadline: DateTime({ description: 'When the deployment fails unless the device has finished.' }),
    time: DateTime({ description: 'When the state last changed.' }),
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
  /** The campaign that it is part of. */
  readonly campaign?: string | undefined;
  /** The version of the file that is meant; without it the present one. */
  readonly etag?: string | undefined;
}

/** A file of a container, as the version of a package. */
export type PackageFile = Pick<PackageRequest, 'account' | 'container' | 'path' | 'version'>;

/** One package of one device or module. */
export type PackageName = Pick<PackageRequest, 'deviceId' | 'moduleId' | 'name'>;
