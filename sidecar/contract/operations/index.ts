import type { Operation } from '../operation.ts';
import { checkSidecar } from './check-sidecar.ts';
import { connect } from './connect.ts';
import { disconnect } from './disconnect.ts';
import { getStatus } from './get-status.ts';
import { listHubs } from './list-hubs.ts';
import { putSecret } from './put-secret.ts';

/** Every operation. Adding one is adding its file and its line here. */
export const OPERATIONS = [
  checkSidecar,
  connect,
  disconnect,
  getStatus,
  listHubs,
  putSecret,
] as unknown as readonly Operation[];
