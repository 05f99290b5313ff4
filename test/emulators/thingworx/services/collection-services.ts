import {
  type Collection,
  type DesignTimePermissions,
  type DesignTimeRight,
  isCollection,
  type Principal,
} from '../model/entity.ts';
import { PlatformError } from '../values.ts';
import { native, type PlatformService, type ServiceArguments, text } from './native.ts';
import {
  addDesign,
  addPermission,
  deleteDesign,
  deletePermission,
  listTable,
  organization,
  principalParameters,
  put,
  runTimeParameters,
  without,
} from './permission-edits.ts';

function collection(args: ServiceArguments): Collection {
  const name = text(args, 'collectionName');
  if (!isCollection(name)) {
    throw new PlatformError(`Collection [${name}] does not exist`);
  }
  return name;
}

function forCollection<T>(map: Map<Collection, T>, args: ServiceArguments, fresh: () => T): T {
  const name = collection(args);
  const found = map.get(name) ?? fresh();
  map.set(name, found);
  return found;
}

/** Resource CollectionFunctions: rights on whole collections. */
export const collectionServices: PlatformService[] = [
  native(
    'AddCollectionRunTimePermission',
    `collectionName:STRING! ${runTimeParameters}`,
    'NOTHING',
    (args, context) => {
      const { platform } = context;
      platform.permissions.requireAdministrator(context.principal, 'AddCollectionRunTimePermission');
      addPermission(
        platform,
        forCollection(platform.permissions.ofCollections, args, () => new Map()),
        args,
      );
      platform.collectionsChanged();
      return null;
    },
  ),
  native(
    'DeleteCollectionRunTimePermission',
    `collectionName:STRING! ${runTimeParameters}`,
    'NOTHING',
    (args, context) => {
      const { platform } = context;
      platform.permissions.requireAdministrator(context.principal, 'DeleteCollectionRunTimePermission');
      deletePermission(
        forCollection(platform.permissions.ofCollections, args, () => new Map()),
        args,
      );
      platform.collectionsChanged();
      return null;
    },
  ),
  native(
    'GetCollectionRunTimePermissions',
    'collectionName:STRING!',
    'INFOTABLE:Permissions',
    (args, context) => {
      const rights = context.platform.permissions.ofCollections.get(collection(args));
      return listTable(
        context,
        [...(rights?.values() ?? [])].flatMap((one) => [...one]),
      );
    },
  ),
  native(
    'AddCollectionDesignTimePermission',
    `collectionName:STRING! ${principalParameters} type:STRING! allow:BOOLEAN`,
    'NOTHING',
    (args, context) => {
      const { platform } = context;
      platform.permissions.requireAdministrator(context.principal, 'AddCollectionDesignTimePermission');
      const permissions = forCollection<DesignTimePermissions>(
        platform.permissions.designOfCollections,
        args,
        () => new Map<DesignTimeRight, Principal[]>(),
      );
      addDesign(platform, permissions, args);
      platform.collectionsChanged();
      return null;
    },
  ),
  native(
    'DeleteCollectionDesignTimePermission',
    `collectionName:STRING! ${principalParameters} type:STRING!`,
    'NOTHING',
    (args, context) => {
      const { platform } = context;
      platform.permissions.requireAdministrator(context.principal, 'DeleteCollectionDesignTimePermission');
      deleteDesign(
        forCollection(platform.permissions.designOfCollections, args, () => new Map()),
        args,
      );
      platform.collectionsChanged();
      return null;
    },
  ),
  native(
    'GetCollectionDesignTimePermissions',
    'collectionName:STRING!',
    'INFOTABLE:Permissions',
    (args, context) =>
      listTable(context, context.platform.permissions.designOfCollections.get(collection(args)) ?? []),
  ),
  native(
    'AddCollectionVisibilityPermission',
    `collectionName:STRING! ${principalParameters}`,
    'NOTHING',
    (args, context) => {
      const { platform } = context;
      platform.permissions.requireAdministrator(context.principal, 'AddCollectionVisibilityPermission');
      const added = organization(platform, text(args, 'principal'), text(args, 'principalType'));
      const map = platform.permissions.visibilityOfCollections;
      map.set(collection(args), put(map.get(collection(args)), added));
      platform.collectionsChanged();
      return null;
    },
  ),
  native(
    'DeleteCollectionVisibilityPermission',
    `collectionName:STRING! ${principalParameters}`,
    'NOTHING',
    (args, context) => {
      const { platform } = context;
      platform.permissions.requireAdministrator(context.principal, 'DeleteCollectionVisibilityPermission');
      const map = platform.permissions.visibilityOfCollections;
      const gone = { name: text(args, 'principal'), type: text(args, 'principalType') };
      map.set(collection(args), without(map.get(collection(args)), gone));
      platform.collectionsChanged();
      return null;
    },
  ),
  native(
    'GetCollectionVisibilityPermissions',
    'collectionName:STRING!',
    'INFOTABLE:Permissions',
    (args, context) =>
      listTable(context, [
        ['Visibility', context.platform.permissions.visibilityOfCollections.get(collection(args)) ?? []],
      ]),
  ),
];
