import { designTimeRights, runTimeRights } from '../model/entity.ts';
import { designJson, principalJson, runTimeJson } from './describe.ts';
import { native, type PlatformService, text } from './native.ts';
import {
  addDesign,
  addPermission,
  changed,
  deleteDesign,
  deletePermission,
  json,
  listTable,
  organization,
  permissionRight,
  principalParameters,
  put,
  readPrincipals,
  readRunTimeJson,
  right,
  runTimeParameters,
  without,
} from './permission-edits.ts';

/** Permission services of every entity. */
export const permissionServices: PlatformService[] = [
  native('GetRunTimePermissionsAsJSON', '', 'JSON', (_args, { entity }) => runTimeJson(entity.runTime)),
  native('GetDesignTimePermissionsAsJSON', '', 'JSON', (_args, { entity }) => designJson(entity.designTime)),
  native('GetVisibilityPermissionsAsJSON', '', 'JSON', (_args, { entity }) => ({
    Visibility: entity.visibility.map(principalJson),
  })),
  native('SetRunTimePermissionsAsJSON', 'permissions:JSON!', 'NOTHING', (args, context) => {
    permissionRight(context);
    context.entity.runTime = readRunTimeJson(json(context, args, 'SetRunTimePermissionsAsJSON'));
    return changed(context);
  }),
  native('SetDesignTimePermissionsAsJSON', 'permissions:JSON!', 'NOTHING', (args, context) => {
    permissionRight(context);
    const given = json(context, args, 'SetDesignTimePermissionsAsJSON');
    context.entity.designTime = new Map(designTimeRights.map((type) => [type, readPrincipals(given[type])]));
    return changed(context);
  }),
  native('SetVisibilityPermissionsAsJSON', 'permissions:JSON!', 'NOTHING', (args, context) => {
    permissionRight(context);
    const given = readPrincipals(json(context, args, 'SetVisibilityPermissionsAsJSON').Visibility);
    context.entity.visibility = given.map((one) => organization(context.platform, one.name, one.type));
    return changed(context);
  }),
  native('AddRunTimePermission', runTimeParameters, 'NOTHING', (args, context) => {
    permissionRight(context);
    addPermission(context.platform, context.entity.runTime, args);
    return changed(context);
  }),
  native('DeleteRunTimePermission', runTimeParameters, 'NOTHING', (args, context) => {
    permissionRight(context);
    deletePermission(context.entity.runTime, args);
    return changed(context);
  }),
  native(
    'AddDesignTimePermission',
    `${principalParameters} type:STRING! allow:BOOLEAN`,
    'NOTHING',
    (args, context) => {
      permissionRight(context);
      addDesign(context.platform, context.entity.designTime, args);
      return changed(context);
    },
  ),
  native('DeleteDesignTimePermission', `${principalParameters} type:STRING!`, 'NOTHING', (args, context) => {
    permissionRight(context);
    deleteDesign(context.entity.designTime, args);
    return changed(context);
  }),
  native('AddVisibilityPermission', principalParameters, 'NOTHING', (args, context) => {
    permissionRight(context);
    const added = organization(context.platform, text(args, 'principal'), text(args, 'principalType'));
    context.entity.visibility = put(context.entity.visibility, added);
    return changed(context);
  }),
  native('DeleteVisibilityPermission', principalParameters, 'NOTHING', (args, context) => {
    permissionRight(context);
    context.entity.visibility = without(context.entity.visibility, {
      name: text(args, 'principal'),
      type: text(args, 'principalType'),
    });
    return changed(context);
  }),
  native('GetVisibilityPermissions', '', 'INFOTABLE:Permissions', (_args, context) =>
    listTable(context, [['Visibility', context.entity.visibility]]),
  ),
  native('GetRunTimePermissions', '', 'INFOTABLE:Permissions', (_args, context) =>
    listTable(
      context,
      [...context.entity.runTime.values()].flatMap((rights) => [...rights]),
    ),
  ),
  native('GetDesignTimePermissions', '', 'INFOTABLE:Permissions', (_args, context) =>
    listTable(context, context.entity.designTime),
  ),
  native(
    'CheckPermission',
    'name:STRING! type:STRING!',
    'BOOLEAN',
    (args, { platform, entity, principal: user }) =>
      platform.permissions.allows(entity, right(runTimeRights, text(args, 'type')), text(args, 'name'), user),
  ),
  native(
    'CheckPermissionForUser',
    'name:STRING! type:STRING! user:USERNAME!',
    'BOOLEAN',
    (args, { platform, entity }) =>
      platform.permissions.allows(
        entity,
        right(runTimeRights, text(args, 'type')),
        text(args, 'name'),
        text(args, 'user'),
      ),
  ),
  native(
    'CheckDesignTimePermission',
    'type:STRING!',
    'BOOLEAN',
    (args, { platform, entity, principal: user }) =>
      platform.permissions.allowsDesign(entity, right(designTimeRights, text(args, 'type')), user),
  ),
];
