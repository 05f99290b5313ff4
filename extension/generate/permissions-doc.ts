import type { Permission } from '../../sidecar/entities/model.ts';
import { ROLE_GROUPS, ROLES, type Role } from '../../sidecar/operations/operation.ts';
import { GRANTS, type Grant, KEY_GRANTS, TEMPLATE_GRANTS } from '../entities/grants.ts';
import { ENTITIES } from '../entities/index.ts';

/** docs/permissions.md: every right that the connector's groups have, and where each comes from. */
export function permissionsDoc(): string {
  const parts = [
    '# Permissions',
    'Generated from the entities by `npm run generate`. `AzureIoT.Sidecar_UG` holds the user of the application key of the sidecar and ' +
      'no one else; each role of people has a group. ThingWorx shows an entity only to organizations that may see it: members of these ' +
      'groups belong to `AzureIoT.Connector_OR`, which sees all entities of the extension and the Things made from its templates.',
    '## Roles',
    'Add a user, or a group of your own, to the group of one role. Each role may do what the roles before it may. To give a role to a group ' +
      'of your own, call `GrantPermissions` with `role` and `group`.',
    table(['Role', 'Group', 'Entity', 'Right on its Things', 'What the role adds'], roleRows()),
    'Administrators may do everything with these Things, except to call `RegisterSidecar` and `UpdatePropertyValues` on hub Things and storage ' +
      'Things, and to write `introducedAddress`: [security.md](security.md) says why. Only they may read keys, write the settings of the ' +
      'connection and the secrets, and call `CallSidecar`, which takes every operation by its name.',
    'A right on one service of one Thing is enough to call it. What the service does inside is allowed to the user `System`, as the tables ' +
      'below say; ThingWorx lets a script do what its caller or that user may do. Nobody can log in as `System`.',
    '## What comes with the extension',
    'Rights on the entities of the extension and on the Things made from its shapes and templates. `*` stands for all.',
    table(['Entity', 'Of', 'Right', 'On', 'Group or user'], shippedRows()),
    '## What GrantPermissions gives',
    'Rights on what belongs to the platform; an extension cannot bring them. Call `GrantPermissions` on a hub Thing once, as an ' +
      'administrator of ThingWorx. It may be called again; nothing is taken away. `CheckConnection` shows what is missing.',
    table(['Entity', 'Right', 'To', 'Why'], GRANTS.map(grantRow)),
    '## Templates of your own',
    'Things of a template of your own that is derived from `AzureIoT.Device_TT` inherit the rights on its shape. For the rest call ' +
      '`GrantPermissions` with the name of the template in `template`; it gives beside the rights above:',
    table(['Entity', 'Right', 'To', 'Why'], TEMPLATE_GRANTS.map(grantRow)),
    '## The application key',
    'For the name of the application key in `applicationKey`, `GrantPermissions` gives on that key:',
    table(
      ['Entity', 'Right', 'To', 'Why'],
      KEY_GRANTS.map((grant) => ['the application key', ...grantRow(grant).slice(1)]),
    ),
    "## While a migration from PTC's connector runs",
    'The tasks of `StartMigration`, `CompareMigration`, `FindMigrationReferences` and `UndoMigration` read entities of others, make Thing Templates and ' +
      'copy permissions. Add the user of the application key to the group `Administrators` of ThingWorx, and take it out when the migration ends. ' +
      '`AzureIoT.Sidecar_UG` has no right on the services behind them. `PlanMigration` reads with the rights of whoever calls it. ' +
      '[Decision 131](decisions/131-rights-during-a-migration.md) has the reasons.',
    '## What the sidecar may not do',
    'Its user has no right to any other service, property or event: it cannot change settings of a hub Thing, disconnect it, call services ' +
      'of devices such as InvokeMethod, import extensions, change permissions or see Things that are not made from the templates of the ' +
      'extension. It owns the Things that it makes, and as their owner may do everything with them.',
  ];
  return `${parts.join('\n\n')}\n`;
}

