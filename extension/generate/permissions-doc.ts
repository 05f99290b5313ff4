import { GRANTS, type Grant, KEY_GRANTS, TEMPLATE_GRANTS } from '../entities/grants.ts';
import { ENTITIES } from '../entities/index.ts';
import type { Permission } from '../entities/model.ts';

/** docs/permissions.md: every right that the connector's groups have, and where each comes from. */
export function permissionsDoc(): string {
  const parts = [
    '# Permissions',
    'Generated from the entities by `npm run generate`. `AzureIoT.Sidecar_UG` holds the user of the application key of the sidecar and ' +
      'no one else; `AzureIoT.Administrators_UG` those who configure and operate hubs and devices. ThingWorx shows an entity only to ' +
      'organizations that may see it: members of both groups belong to `AzureIoT.Connector_OR`, which sees all entities of the extension and ' +
      'the Things made from its templates.',
    '## What comes with the extension',
    'Rights on the entities of the extension and on the Things made from its shapes and templates. `*` stands for all.',
    table(['Entity', 'Of', 'Right', 'On', 'Group'], shippedRows()),
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
    '## What the sidecar may not do',
    'Its user has no right to any other service, property or event: it cannot change settings of a hub Thing, disconnect it, call services ' +
      'of devices such as InvokeMethod, import extensions, change permissions or see Things that are not made from the templates of the ' +
      'extension. It owns the Things that it makes, and as their owner may do everything with them.',
  ];
  return `${parts.join('\n\n')}\n`;
}

function shippedRows(): string[][] {
  return ENTITIES.flatMap((entity) => {
    if (entity.kind !== 'ThingShape' && entity.kind !== 'ThingTemplate') return [];
    return [
      ...rows(entity.name, 'itself', entity.permissions ?? []),
      ...rows(entity.name, 'its Things', entity.instancePermissions),
    ];
  });
}

/** One row for each set of resources on which a group has the same rights. */
function rows(entity: string, level: string, permissions: readonly Permission[]): string[][] {
  const byKind = Map.groupBy(permissions, ({ principal, kind }) => `${principal} ${kind}`);
  const groups = new Map<string, { kinds: string[]; principal: string; resources: string[] }>();
  for (const some of byKind.values()) {
    const { kind = '', principal = '' } = some[0] ?? {};
    const resources = some.map(({ resource }) => resource);
    const key = `${principal} ${resources.join(' ')}`;
    const group = groups.get(key) ?? { kinds: [], principal, resources };
    group.kinds.push(kind);
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

/** Numbered resources as a range. */
function summarised(resources: readonly string[]): string {
  const numbered = resources.filter((name) => /^partition\d\d$/.test(name));
  const others = resources.filter((name) => !numbered.includes(name)).map((name) => `\`${name}\``);
  return [...others, ...(numbered.length > 0 ? [`\`${numbered[0]}\` to \`${numbered.at(-1)}\``] : [])].join(
    ', ',
  );
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
