import type { Permission, PermissionKind } from './model.ts';
import { type Element, element } from './xml.ts';

const PERMISSION_KINDS: readonly PermissionKind[] = [
  'PropertyRead',
  'PropertyWrite',
  'ServiceInvoke',
  'EventInvoke',
  'EventSubscribe',
];

/** A block of run-time permissions: for each resource the principals of each kind of right. */
export function runTimePermissions(name: string, permissions: readonly Permission[]): Element {
  const resources = [...new Set(permissions.map((permission) => permission.resource))].sort();
  return element(
    name,
    {},
    resources.map((resourceName) =>
      element(
        'Permissions',
        { resourceName },
        PERMISSION_KINDS.map((kind) =>
          element(
            kind,
            {},
            permissions
              .filter((permission) => permission.resource === resourceName && permission.kind === kind)
              .map((permission) =>
                element('Principal', {
                  isPermitted: permission.isForbidden ? 'false' : 'true',
                  name: permission.principal,
                  type: permission.principalType,
                }),
              ),
          ),
        ),
      ),
    ),
  );
}
