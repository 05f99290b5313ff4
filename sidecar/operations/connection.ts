import Type from 'typebox';
import { CanaryPaths } from '../contract/canary.ts';
import { HubSettingsInput, SECRET_NAMES, withDefaults } from '../contract/hub-settings.ts';
import { DateTime, forThingWorx, OneOf, OneRow, Table, ThingName } from '../contract/schema.ts';
import { Counters, GroupMembers, HubStatus } from '../contract/status.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { checkExact } from './exact-numbers.ts';
import { defineOperation } from './operation.ts';
import { Withheld, withheldErrors } from './withheld-secrets.ts';

/** The status as services return it: widgets bind columns and nothing inside a JSON cell. */
const serviceResult = OneRow(
  Type.Object(
    {
      ...HubStatus.properties,
      ...Counters.properties,
      sidecars: GroupMembers,
      canaryState: Type.Optional(Type.String({ description: 'The state of the canary.' })),
      canaryReason: Type.Optional(Type.String({ description: 'Why the canary is failed or suspended.' })),
      canaryPaths: Type.Optional(CanaryPaths),
      lastErrorCode: Type.Optional(Type.String({ description: 'The code of lastError.' })),
      lastErrorMessage: Type.Optional(Type.String({ description: 'The message of lastError.' })),
      lastErrorTime: Type.Optional(DateTime({ description: 'The time of lastError.' })),
      lastErrorRemedy: Type.Optional(Type.String({ description: 'What to do about lastError.' })),
    },
    { description: 'The status of one connected hub.' },
  ),
  'AzureIoT.HubStatus_DS',
);

export const connect = defineOperation({
  name: 'Connect',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  role: 'engineer',
  summary:
    'Sends the settings of this Thing to the sidecar, which connects to Azure or changes a running connection.',
  method: 'PUT',
  path: '/hubs/{hub}',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    settings: HubSettingsInput,
    secretNames: Type.Array(OneOf(SECRET_NAMES, { description: 'The name of a secret setting.' }), {
      uniqueItems: true,
      description:
        'The secret settings that have a value. Each is sent separately with a one-time secret token.',
    }),
    withheld: Withheld,
  }),
  lenient: 'settings',
  output: Type.Object({
    status: HubStatus,
    tickets: Type.Array(
      Type.Object({
        name: OneOf(SECRET_NAMES, { description: 'The name of a secret setting.' }),
        ticket: Type.String({
          description: 'The one-time secret token: valid for one PUT /v1/secrets/{ticket} within 60 seconds.',
        }),
      }),
      { description: 'One one-time secret token for each secret that is expected.' },
    ),
  }),
  serviceResult,
  errors: [
    'SECRET_UNREADABLE',
    'CONNECTION_STRING_INVALID',
    'MAPPINGS_INVALID',
    'SETTING_INVALID',
    'PASSWORD_NOT_PASSED',
  ],
  script: 'hand-written',
  async run({ hubs, invalid }, { hub, settings, secretNames, withheld }) {
    const refused = new Map([...invalid, ...inexact(settings), ...withheldErrors(withheld)]);
    const { status, tickets } = await hubs.connect(
      hub,
      { settings: withDefaults(settings), refused },
      secretNames.filter((name) => !refused.has(name)),
    );
    return { status, tickets: [...tickets] };
  },
});

/** Settings with numbers that were rounded on their way here. */
function inexact(settings: Readonly<Record<string, unknown>>): Map<string, ConnectorError> {
  const refused = new Map<string, ConnectorError>();
  for (const [name, value] of Object.entries(settings)) {
    try {
      checkExact(value, `settings.${name}`);
    } catch (thrown) {
      refused.set(name, toConnectorError(thrown));
    }
  }
  return refused;
}

const disconnect = defineOperation({
  name: 'Disconnect',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  role: 'engineer',
  summary:
    'Finishes the messages in flight and stops receiving for this Thing until Connect is called or ThingWorx starts.',
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

const getStatus = defineOperation({
  name: 'GetStatus',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  role: 'viewer',
  summary:
    'Reads state, counters, lag and last error of this hub from the sidecar and updates the status properties.',
  method: 'GET',
  path: '/hubs/{hub}/status',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: HubStatus,
  serviceResult,
  errors: ['HUB_NOT_CONNECTED'],
  script: 'hand-written',
  async run({ hubs }, { hub }) {
    return hubs.status(hub);
  },
});

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });

