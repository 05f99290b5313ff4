import { checkConnection } from './check-connection.ts';
import { checkSidecar } from './check-sidecar.ts';
import { COMMANDS } from './commands/index.ts';
import { CONFIGURATIONS } from './configurations/index.ts';
import { connect } from './connect.ts';
import { DEAD_LETTERS } from './dead-letters/index.ts';
import { DEFERRED } from './deferred/index.ts';
import { disconnect } from './disconnect.ts';
import { EDGE } from './edge/index.ts';
import { FILES } from './files/index.ts';
import { getStatus } from './get-status.ts';
import { IMPORT } from './import/index.ts';
import { INGESTION } from './ingestion/index.ts';
import { JOBS } from './jobs/index.ts';
import { listHubs } from './list-hubs.ts';
import { MAPPINGS } from './mappings/index.ts';
import { OPC_PUBLISHER } from './opc-publisher/index.ts';
import type { Operation } from './operation.ts';
import { PACKAGES } from './packages/index.ts';
import { putSecret } from './put-secret.ts';
import { REGISTRY } from './registry/index.ts';
import { sendFileToDevice } from './send-file-to-device.ts';
import { TASKS } from './tasks/index.ts';
import { TWINS } from './twins/index.ts';

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
  ...DEFERRED,
  sendFileToDevice,
] as unknown as readonly Operation[];
