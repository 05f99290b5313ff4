import Type from 'typebox';
import { HubSettingsInput, SECRET_NAMES, withDefaults } from '../contract/hub-settings.ts';
import { DateTime, OneOf, ThingName } from '../contract/schema.ts';
import { HubStatus } from '../contract/status.ts';
import { defineOperation } from './operation.ts';

export const connect = defineOperation({
  name: 'Connect',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  summary:
    'Hands the settings of this Thing to the sidecar, which connects to Azure or adapts a running connection.',
  method: 'PUT',
  path: '/hubs/{hub}',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    settings: HubSettingsInput,
    secretNames: Type.Array(OneOf(SECRET_NAMES, { description: 'The name of a secret setting.' }), {
      uniqueItems: true,
      description: 'The secret settings that have a value and will be handed over by ticket.',
    }),
  }),
  output: Type.Object({
    status: HubStatus,
    tickets: Type.Array(
      Type.Object({
        name: OneOf(SECRET_NAMES, { description: 'The name of a secret setting.' }),
        ticket: Type.String({ description: 'Good for one PUT /v1/secrets/{ticket} within 60 seconds.' }),
      }),
      { description: 'One ticket for each secret that is awaited.' },
    ),
  }),
  errors: ['SECRET_UNREADABLE', 'CONNECTION_STRING_INVALID', 'MAPPINGS_INVALID'],
  script: 'hand-written',
  async run({ hubs }, { hub, settings, secretNames }) {
    const { status, tickets } = await hubs.connect(hub, withDefaults(settings), secretNames);
    return { status, tickets: [...tickets] };
  },
});

export const disconnect = defineOperation({
  name: 'Disconnect',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  summary:
    'Stops receiving for this Thing after finishing what is in flight, until Connect is called or ThingWorx starts.',
  method: 'DELETE',
  path: '/hubs/{hub}',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: Type.Object({
    disconnected: Type.Boolean({ description: 'Always true: the hub is not connected any more.' }),
  }),
  errors: [],
  script: 'hand-written',
  noResult: true,
  async run({ hubs }, { hub }) {
    await hubs.disconnect(hub);
    return { disconnected: true };
  },
});

export const getStatus = defineOperation({
  name: 'GetStatus',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  summary:
    'Asks the sidecar for state, counters, lag and last error of this hub and updates the status properties.',
  method: 'GET',
  path: '/hubs/{hub}/status',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: HubStatus,
  errors: ['HUB_NOT_CONNECTED'],
  script: 'hand-written',
  async run({ hubs }, { hub }) {
    return hubs.status(hub);
  },
});

export const listHubs = defineOperation({
  name: 'ListHubs',
  category: 'Connection',
  summary: 'Lists the hub Things that are connected through this sidecar, each with its status.',
  method: 'GET',
  path: '/hubs',
  input: Type.Object({}),
  output: Type.Object({ hubs: Type.Array(HubStatus, { description: 'One status for each hub.' }) }),
  errors: [],
  async run({ hubs }) {
    return { hubs: hubs.statuses() };
  },
});

export const putSecret = defineOperation({
  name: 'PutSecret',
  category: 'Connection',
  summary:
    'Hands over one secret setting: the ticket that Connect answered is the user name and the secret the password of HTTP Basic.',
  method: 'PUT',
  path: '/secrets/{ticket}',
  input: Type.Object({
    ticket: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The ticket that Connect answered for this secret.',
    }),
    secret: Type.String({
      maxLength: 4096,
      description:
        'The password of HTTP Basic. Empty counts as not set; env:NAME and file:/path are resolved.',
    }),
  }),
  output: Type.Object({
    name: OneOf(SECRET_NAMES, { description: 'The setting that was handed over.' }),
    awaited: Type.Integer({
      minimum: 0,
      description: 'How many secrets of the same Connect are still awaited.',
    }),
  }),
  errors: ['TICKET_UNKNOWN', 'SECRET_UNREADABLE', 'CONNECTION_STRING_INVALID', 'MAPPINGS_INVALID'],
  authorisation: 'ticket',
  run: ({ secretTokens }, { ticket, secret }) => secretTokens.redeem(ticket, secret),
});

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

/** The connection of a hub Thing and its secrets. */
export const CONNECTION = [connect, disconnect, getStatus, listHubs, putSecret, checkSidecar] as const;
