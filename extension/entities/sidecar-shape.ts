import { handWritten } from '../generate/scripts.ts';
import { operationServices } from '../generate/services.ts';
import { ADMINISTRATORS, permitAll, type ThingShape } from './model.ts';

export const sidecarShape: ThingShape = {
  kind: 'ThingShape',
  name: 'AzureIoT.Sidecar_TS',
  description: 'Gives a Thing the connection to the sidecar, the program that talks to Azure.',
  properties: [
    {
      name: 'sidecarUrl',
      baseType: 'STRING',
      description: 'Address of the sidecar as the ThingWorx server reaches it.',
      category: 'Sidecar',
      isPersistent: true,
      defaultValue: 'http://127.0.0.1:8780',
    },
    {
      name: 'sidecarToken',
      baseType: 'PASSWORD',
      description:
        'The token that the sidecar was started with (SIDECAR_TOKEN, or the file it wrote at its first start).',
      category: 'Sidecar',
      isPersistent: true,
    },
  ],
  services: [
    ...operationServices('AzureIoT.Sidecar_TS'),
    {
      name: 'CallSidecar',
      category: 'Sidecar',
      description:
        'Calls a route of the sidecar and gives its result; the other services go through this one.',
      parameters: [
        {
          name: 'method',
          baseType: 'STRING',
          description: 'GET, PUT, POST, PATCH or DELETE.',
          isRequired: true,
        },
        {
          name: 'path',
          baseType: 'STRING',
          description: 'The path with query string, such as /v1/hubs.',
          isRequired: true,
        },
        { name: 'content', baseType: 'JSON', description: 'The body of PUT, POST and PATCH.' },
        {
          name: 'timeoutSeconds',
          baseType: 'NUMBER',
          description:
            'How long to wait for the answer. ThingWorx ends scripts after 30 seconds unless set otherwise.',
          defaultValue: '20',
          units: 's',
        },
      ],
      result: {
        baseType: 'JSON',
        description: 'The result; a problem is thrown as an Error that begins with its code.',
      },
      script: handWritten('CallSidecar'),
    },
  ],
  events: [],
  subscriptions: [],
  instancePermissions: permitAll(ADMINISTRATORS),
};
