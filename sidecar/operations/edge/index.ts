import { getModuleLogs } from './get-module-logs.ts';
import { getModulesStatus } from './get-modules-status.ts';
import { listModules } from './list-modules.ts';
import { pingEdgeAgent } from './ping-edge-agent.ts';
import { restartModule } from './restart-module.ts';
import { setModules } from './set-modules.ts';

/** One IoT Edge device: its modules and its edgeAgent. */
export const EDGE = [listModules, getModulesStatus, setModules, restartModule, getModuleLogs, pingEdgeAgent];
