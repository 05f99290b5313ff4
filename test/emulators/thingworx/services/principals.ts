import { InfoTable } from '../infotable.ts';
import type {
  ApplicationKeyEntity,
  Entity,
  GroupEntity,
  OrganizationEntity,
  UserEntity,
} from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { hashPassword, verifyPassword } from '../security/passwords.ts';
import { Password, PlatformError, type PlatformValue } from '../values.ts';
import { requireDesign } from './model-changes.ts';
import {
  bool,
  date,
  missingParameter,
  native,
  type PlatformService,
  type ServiceArguments,
  type ServiceContext,
  text,
} from './native.ts';

type Member = GroupEntity['members'][number];

/** The member named by `member` and `type`; anything else is the platform's bare 500. */
function member(context: ServiceContext, args: ServiceArguments, service: string): Member {
  const name = text(args, 'member');
  const type = text(args, 'type');
  const collection = type === 'User' ? 'Users' : type === 'Group' ? 'Groups' : undefined;
  if (name === '' || collection === undefined || !context.platform.store.has(collection, name)) {
    throw missingParameter(service, context.entity.name);
  }
  return { name, type: type as Member['type'] };
}

function without(members: readonly Member[], gone: Member): Member[] {
  return members.filter((one) => one.name !== gone.name || one.type !== gone.type);
}

/** Members of groups and organizations are set by customers, also in entities of an extension. */
function membersRight(context: ServiceContext): void {
  if (!context.platform.permissions.isAdministrator(context.principal)) {
    requireDesign(context, context.entity, 'Update', { stateOnly: true });
  }
}

function memberTable(platform: Platform, members: readonly Member[]): InfoTable {
  const table = platform.table('GroupMember');
  for (const { name, type } of members) {
    const entity: Entity | undefined = platform.store.get(type === 'User' ? 'Users' : 'Groups', name);
    table.rows.push({ name, type, description: entity?.description ?? '' });
  }
  return table;
}

function list(platform: Platform, names: Iterable<string>): InfoTable {
  const table = platform.table('EntityList');
  for (const name of names) {
    table.rows.push({ name, description: '' });
  }
  return table;
}

function membersFrom(context: ServiceContext, value: PlatformValue | undefined): Member[] {
  if (!(value instanceof InfoTable)) {
    throw missingParameter('AssignMembers', context.entity.name);
  }
  return value.rows.map((row) => ({
    name: text(row, 'name'),
    type: text(row, 'type') === 'Group' ? 'Group' : 'User',
  }));
}

export const groupServices: PlatformService<GroupEntity>[] = [
  native('AddMember', 'member:STRING type:STRING', 'NOTHING', (args, context) => {
    membersRight(context);
    const added = member(context, args, 'AddMember');
    context.entity.members = [...without(context.entity.members, added), added];
    context.platform.store.put(context.entity);
    return null;
  }),
  native('DeleteMember', 'member:STRING type:STRING', 'NOTHING', (args, context) => {
    membersRight(context);
    context.entity.members = without(context.entity.members, member(context, args, 'DeleteMember'));
    context.platform.store.put(context.entity);
    return null;
  }),
  native('AssignMembers', 'members:INFOTABLE:Principal!', 'NOTHING', (args, context) => {
    membersRight(context);
    context.entity.members = membersFrom(context, args.members);
    context.platform.store.put(context.entity);
    return null;
  }),
  native('GetGroupMembers', '', 'INFOTABLE:GroupMember', (_args, { platform, entity }) =>
    memberTable(platform, entity.members),
  ),
  native('GetGroupMember', 'name:STRING!', 'INFOTABLE:GroupMember', (args, { platform, entity }) =>
    memberTable(
      platform,
      entity.members.filter((one) => one.name === text(args, 'name')),
    ),
  ),
];

function setKey(
  context: ServiceContext<ApplicationKeyEntity>,
  change: (key: ApplicationKeyEntity) => void,
): null {
  requireDesign(context, context.entity, 'Update');
  change(context.entity);
  context.platform.store.put(context.entity);
  return null;
}

export const applicationKeyServices: PlatformService<ApplicationKeyEntity>[] = [
  native('GetKeyID', '', 'STRING', (_args, { entity }) => entity.keyId),
  native('GetUserName', '', 'STRING', (_args, { entity }) => entity.userNameReference),
  native('SetUserName', 'name:USERNAME!', 'NOTHING', (args, context) =>
    setKey(context, (key) => {
      key.userNameReference = text(args, 'name');
    }),
  ),
  native('SetClientName', 'name:STRING', 'NOTHING', (args, context) =>
    setKey(context, (key) => {
      key.clientName = text(args, 'name');
    }),
  ),
  native('SetIPWhitelist', 'list:STRING', 'NOTHING', (args, context) =>
    setKey(context, (key) => {
      key.ipWhitelist = text(args, 'list');
    }),
  ),
  native('GetExpirationDate', '', 'DATETIME', (_args, { entity }) => entity.expirationDate),
  native('SetExpirationDate', 'expirationDate:DATETIME!', 'NOTHING', (args, context) =>
    setKey(context, (key) => {
      key.expirationDate = date(args, 'expirationDate') ?? key.expirationDate;
    }),
  ),
  native('ResetExpirationDateToDefault', '', 'NOTHING', (_args, context) =>
    setKey(context, (key) => {
      key.expirationDate = new Date(Date.now() + 24 * 3_600_000);
    }),
  ),
  native('IsExpired', '', 'BOOLEAN', (_args, { entity }) => entity.expirationDate.getTime() <= Date.now()),
];

