import { handWritten } from '../generate/scripts.ts';
import { operationServices } from '../generate/services.ts';
import {
  ADMINISTRATORS,
  INNER_CATEGORY,
  type PropertyDefinition,
  permitAll,
  type ThingShape,
} from './model.ts';

/** Written by services alone; their category is the last in Composer. */
const INNER = { category: INNER_CATEGORY, dataChangeType: 'NEVER' } as const;

const passedProperties: readonly PropertyDefinition[] = [
  {
    name: 'tokenPassedAs',
    baseType: 'STRING',
    description:
      'In which form the token last reached the sidecar: parameter, decrypted (by EncryptionServices) or text (sidecarTokenText); not to be edited.',
    isPersistent: true,
    ...INNER,
  },
  {
    name: 'connectAskedAt',
    baseType: 'LONG',
    description: 'When a subscription last asked to connect, in ms since 1970; not to be edited.',
    ...INNER,
  },
  {
    name: 'collectingSince',
    baseType: 'LONG',
    description:
      'Since when requests to connect are joined into one, in ms since 1970; 0 when none is; not to be edited.',
    ...INNER,
  },
];

/** What services write beside the status, in the name of whoever calls them. */
export const SIDECAR_WRITTEN = passedProperties.map(({ name }) => name);

/** Whatever is changed of these sends the settings again. */
export const SIDECAR_SETTINGS = [
  'sidecarUrl',
  'sidecarToken',
  'sidecarTokenText',
  'secretReferences',
] as const;

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
    {
      name: 'sidecarTokenText',
      baseType: 'STRING',
      description:
        'Last resort, when CheckConnection says that this ThingWorx does not hand on PASSWORD values in clear: the token again. Whoever may read properties of this Thing reads it.',
      category: 'Sidecar',
      isPersistent: true,
    },
    {
      name: 'secretReferences',
      baseType: 'JSON',
      description:
        'Where the sidecar finds secrets, instead of the PASSWORD property of the same name: {"iotHubConnectionString": "env:NAME"} or "file:/path"; never a secret itself.',
      category: 'Sidecar',
      isPersistent: true,
    },
    ...passedProperties,
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
          name: 'secret',
          baseType: 'PASSWORD',
          description: 'A password that the call needs. It is sent separately, with a one-time secret token.',
        },
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