const HubSampleRow = Type.Object(
  {
    time: DateTime({ description: 'When these figures were taken.' }),
    ratePerSecond: Type.Number({
      minimum: 0,
      description: 'Messages delivered each second, over the minute before.',
    }),
    lag: count('Messages in all partitions that were not yet finished.'),
    delivered: count('Messages delivered since the hub was connected.'),
    ignored: count('Messages ignored since the hub was connected.'),
    deadLettered: count('Messages put into the dead-letter store since the hub was connected.'),
  },
  { description: 'The figures of a hub at one time.' },
);

const getHistory = defineOperation({
  name: 'GetHistory',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  role: 'viewer',
  summary:
    'Reads the figures of this hub in the last hour, one row each ten seconds; they are gone when the sidecar restarts.',
  method: 'GET',
  path: '/hubs/{hub}/history',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: Type.Object({
    samples: Table(HubSampleRow, 'AzureIoT.HubSample_DS', { description: 'The oldest first.' }),
  }),
  result: 'samples',
  errors: ['HUB_NOT_CONNECTED'],
  async run({ hubs, history }, { hub }) {
    hubs.require(hub);
    return {
      samples: history.samples.flatMap(({ timeMs, hubs: figures }) => {
        const sample = figures[hub];
        return sample ? [{ time: new Date(timeMs).toISOString(), ...sample }] : [];
      }),
    };
  },
});

const listHubs = defineOperation({
  name: 'ListHubs',
  category: 'Connection',
  role: 'viewer',
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

const issueSecretToken = defineOperation({
  name: 'IssueSecretToken',
  category: 'Connection',
  role: 'operator',
  summary:
    'Issues a one-time secret token for a password of one call. PutSecret sends the password; the call has the token in its header ' +
    'X-Secret-Ticket instead of the password.',
  method: 'POST',
  path: '/hubs/{hub}/secrets',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: Type.Object({
    ticket: Type.String({ description: 'The one-time secret token: valid for one call within 60 seconds.' }),
  }),
  errors: [],
  async run({ secretTokens }) {
    return { ticket: secretTokens.reserve() };
  },
});

const putSecret = defineOperation({
  name: 'PutSecret',
  category: 'Connection',
  role: 'administrator',
  summary:
    'Sends one secret setting. The user name of HTTP Basic is the one-time secret token from Connect, the password is the secret.',
  method: 'PUT',
  path: '/secrets/{ticket}',
  input: Type.Object({
    ticket: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The one-time secret token from Connect for this secret.',
    }),
    secret: Type.String({
      maxLength: 4096,
      description: 'The password of HTTP Basic. Empty means not set; env:NAME and file:/path are resolved.',
    }),
  }),
  output: Type.Object({
    name: OneOf([...SECRET_NAMES, 'password'], {
      description: 'The setting that was sent; password for that of a call.',
    }),
    awaited: Type.Integer({
      minimum: 0,
      description: 'How many secrets of the same Connect are still expected.',
    }),
  }),
  errors: ['TICKET_UNKNOWN', 'SECRET_UNREADABLE', 'CONNECTION_STRING_INVALID', 'MAPPINGS_INVALID'],
  authorisation: 'ticket',
  run: ({ secretTokens }, { ticket, secret }) => secretTokens.redeem(ticket, secret),
});

const checkSidecar = defineOperation({
  name: 'CheckSidecar',
  entity: 'AzureIoT.Sidecar_TS',
  category: 'Connection',
  role: 'viewer',
  summary:
    'Shows whether the sidecar answers at sidecarUrl and accepts sidecarToken, with its version and uptime.',
  method: 'GET',
  path: '/sidecar',
  input: Type.Object({}),
  output: OneRow(
    Type.Object(
      {
        version: Type.String({ description: 'The version of the sidecar.' }),
        nodeVersion: Type.String({ description: 'The version of Node that runs it.' }),
        startedAt: DateTime({ description: 'When the sidecar was started.' }),
        uptimeSeconds: forThingWorx(Type.Integer({ minimum: 0, description: 'Seconds since then.' }), {
          units: 's',
        }),
      },
      { description: 'The sidecar that answers.' },
    ),
    'AzureIoT.SidecarCheck_DS',
  ),
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
export const CONNECTION = [
  connect,
  disconnect,
  getStatus,
  getHistory,
  listHubs,
  issueSecretToken,
  putSecret,
  checkSidecar,
] as const;
