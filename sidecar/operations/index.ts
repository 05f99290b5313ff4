import { checkConnection } from './check/check-connection.ts';
import { COMMANDS } from './commands/index.ts';
import { CONFIGURATIONS } from './configurations/configurations.ts';
import { checkSidecar, connect, disconnect, getStatus, listHubs, putSecret } from './connection.ts';
import { DEAD_LETTERS } from './dead-letters/dead-letters.ts';
import { EDGE } from './edge/index.ts';
import { FILES } from './files/index.ts';
import { IMPORT } from './import/imports.ts';
import { INGESTION } from './ingestion/ingestion.ts';
import { JOBS } from './jobs/index.ts';
import { MAPPINGS } from './mappings/mappings.ts';
import { OPC_PUBLISHER } from './opc-publisher/index.ts';
import type { Operation } from './operation.ts';
import { PACKAGES } from './packages/packages.ts';
import { REGISTRY } from './registry/index.ts';
import { TASKS } from './tasks/tasks.ts';
import { TWINS } from './twins/twins.ts';

/** Every operation. Adding one is adding its file and its line here. */
export const OPERATIONS = [
  checkSidecar,
  checkConnection,
  connect,
  disconnect,
  getStatus,
  listHubs,
  putSecret,
  ...REGISTRY,
  ...COMMANDS,
  ...TWINS,
  ...JOBS,
  ...CONFIGURATIONS,
  ...EDGE,
  ...OPC_PUBLISHER,
  ...IMPORT,
  ...DEAD_LETTERS,
  ...INGESTION,
  ...TASKS,
  ...MAPPINGS,
  ...FILES,
  ...PACKAGES,
] as unknown as readonly Operation[];
