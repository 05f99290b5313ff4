import { SidecarAccess } from '../../sidecar/contract/thing-settings.ts';
import {
  ADMINISTRATORS,
  forbid,
  INNER_CATEGORY,
  type Permission,
  type PropertyDefinition,
  permit,
  permitAll,
  SIDECAR_GROUP,
  type ThingShape,
} from '../../sidecar/entities/model.ts';
import { handWritten } from '../generate/scripts.ts';
import { operationServices, settingProperties } from '../generate/services.ts';
import { permitFrom, permitInside, serviceRights } from './roles.ts';

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
    baseType: 'NUMBER',
    description:
      'Since when requests to connect are joined into one, in ms since 1970; 0 when none is; not to be edited.',
    ...INNER,
  },
];

/** To which sidecarUrl the token and secrets go. Whoever could write it could send them elsewhere: RegisterSidecar alone does. */
const introducedAddress: PropertyDefinition = {
  name: 'introducedAddress',
  baseType: 'STRING',
  description:
    'The addresses at which sidecars have introduced themselves with their application key; the token and secrets go nowhere else. Not to be edited.',
  isPersistent: true,
  ...INNER,
};

const REGISTER_SERVICE = 'RegisterSidecar';

/**
 * What the sidecar may do to introduce itself, and what those who operate the connector may not, though they may do everything else. That
 * UpdatePropertyValues looks at the right to write each property is not known of every version of ThingWorx.
 */
export const INTRODUCTION_RIGHTS: readonly Permission[] = [
  ...permit('ServiceInvoke', SIDECAR_GROUP, [REGISTER_SERVICE]),
  ...permit('PropertyWrite', SIDECAR_GROUP, [introducedAddress.name]),
  ...forbid('ServiceInvoke', ADMINISTRATORS, [REGISTER_SERVICE, 'UpdatePropertyValues']),
  ...forbid('PropertyWrite', ADMINISTRATORS, [introducedAddress.name]),
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
  properties: [...settingProperties(SidecarAccess, 'Sidecar'), ...passedProperties, introducedAddress],
  services: [
    ...operationServices('AzureIoT.Sidecar_TS'),
    {
      name: 'CallSidecar',
      category: 'Sidecar',
      description:
        'Calls an operation of the sidecar by its name, for this Thing, and gives its result; the other services go through this one.',
      parameters: [
        {
          name: 'operation',
          baseType: 'STRING',
          description: 'The name of an operation, such as GetDevice.',
          isRequired: true,
        },
        {
          name: 'input',
          baseType: 'JSON',
          description: 'Its input, without the hub or account: this Thing.',
        },
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
        description:
          'The result. A call that fails throws an Error whose message begins with the error code.',
      },
      script: handWritten('CallSidecar'),
    },
    {
      name: REGISTER_SERVICE,
      category: 'Inbound',
      description:
        'Called by the sidecar: the addresses at which it listens. Those that sidecarUrl names get the token and the secrets.',
      parameters: [
        { name: 'addresses', baseType: 'JSON', description: 'A list of addresses.', isRequired: true },
      ],
      result: { baseType: 'BOOLEAN', description: 'Whether sidecarUrl names one of them.' },
      script: handWritten(REGISTER_SERVICE),
    },
  ],
  events: [],
  subscriptions: [],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...INTRODUCTION_RIGHTS,
    ...serviceRights('AzureIoT.Sidecar_TS'),
    ...permitFrom('viewer', 'PropertyRead', ['sidecarUrl']),
    ...permitInside('ServiceInvoke', ['CallSidecar']),
    ...permitInside('PropertyRead', ['*']),
    ...permitInside('PropertyWrite', SIDECAR_WRITTEN),
  ],
};
