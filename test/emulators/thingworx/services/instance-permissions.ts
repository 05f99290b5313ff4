import type { ThingShapeEntity, ThingTemplateEntity } from '../model/entity.ts';
import { runTimeJson } from './describe.ts';
import { native, type PlatformService, text } from './native.ts';
import {
  addDesign,
  addPermission,
  changed,
  deleteDesign,
  deletePermission,
  json,
  organization,
  permissionRight,
  principalParameters,
  put,
  readRunTimeJson,
  runTimeParameters,
  without,
} from './permission-edits.ts';

type WithInstances = ThingTemplateEntity | ThingShapeEntity;

/** Permissions that Things inherit from a template or shape. */
export const instancePermissionServices: PlatformService<WithInstances>[] = [
  native('GetInstanceRunTimePermissionsAsJSON', '', 'JSON', (_args, { entity }) =>
    runTimeJson(entity.instanceRunTime),
  ),
  native('SetInstanceRunTimePermissionsAsJSON', 'permissions:JSON!', 'NOTHING', (args, context) => {
    permissionRight(context);
    context.entity.instanceRunTime = readRunTimeJson(
      json(context, args, 'SetInstanceRunTimePermissionsAsJSON'),
    );
    return changed(context);
  }),
  native('AddInstanceRunTimePermission', runTimeParameters, 'NOTHING', (args, context) => {
    permissionRight(context);
    addPermission(context.platform, context.entity.instanceRunTime, args);
    return changed(context);
  }),
  native('DeleteInstanceRunTimePermission', runTimeParameters, 'NOTHING', (args, context) => {
    permissionRight(context);
    deletePermission(context.entity.instanceRunTime, args);
    return changed(context);
  }),
];

export const templatePermissionServices: PlatformService<ThingTemplateEntity>[] = [
  native('AddInstanceVisibilityPermission', principalParameters, 'NOTHING', (args, context) => {
    permissionRight(context);
    const added = organization(context.platform, text(args, 'principal'), text(args, 'principalType'));
    context.entity.instanceVisibility = put(context.entity.instanceVisibility, added);
    return changed(context);
  }),
  native('DeleteInstanceVisibilityPermission', principalParameters, 'NOTHING', (args, context) => {
    permissionRight(context);
    context.entity.instanceVisibility = without(context.entity.instanceVisibility, {
      name: text(args, 'principal'),
      type: text(args, 'principalType'),
    });
    return changed(context);
  }),
  native(
    'AddInstanceDesignTimePermission',
    `${principalParameters} type:STRING! allow:BOOLEAN`,
    'NOTHING',
    (args, context) => {
      permissionRight(context);
      addDesign(context.platform, context.entity.instanceDesignTime, args);
      return changed(context);
    },
  ),
  native(
    'DeleteInstanceDesignTimePermission',
    `${principalParameters} type:STRING!`,
    'NOTHING',
    (args, context) => {
      permissionRight(context);
      deleteDesign(context.entity.instanceDesignTime, args);
      return changed(context);
    },
  ),
];
