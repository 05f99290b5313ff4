import { ImportProblem } from '../import/report.ts';
import {
  type DesignTimePermissions,
  designTimeRights,
  type Principal,
  type PrincipalType,
  type RunTimePermissions,
  runTimeRights,
} from '../model/entity.ts';
import type { XmlElement } from './document.ts';

const principalTypes: ReadonlySet<string> = new Set([
  'User',
  'Group',
  'Organization',
  'OrganizationalUnit',
] satisfies PrincipalType[]);

function readPrincipals(element: XmlElement | undefined, entity: string): Principal[] {
  return (element?.all('Principal') ?? []).map((one) => {
    const type = one.attribute('type') ?? 'Group';
    if (!principalTypes.has(type)) {
      throw new ImportProblem(`Invalid principal type [${type}] in the permissions of ${entity}`);
    }
    return {
      // `principalName` occurs in one published package instead of `name`.
      name: one.attribute('name') ?? one.attribute('principalName') ?? '',
      type: type as PrincipalType,
      isPermitted: one.attribute('isPermitted') !== 'false',
    };
  });
}

/** Reads `<RunTimePermissions>` or `<InstanceRunTimePermissions>`. */
export function readRunTimePermissions(element: XmlElement | undefined, entity: string): RunTimePermissions {
  const permissions: RunTimePermissions = new Map();
  for (const block of element?.all('Permissions') ?? []) {
    const rights = new Map();
    for (const right of runTimeRights) {
      const principals = readPrincipals(block.first(right), entity);
      if (principals.length > 0) {
        rights.set(right, principals);
      }
    }
    permissions.set(block.attribute('resourceName') ?? '*', rights);
  }
  return permissions;
}

export function readDesignTimePermissions(
  element: XmlElement | undefined,
  entity: string,
): DesignTimePermissions {
  const permissions: DesignTimePermissions = new Map();
  for (const right of designTimeRights) {
    const principals = readPrincipals(element?.first(right), entity);
    if (principals.length > 0) {
      permissions.set(right, principals);
    }
  }
  return permissions;
}

/** Reads `<VisibilityPermissions>`: organizations and units only; a group there fails on the platform. */
export function readVisibility(element: XmlElement | undefined, entity: string): Principal[] {
  const principals = readPrincipals(element?.first('Visibility'), entity);
  for (const principal of principals) {
    requireOrganization(principal.type, entity);
  }
  return principals;
}

export function requireOrganization(type: string, entity: string): void {
  if (type !== 'Organization' && type !== 'OrganizationalUnit') {
    throw new ImportProblem(`A principal of type ${type} cannot have visibility of ${entity}`);
  }
}