function clear(value: PlatformValue | undefined): string {
  return value instanceof Password ? value.clear : typeof value === 'string' ? value : '';
}

function setPassword(context: ServiceContext<UserEntity>, args: ServiceArguments): null {
  const wanted = clear(args.newPassword);
  if (wanted === '' || wanted !== clear(args.newPasswordConfirm)) {
    throw new PlatformError('The new password and its confirmation differ');
  }
  context.entity.passwordHash = hashPassword(wanted);
  context.platform.store.put(context.entity);
  return null;
}

function setUserState(context: ServiceContext<UserEntity>, change: (user: UserEntity) => void): null {
  context.platform.permissions.requireAdministrator(context.principal, `Update on ${context.entity.name}`);
  change(context.entity);
  context.platform.store.put(context.entity);
  return null;
}

export const userServices: PlatformService<UserEntity>[] = [
  native('IsEnabled', '', 'BOOLEAN', (_args, { entity }) => entity.enabled),
  native('IsLocked', '', 'BOOLEAN', (_args, { entity }) => entity.locked),
  native('EnableUser', '', 'NOTHING', (_args, context) =>
    setUserState(context, (user) => {
      user.enabled = true;
    }),
  ),
  native('DisableUser', '', 'NOTHING', (_args, context) =>
    setUserState(context, (user) => {
      user.enabled = false;
    }),
  ),
  native('LockUser', '', 'NOTHING', (_args, context) =>
    setUserState(context, (user) => {
      user.locked = true;
    }),
  ),
  native('UnlockUser', '', 'NOTHING', (_args, context) =>
    setUserState(context, (user) => {
      user.locked = false;
    }),
  ),
  native(
    'AssignNewPassword',
    'newPassword:STRING! newPasswordConfirm:STRING!',
    'NOTHING',
    (args, context) => {
      context.platform.permissions.requireAdministrator(context.principal, 'AssignNewPassword');
      return setPassword(context, args);
    },
  ),
  native(
    'ChangePassword',
    'oldPassword:STRING! newPassword:STRING! newPasswordConfirm:STRING!',
    'NOTHING',
    (args, context) => {
      if (!verifyPassword(clear(args.oldPassword), context.entity.passwordHash)) {
        throw new PlatformError('The old password is wrong');
      }
      return setPassword(context, args);
    },
  ),
  native('GetGroups', '', 'INFOTABLE:EntityList', (_args, { platform, entity }) =>
    list(platform, platform.permissions.membership.groupsOf(entity.name)),
  ),
  native('GetOrganizations', '', 'INFOTABLE:EntityList', (_args, { platform, entity }) =>
    list(
      platform,
      platform.store
        .all('Organizations')
        .filter((one) => platform.permissions.membership.isInOrganization(entity.name, one.name))
        .map((one) => one.name),
    ),
  ),
];

function unit(entity: OrganizationEntity, name: string) {
  const found = entity.units.get(name);
  if (found === undefined) {
    throw new PlatformError(`Organizational unit [${name}] does not exist in [${entity.name}]`);
  }
  return found;
}

export const organizationServices: PlatformService<OrganizationEntity>[] = [
  native('AddOrganizationalUnit', 'parentName:STRING! name:STRING!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    unit(context.entity, text(args, 'parentName'));
    const name = text(args, 'name');
    context.entity.units.set(name, { name, description: '', members: [] });
    context.entity.connections.push({ from: text(args, 'parentName'), to: name });
    context.platform.store.put(context.entity);
    return null;
  }),
  native('DeleteOrganizationalUnit', 'name:STRING! deleteChildren:BOOLEAN', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    const name = text(args, 'name');
    unit(context.entity, name);
    const children = context.entity.connections.filter((one) => one.from === name).map((one) => one.to);
    if (children.length > 0 && !bool(args, 'deleteChildren')) {
      throw new PlatformError(`Organizational unit [${name}] has units below it`);
    }
    const gone = new Set([name, ...children]);
    for (const one of gone) {
      context.entity.units.delete(one);
    }
    context.entity.connections = context.entity.connections.filter(
      (one) => !gone.has(one.from) && !gone.has(one.to),
    );
    context.platform.store.put(context.entity);
    return null;
  }),
  native('AddMember', 'name:STRING member:STRING type:STRING', 'NOTHING', (args, context) => {
    membersRight(context);
    const target = unit(context.entity, text(args, 'name'));
    const added = member(context, args, 'AddMember');
    target.members = [...without(target.members, added), added];
    context.platform.store.put(context.entity);
    return null;
  }),
  native('DeleteMember', 'name:STRING member:STRING type:STRING', 'NOTHING', (args, context) => {
    membersRight(context);
    const target = unit(context.entity, text(args, 'name'));
    target.members = without(target.members, member(context, args, 'DeleteMember'));
    context.platform.store.put(context.entity);
    return null;
  }),
  native('IsInOrganization', 'name:STRING!', 'BOOLEAN', (args, { platform, entity }) =>
    platform.permissions.membership.isInOrganization(text(args, 'name'), entity.name),
  ),
];
