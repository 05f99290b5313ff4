import type { Row } from './row.ts';
import { BACKUP_ROWS } from './rows/backup.ts';
import { DEVICE_ROWS } from './rows/devices.ts';
import { GROUP_ROWS } from './rows/group.ts';
import { HTTP_ROWS } from './rows/http.ts';
import { HUB_THING_ROWS } from './rows/hub-thing.ts';
import { IOT_HUB_ROWS } from './rows/iot-hub.ts';
import { LOAD_ROWS } from './rows/load.ts';
import { MACHINE_ROWS } from './rows/machine.ts';
import { NETWORK_ROWS } from './rows/network.ts';
import { PLATFORM_ROWS } from './rows/platform.ts';
import { PROCESS_ROWS } from './rows/process.ts';
import { UPGRADE_ROWS } from './rows/upgrade.ts';

/** All rows; docs/reliability.md names those that show each guarantee. */
export const ROWS: readonly Row[] = [
  ...PROCESS_ROWS,
  ...MACHINE_ROWS,
  ...NETWORK_ROWS,
  ...HTTP_ROWS,
  ...PLATFORM_ROWS,
  ...HUB_THING_ROWS,
  ...BACKUP_ROWS,
  ...IOT_HUB_ROWS,
  ...LOAD_ROWS,
  ...DEVICE_ROWS,
  ...GROUP_ROWS,
  ...UPGRADE_ROWS,
];

interface Wanted {
  /** Part of a name, which may hold commas, or several parts, separated by commas. Empty for all rows. */
  readonly only: string;
  readonly quick: boolean;
}

export function rowsOf({ only, quick }: Wanted): readonly Row[] {
  const isPart = ROWS.some(({ name }) => name.includes(only));
  const parts = isPart ? [only] : only.split(',').filter((part) => part !== '');
  const named = ROWS.filter(({ name }) => parts.some((part) => name.includes(part)));
  return quick ? named.filter((row) => row.quick === true) : named;
}
