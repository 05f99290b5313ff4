import { getModuleLogs, pingEdgeAgent, restartModule } from './edge-agent.ts';
import { getModulesStatus, listModules, setModules } from './modules.ts';

/** One IoT Edge device: its modules and its edgeAgent. */
export const EDGE = [listModules, getModulesStatus, setModules, restartModule, getModuleLogs, pingEdgeAgent];
