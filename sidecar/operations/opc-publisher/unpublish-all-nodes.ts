import Type from 'typebox';
import { ConnectorError } from '../../errors/connector-error.ts';
import { callModule, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { writerEntry, writerMembers } from './opc-members.ts';
import { OpcWriter } from './opc-writers.ts';
import { publisherMembers } from './publisher-members.ts';

const { endpointUrl, ...rest } = writerMembers;

export const unpublishAllNodes = defineOperation({
  name: 'UnpublishAllNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary:
    'Has OPC Publisher drop all nodes of a writer, or, when asked for by name, its whole configuration.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/unpublish-all',
  input: Type.Object({
    ...publisherMembers,
    endpointUrl: Type.Optional(endpointUrl),
    ...rest,
    wholeConfiguration: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Whether everything that OPC Publisher sends is dropped, of all servers. Then endpointUrl stays empty.',
      }),
    ),
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: OPC Publisher has dropped the nodes.' }),
  }),
  noResult: true,
  errors: ['REQUEST_INVALID', ...MODULE_ERRORS],
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, endpointUrl, wholeConfiguration, ...writer }) {
    const isWhole = wholeConfiguration === true;
    if (isWhole === Boolean(endpointUrl))
      throw new ConnectorError(
        'REQUEST_INVALID',
        'Give endpointUrl, or wholeConfiguration to drop everything.',
      );
    const azure = await hubs.require(hub).azure();
    const module = { deviceId, moduleId };
    if (endpointUrl)
      await new OpcWriter(azure, module, writerEntry({ ...writer, endpointUrl }), signal).removeAll();
    else await callModule(azure, { ...module, methodName: 'UnpublishAllNodes_V1', payload: {} }, signal);
    return { done: true };
  },
});
