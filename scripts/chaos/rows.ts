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
  /** A row is wanted when its name contains one of them; all are when there is none. */
  readonly words: readonly string[];
  readonly quick: boolean;
}

export function rowsOf({ words, quick }: Wanted): readonly Row[] {
  const named = ROWS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  return quick ? named.filter((row) => row.quick === true) : named;
}
