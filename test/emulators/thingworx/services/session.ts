import type { Platform } from '../platform.ts';
import { native, type PlatformService } from './native.ts';

function list(platform: Platform, names: Iterable<string>) {
  const table = platform.table('EntityList');
  for (const name of names) {
    table.rows.push({ name, description: '' });
  }
  return table;
}

/** Resource CurrentSessionInfo, as far as it concerns the user. */
export const sessionServices: PlatformService[] = [
  native('GetCurrentUser', '', 'STRING', (_args, { principal }) => principal),
  native('GetCurrentUserGroups', '', 'INFOTABLE:EntityList', (_args, { platform, principal }) =>
    list(platform, platform.permissions.membership.groupsOf(principal)),
  ),
  native('GetCurrentUserOrganizations', '', 'INFOTABLE:EntityList', (_args, { platform, principal }) =>
    list(
      platform,
      platform.store
        .all('Organizations')
        .filter((one) => platform.permissions.membership.isInOrganization(principal, one.name))
        .map((one) => one.name),
    ),
  ),
  native('GetCurrentUserLanguage', '', 'STRING', () => 'en'),
];
