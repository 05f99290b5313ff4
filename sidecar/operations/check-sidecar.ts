import Type from 'typebox';
import { DateTime } from '../contract/schema.ts';
import { defineOperation } from './operation.ts';

export const checkSidecar = defineOperation({
  name: 'CheckSidecar',
  entity: 'AzureIoT.Sidecar_TS',
  category: 'Connection',
  summary:
    'Shows whether the sidecar answers at sidecarUrl and accepts sidecarToken, with its version and uptime.',
  method: 'GET',
  path: '/sidecar',
  input: Type.Object({}),
  output: Type.Object({
    version: Type.String({ description: 'The version of the sidecar.' }),
    nodeVersion: Type.String({ description: 'The version of Node that runs it.' }),
    startedAt: DateTime({ description: 'When the sidecar was started.' }),
    uptimeSeconds: Type.Integer({ minimum: 0, description: 'Seconds since then.' }),
  }),
  errors: [],
  async run({ sidecar }) {
    return {
      version: sidecar.version,
      nodeVersion: process.versions.node,
      startedAt: sidecar.startedAt.toISOString(),
      uptimeSeconds: Math.max(0, Math.floor((Date.now() - sidecar.startedAt.getTime()) / 1000)),
    };
  },
});
