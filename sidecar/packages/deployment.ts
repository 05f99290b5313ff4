import { areTexts } from '../lib/records.ts';
import type { PackageName, PackageRequest, PackageRow, PackageState } from './types.ts';
import { PACKAGE_STATES } from './types.ts';

/** A deployment of a package to a device, as stored on disk. */
export interface Deployment extends PackageRequest {
  readonly id: string;
  /** The version of the file to install. */
  readonly file: {
    readonly etag: string;
    readonly size: number;
    readonly contentType: string;
    readonly contentMd5?: string;
  };
  readonly state: PackageState;
  readonly progress?: number;
  readonly code: string;
  readonly message: string;
  /** Whether the device may have received it. */
  readonly attempted: boolean;
  /** Whether the device itself reported the final state; otherwise a later report still counts. */
  readonly confirmed: boolean;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  readonly deadlineMs: number;
  readonly fileDeleted: boolean;
  /** Whether nothing remains to be done with the file. */
  readonly cleaned: boolean;
  /** Whether the Thing shows the current state. */
  readonly shown: boolean;
}

/** The members that change during a deployment. */
export type Progress = Partial<
  Pick<
    Deployment,
    'state' | 'progress' | 'code' | 'message' | 'attempted' | 'confirmed' | 'fileDeleted' | 'cleaned'
  >
>;

export function isDeployment(deployment: Deployment | null): boolean {
  if (!deployment) return false;
  const { id, deviceId, moduleId = '', name, version, account, container, path, code, message } = deployment;
  const { createdAtMs, changedAtMs, deadlineMs } = deployment;
  return (
    areTexts(id, deviceId, moduleId, name, version, account, container, path, code, message) &&
    [createdAtMs, changedAtMs, deadlineMs].every(Number.isFinite) &&
    typeof deployment.file?.etag === 'string' &&
    PACKAGE_STATES.includes(deployment.state)
  );
}

export function hasEnded({ state }: Pick<Deployment, 'state'>): boolean {
  return state === 'installed' || state === 'failed' || state === 'cancelled';
}

export function keyOf({ deviceId, moduleId, name }: PackageName): string {
  return JSON.stringify([deviceId, moduleId ?? '', name]);
}

/** The device or module, as calls to the hub name it. */
export function targetOf({ deviceId, moduleId }: PackageName): { deviceId: string; moduleId?: string } {
  return { deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
}

/** Whether both use the same version of the same file. */
export function sharesFile(a: Deployment, b: Deployment): boolean {
  return (
    a.account === b.account && a.container === b.container && a.path === b.path && a.file.etag === b.file.etag
  );
}

export function rowOf(deployment: Deployment): PackageRow {
  const { id, name, moduleId = '', version, state, progress, code, message, deviceId } = deployment;
  const { account, container, path, fileDeleted, createdAtMs, deadlineMs, changedAtMs } = deployment;
  return {
    name,
    moduleId,
    version,
    state,
    ...(progress === undefined ? {} : { progress }),
    code,
    message,
    deviceId,
    deploymentId: id,
    storageThing: account,
    container,
    path,
    fileDeleted,
    createdAt: new Date(createdAtMs).toISOString(),
    deadline: new Date(deadlineMs).toISOString(),
    time: new Date(changedAtMs).toISOString(),
  };
}

const REPORTED_STATES: readonly unknown[] = ['downloading', 'installing', 'installed', 'failed', 'cancelled'];
const MAX_MESSAGE_CHARACTERS = 500;

/** The progress in the response to the method or in the reported properties. Undefined if there is none that is valid. */
export function progressOf(value: unknown): Progress | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { state, message, progress } = value as { state?: unknown; message?: unknown; progress?: unknown };
  if (!REPORTED_STATES.includes(state)) return undefined;
  return {
    state: state as PackageState,
    code: state === 'failed' ? 'PACKAGE_FAILED' : '',
    message: typeof message === 'string' ? message.slice(0, MAX_MESSAGE_CHARACTERS) : '',
    ...(typeof progress === 'number' && progress >= 0 && progress <= 100 ? { progress } : {}),
    confirmed: hasEnded({ state: state as PackageState }),
  };
}

/** The progress of this deployment in the reported property `softwarePackages.<name>`. */
export function reportOf(
  deployment: Deployment,
  reported: Readonly<Record<string, unknown>>,
): Progress | undefined {
  const packages = reported['softwarePackages'];
  if (typeof packages !== 'object' || packages === null || !Object.hasOwn(packages, deployment.name))
    return undefined;
  const report = (packages as Record<string, unknown>)[deployment.name];
  if ((report as { deploymentId?: unknown } | null)?.deploymentId !== deployment.id) return undefined;
  return progressOf(report);
}