const OF_ROLES: ReadonlySet<string> = new Set(
  ROLES.filter((role) => role !== 'administrator').map((role) => ROLE_GROUPS[role]),
);

function shippedRows(): string[][] {
  return ENTITIES.flatMap((entity) => {
    if (entity.kind === 'Thing') return rows(entity.name, 'itself', entity.permissions);
    if (entity.kind !== 'ThingShape' && entity.kind !== 'ThingTemplate') return [];
    return [
      ...rows(entity.name, 'itself', entity.permissions ?? []),
      ...rows(
        entity.name,
        'its Things',
        entity.instancePermissions.filter(({ principal }) => !OF_ROLES.has(principal)),
      ),
    ];
  });
}

/** What each role has beyond the one before it. */
function roleRows(): string[][] {
  return ROLES.flatMap((role, index) => {
    const group = ROLE_GROUPS[role];
    const before = index === 0 ? undefined : ROLE_GROUPS[ROLES[index - 1] as Role];
    const isNew = (permission: Permission, all: readonly Permission[]) =>
      permission.principal === group &&
      !all.some(
        ({ principal, kind, resource }) =>
          principal === before && kind === permission.kind && resource === permission.resource,
      );
    return ENTITIES.flatMap((entity) => {
      if (entity.kind !== 'ThingShape' && entity.kind !== 'ThingTemplate') return [];
      const added = entity.instancePermissions.filter(
        (permission) => permission.isForbidden !== true && isNew(permission, entity.instancePermissions),
      );
      return rows(entity.name, 'its Things', added).map(([name = '', , right = '', on = '']) => [
        role,
        `\`${group}\``,
        name,
        right,
        on,
      ]);
    });
  });
}

/** One row for each set of resources on which a group has the same rights. */
function rows(entity: string, level: string, permissions: readonly Permission[]): string[][] {
  const byKind = Map.groupBy(
    permissions,
    ({ principal, kind, isForbidden }) => `${principal} ${isForbidden ? 'not' : ''}${kind}`,
  );
  const groups = new Map<string, { kinds: string[]; principal: string; resources: string[] }>();
  for (const some of byKind.values()) {
    const { kind = '', principal = '', isForbidden } = some[0] ?? {};
    const resources = some.map(({ resource }) => resource);
    const key = `${principal} ${isForbidden ? 'not ' : ''}${resources.join(' ')}`;
    const group = groups.get(key) ?? { kinds: [], principal, resources };
    group.kinds.push(isForbidden ? `**no** ${kind}` : kind);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ kinds, principal, resources }) => [
    `\`${entity}\``,
    level,
    kinds.join(', '),
    summarised(resources),
    `\`${principal}\``,
  ]);
}

/** Numbered resources as ranges, behind the others. */
function summarised(resources: readonly string[]): string {
  const groups = Map.groupBy(resources, (name) => /^(\w+?)\d\d$/.exec(name)?.[1]);
  const others = (groups.get(undefined) ?? []).map((name) => `\`${name}\``);
  groups.delete(undefined);
  const ranges = [...groups.values()].map((names) => `\`${names[0]}\` to \`${names.at(-1)}\``);
  return [...others, ...ranges].join(', ');
}

function grantRow({ kind, entity, right, principal, why }: Grant): string[] {
  const name = entity === '' ? 'your template' : `\`${entity}\``;
  switch (kind) {
    case 'seen':
      return [name, 'visibility', `\`${principal}\``, why];
    case 'run':
      return [`resource ${name}`, `ServiceInvoke \`${right}\``, `\`${principal}\``, why];
    case 'collection':
      return [`all ${name}`, `design time ${right}`, `\`${principal}\``, why];
    case 'instance':
      return [`Things of ${name}`, `design time ${right}`, `\`${principal}\``, why];
  }
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}
