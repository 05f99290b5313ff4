import { browse } from './browse.ts';
import { getConfiguredEndpoints } from './get-configured-endpoints.ts';
import { getConfiguredNodes } from './get-configured-nodes.ts';
import { getDiagnosticInfo } from './get-diagnostic-info.ts';
import { publishNodes } from './publish-nodes.ts';
import { readValue } from './read-value.ts';
import { unpublishAllNodes } from './unpublish-all-nodes.ts';
import { unpublishNodes } from './unpublish-nodes.ts';
import { writeValue } from './write-value.ts';

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
