import { type Permission, type PermissionKind, permit, SYSTEM_USER } from '../../sidecar/entities/model.ts';

import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { type OfferingEntity, ROLE_GROUPS, ROLES, type Role } from '../../sidecar/operations/operation.ts';

/** Built-in services of Things by which mashups and REST clients read properties that the caller may read. */
export const READING_SERVICES = ['GetPropertyValues', 'QueryPropertyHistory'] as const;

/** Gives a right to a role and those above it, except to administrators: they may do everything. */
export function permitFrom(role: Role, kind: PermissionKind, resources: readonly string[]): Permission[] {
  return ROLES.slice(ROLES.indexOf(role), ROLES.indexOf('administrator')).flatMap((above) =>
    permit(kind, ROLE_GROUPS[above], resources),
  );
}

/** The services of an entity that each role may call, as its operations say. */
export function serviceRights(entity: OfferingEntity): Permission[] {
  return ROLES.flatMap((role) =>
    permitFrom(
      role,
      'ServiceInvoke',
      OPERATIONS.filter((operation) => operation.entity === entity && operation.role === role).map(
        ({ name }) => name,
      ),
    ),
  );
}

/**
 * Gives a right to what the services of the extension do inside, whoever calls them. ThingWorx documents that a call in a script is allowed when
 * the caller or the System user may make it; nobody can log in as that user. So a role needs no right on CallSidecar, which would open
 * every operation. On a version of ThingWorx that looks at the caller alone, the services of the roles below administrator are refused.
 */
export function permitInside(kind: PermissionKind, resources: readonly string[]): Permission[] {
  return permit(kind, SYSTEM_USER, resources, 'User');
}

/** For whoever chooses a Thing in a mashup: the names of the Things of a template or shape, of those that the caller sees. */
export function permitListing(): Permission[] {
  return ROLES.flatMap((role) => permit('ServiceInvoke', ROLE_GROUPS[role], ['GetImplementingThings']));
}
