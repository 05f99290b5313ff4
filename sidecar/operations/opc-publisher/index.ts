import { getDiagnosticInfo } from './diagnostics.ts';
import {
  getConfiguredEndpoints,
  getConfiguredNodes,
  publishNodes,
  unpublishAllNodes,
  unpublishNodes,
} from './published-nodes.ts';
import { browse, readValue, writeValue } from './server-nodes.ts';

/** The OPC Publisher module, by its direct methods. */
export const OPC_PUBLISHER = [
  publishNodes,
  unpublishNodes,
  unpublishAllNodes,
  getConfiguredEndpoints,
  getConfiguredNodes,
  getDiagnosticInfo,
  browse,
  readValue,
  writeValue,
];
