import type { HubSettings } from '../../contract/hub-settings.ts';
import type { StorageAccounts } from '../../files/accounts.ts';
import { checkStep } from './check-steps.ts';
import type { CheckStep } from './checks.ts';

/** Tests where uploaded files go, when the settings want more of them than their names. */
export async function checkUploads(
  { uploadStorageThing, uploadContainer }: HubSettings,
  storages: StorageAccounts,
  signal: AbortSignal,
): Promise<CheckStep[]> {
  if (!uploadStorageThing) return [];
  const step = await checkStep(
    'Storage of uploads',
    async (limit) => {
      const storage = storages.require(uploadStorageThing);
      const { account, signIn } = await storage.check(limit);
      if (uploadContainer !== '') await storage.container(uploadContainer).search('', { limit: 1 }, limit);
      const links = signIn === 'sas' ? ' With a SAS address no links can be made.' : '';
      return `${account} answers${uploadContainer === '' ? '' : `, and has the container ${uploadContainer}`}.${links}`;
    },
    signal,
  );
  return [step];
}
