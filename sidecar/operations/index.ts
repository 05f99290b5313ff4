import { CANARY } from './canary/canary.ts';
import { CHECK } from './check/check-connection.ts';
import { MESSAGES } from './commands/messages.ts';
import { METHODS } from './commands/methods.ts';
import { FILE_DELIVERY } from './commands/send-file.ts';
import { CONFIGURATIONS } from './configurations/configurations.ts';
import { CONNECTION } from './connection.ts';
import { DEAD_LETTERS } from './dead-letters/dead-letters.ts';
import { DEFERRED } from './deferred/deferred.ts';
import { EDGE_AGENT } from './edge/edge-agent.ts';
import { EDGE_MODULES } from './edge/modules.ts';
import { FILES } from './files/index.ts';
import { IMPORT } from './import/imports.ts';
import { INGESTION } from './ingestion/ingestion.ts';
import { JOBS } from './jobs/jobs.ts';
import { SCHEDULES } from './jobs/schedules.ts';
import { MAPPINGS } from './mappings/mappings.ts';
import { MIGRATION } from './migration/migration.ts';
import { MODELS } from './models/models.ts';
import { DIAGNOSTICS } from './opc-publisher/diagnostics.ts';
import { NODE_BINDINGS } from './opc-publisher/node-bindings.ts';
import { NODE_SEARCH } from './opc-publisher/node-search.ts';
import { PUBLISHED_NODES } from './opc-publisher/published-nodes.ts';
import { SERVER_NODES } from './opc-publisher/server-nodes.ts';
import type { Operation } from './operation.ts';
import { CAMPAIGNS } from './packages/campaigns.ts';
import { PACKAGES } from './packages/packages.ts';
import { QUOTA } from './quota/quota.ts';
import { DEVICES } from './registry/devices.ts';
import { KEYS } from './registry/keys.ts';
import { MODULES } from './registry/modules.ts';
import { QUERIES } from './registry/queries.ts';
import { TASKS } from './tasks/tasks.ts';
import { TWINS } from './twins/twins.ts';

/** Every operation. A new definition goes into the list of its family; only a new family needs a line here. */
export const OPERATIONS = [
  ...CONNECTION,
  ...CHECK,
  ...DEVICES,
  ...QUERIES,
  ...KEYS,
  ...MODULES,
  ...METHODS,
  ...MESSAGES,
  ...TWINS,
  ...SCHEDULES,
  ...JOBS,
  ...CONFIGURATIONS,
  ...EDGE_MODULES,
  ...EDGE_AGENT,
  ...PUBLISHED_NODES,
  ...DIAGNOSTICS,
  ...SERVER_NODES,
  ...NODE_SEARCH,
  ...NODE_BINDINGS,
  ...IMPORT,
  ...DEAD_LETTERS,
  ...INGESTION,
  ...TASKS,
  ...MAPPINGS,
  ...FILES,
  ...PACKAGES,
  ...CAMPAIGNS,
  ...DEFERRED,
  ...FILE_DELIVERY,
  ...MODELS,
  ...MIGRATION,
  ...CANARY,
  ...QUOTA,
] as unknown as readonly Operation[];
