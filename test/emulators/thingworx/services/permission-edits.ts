import type { InfoTable } from '../infotable.ts';
import {
  type DesignTimePermissions,
  designTimeRights,
  type Principal,
  type PrincipalType,
  type RunTimePermissions,
  type RunTimeRight,
  runTimeRights,
} from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { type JsonObject, type JsonValue, PlatformError } from '../values.ts';
import { requireDesign } from './model-changes.ts';
import { bool, missingParameter, type ServiceArguments, type ServiceContext, text } from './native.ts';

export function isOneOf<T extends string>(list: readonly T[], value: string): value is T {
  return (list as readonly string[]).includes(value);
}

export function right<T extends string>(list: readonly T[], value: string): T {
  if (!isOneOf(list, value)) {
    throw new PlatformError(`Invalid permission type [${value}]`);
  }
  return value;
}

/** A user or group that exists. */
export function principal(platform: Platform, args: ServiceArguments, isPermitted: boolean): Principal {
  const name = text(args, 'principal');
  const type = text(args, 'principalType');
  const collection = type === 'User' ? 'Users' : type === 'Group' ? 'Groups' : undefined;
  if (collection === undefined || !platform.store.has(collection, name)) {
    throw new PlatformError(`Principal [${name}] of type [${type}] does not exist`);
  }
  return { name, type: type as PrincipalType, isPermitted };
}

/** An organization or `organization:unit` that exists. Groups cannot have visibility. */
export function organization(platform: Platform, name: string, type: string): Principal {
  const [organizationName = '', unit] = name.split(':');
  const found = platform.store.get('Organizations', organizationName);
  const isUnit = type === 'OrganizationalUnit' || type === 'Organization Unit';
  if (
    (type !== 'Organization' && !isUnit) ||
    found === undefined ||
    (unit !== undefined && !found.units.has(unit))
  ) {
    throw new PlatformError(`Principal [${name}] of type [${type}] cannot have visibility`);
  }
  return { name, type: isUnit ? 'OrganizationalUnit' : 'Organization', isPermitted: true };
}

export function put(list: Principal[] | undefined, added: Principal): Principal[] {
  return [...without(list, added), added];
}

export function without(list: Principal[] | undefined, gone: { name: string; type: string }): Principal[] {
  return (list ?? []).filter((one) => one.name !== gone.name || one.type !== gone.type);
}

export function addRunTime(
  permissions: RunTimePermissions,
  resource: string,
  type: RunTimeRight,
  added: Principal,
): void {
  const rights = permissions.get(resource) ?? new Map<RunTimeRight, Principal[]>();
  rights.set(type, put(rights.get(type), added));
  permissions.set(resource, rights);
}

export function addPermission(
  platform: Platform,
  permissions: RunTimePermissions,
  args: ServiceArguments,
): void {
  const type = right(runTimeRights, text(args, 'type'));
  addRunTime(
    permissions,
    text(args, 'resource') || '*',
    type,
    principal(platform, args, bool(args, 'allow', true)),
  );
}

export function deletePermission(permissions: RunTimePermissions, args: ServiceArguments): void {
  const rights = permissions.get(text(args, 'resource') || '*');
  const type = right(runTimeRights, text(args, 'type'));
  rights?.set(
    type,
    without(rights.get(type), { name: text(args, 'principal'), type: text(args, 'principalType') }),
  );
}

export function addDesign(
  platform: Platform,
  permissions: DesignTimePermissions,
  args: ServiceArguments,
): void {
  const type = right(designTimeRights, text(args, 'type'));
  permissions.set(type, put(permissions.get(type), principal(platform, args, bool(args, 'allow', true))));
}

export function deleteDesign(permissions: DesignTimePermissions, args: ServiceArguments): void {
  const type = right(designTimeRights, text(args, 'type'));
  permissions.set(
    type,
    without(permissions.get(type), { name: text(args, 'principal'), type: text(args, 'principalType') }),
  );
}

/** Principals in JSON; a list without the array around it, or boxed, is read too. */
export function readPrincipals(value: JsonValue | undefined): Principal[] {
  const list = Array.isArray(value) ? value : [];
  return list
    .filter((one): one is JsonObject => typeof one === 'object' && one !== null && !Array.isArray(one))
    .map((one) => ({
      name: String(one.name ?? ''),
      type: String(one.type ?? 'Group') as PrincipalType,
      isPermitted: one.isPermitted !== false,
    }));
}

export function readRunTimeJson(json: JsonObject): RunTimePermissions {
  const permissions: RunTimePermissions = new Map();
  const list = Array.isArray(json.permissions) ? json.permissions : [];
  for (const one of list) {
    if (typeof one !== 'object' || one === null || Array.isArray(one)) {
      continue;
    }
    const rights = new Map<RunTimeRight, Principal[]>();
    for (const type of runTimeRights) {
      const principals = readPrincipals(one[type]);
      if (principals.length > 0) {
        rights.set(type, principals);
      }
    }
    permissions.set(String(one.resourceName ?? '*'), rights);
  }
  return permissions;
}

export function json(context: ServiceContext, args: ServiceArguments, service: string): JsonObject {
  const value = args.permissions;
  if (typeof value !== 'object' || value === null) {
    throw missingParameter(service, context.entity.name);
  }
  return value as JsonObject;
}

export function changed(context: ServiceContext): null {
  context.platform.store.put(context.entity);
  return null;
}

/** Changes of permissions need the right to change the entity. */
export function permissionRight(context: ServiceContext): void {
  requireDesign(context, context.entity, 'Update', { stateOnly: true });
}

export function listTable(
  context: ServiceContext,
  groups: Iterable<[string, readonly Principal[]]>,
): InfoTable {
  const table = context.platform.table('Permissions');
  for (const [permissionName, principals] of groups) {
    for (const { name, type, isPermitted } of principals) {
      table.rows.push({ name, type, permissionName, isPermitted });
    }
  }
  return table;
}

export const principalParameters = 'principal:STRING! principalType:STRING!';
export const runTimeParameters = `${principalParameters} type:STRING! resource:STRING allow:BOOLEAN`;
