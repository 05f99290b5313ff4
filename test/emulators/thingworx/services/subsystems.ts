import type { Extensions } from '../import/extensions.ts';
import { PlatformError } from '../values.ts';
import { entityDescriptor } from './dependencies.ts';
import { native, type PlatformService, text } from './native.ts';

/** Services of PlatformSubsystem. */
export function platformSubsystemServices(extensions: Extensions): PlatformService[] {
  return [
    native('GetExtensionPackageList', '', 'INFOTABLE:ExtensionPackage', () => extensions.list()),
    native(
      'GetExtensionPackageDetails',
      'packageName:STRING!',
      'INFOTABLE:EntityDescriptor',
      (args, { platform }) => {
        const name = text(args, 'packageName');
        const found = extensions.installed.get(name);
        if (found === undefined) {
          throw new PlatformError(`Extension Package [${name}] is not installed`);
        }
        const table = platform.table('EntityDescriptor');
        for (const key of found.entities) {
          const entity = extensions.entity(key);
          if (entity !== undefined) {
            table.rows.push(entityDescriptor(entity));
          }
        }
        return table;
      },
    ),
    native(
      'GetExtensionsInUse',
      'packageName:STRING!',
      'INFOTABLE:NetworkConnection',
      (args, { platform }) => {
        const table = platform.table('NetworkConnection');
        for (const { used, user } of extensions.usedBy(text(args, 'packageName'))) {
          table.rows.push({ from: user.name, to: used.name, connectionType: used.collection });
        }
        return table;
      },
    ),
    native('DeleteExtensionPackage', 'packageName:STRING!', 'NOTHING', (args, { platform, principal }) => {
      platform.permissions.requireAdministrator(principal, 'DeleteExtensionPackage');
      extensions.delete(text(args, 'packageName'));
      return null;
    }),
    native('GetThingworxVersion', '', 'STRING', (_args, { platform }) => platform.version),
    native('GetThingCount', '', 'INTEGER', (_args, { platform }) => platform.store.count('Things')),
  ];
}
