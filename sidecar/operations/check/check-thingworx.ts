import type { HubStatus } from '../../contract/status.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import type { CheckStep } from './check-steps.ts';
import { checkStep, skipped } from './check-steps.ts';

const HUB_TEMPLATE = 'AzureIoT.Hub_TT';
const GRANT =
  'Call GrantPermissions on the hub Thing as an administrator; docs/permissions.md lists the rights.';

const JOIN = 'Add the user of the application key to the group AzureIoT.Sidecar_UG.';

/** A service that the sidecar calls, with input that changes nothing. */
interface Right {
  readonly service: string;
  readonly parameters: unknown;
  readonly meaning: string;
  readonly onlyFor?: string;
  /** It may fail for other reasons, which are steps of their own. */
  readonly mayFail?: boolean;
}

/** Tests the application key and, one by one, the rights of its user. Sequential: a right means nothing while the key is refused. */
export async function checkThingworx(
  client: ThingworxClient,
  thing: string,
  status: HubStatus | undefined,
  signal: AbortSignal,
): Promise<CheckStep[]> {
  const key = await checkStep(
    'Application key',
    async (step) => {
      await findHub(client, thing, step);
      return `ThingWorx at ${client.address} takes the application key, and its user sees ${thing}.`;
    },
    signal,
    { remedies: { THINGWORX_NOT_FOUND: JOIN } },
  );
  const rights = rightsOf(status);
  const reason = 'The application key was not accepted.';
  if (key.outcome !== 'ok' && !key.message.startsWith('THINGWORX_FORBIDDEN')) {
    return [
      key,
      ...rights.map(({ service }) => skipped(`Right: ${service}`, reason)),
      skipped(CREATE, reason),
    ];
  }
  const steps = [key];
  for (const right of rights) steps.push(await checkRight(client, thing, right, signal));
  steps.push(await checkCreation(client, signal));
  return steps;
}

async function findHub(client: ThingworxClient, thing: string, signal: AbortSignal): Promise<void> {
  const answer = await client.invokeOn(
    'ThingTemplates',
    HUB_TEMPLATE,
    'GetImplementingThings',
    {},
    { signal },
  );
  const rows = (answer as { rows?: { name?: string }[] } | undefined)?.rows ?? [];
  if (rows.some(({ name }) => name === thing)) return;
  throw new ConnectorError('THINGWORX_NOT_FOUND', `The user of the application key does not see ${thing}.`);
}

const EVENTS = 'for events of devices: twins, connections, life cycle, feedback';

function rightsOf(status: HubStatus | undefined): Right[] {
  return [
    // Equal settings change nothing.
    { service: 'Connect', parameters: {}, meaning: 'has hub Things connect when it starts', mayFail: true },
    {
      service: 'DescribeThings',
      parameters: { names: { names: [] } },
      meaning: 'reads which properties Things have',
    },
    { service: 'ReceiveUpdates', parameters: { batch: { groups: [] } }, meaning: 'writes values' },
    // The status as it is: what it writes stands there already, or should.
    { service: 'ReceiveStatus', parameters: { status: status ?? {} }, meaning: 'shows the status' },
    {
      service: 'FindDeviceThings',
      parameters: { request: { deviceIds: [] } },
      meaning: 'finds the Things of devices',
      onlyFor: EVENTS,
    },
    {
      service: 'ReceiveEvents',
      parameters: { batch: { events: [] } },
      meaning: 'tells what happens to devices',
      onlyFor: EVENTS,
    },
    {
      service: 'ReadTwins',
      parameters: { request: { twins: [] } },
      meaning: 'mirrors twins',
      onlyFor: 'to mirror twins',
    },
    {
      service: 'DeleteThings',
      parameters: { request: { things: [] } },
      meaning: 'has Things deleted with their devices',
      onlyFor: 'to delete Things with their devices',
    },
    {
      service: 'CreateThings',
      parameters: { request: { things: [], properties: [] } },
      meaning: 'has Things and properties made',
      onlyFor: 'to create Things and properties',
    },
    {
      service: 'ListDeviceThings',
      parameters: { request: { limit: 1 } },
      meaning: 'lists the Things of devices',
      onlyFor: 'to import and to compare with the registry',
    },
    {
      service: 'ReceiveImportStatus',
      parameters: { status: {} },
      meaning: 'tells of imports',
      onlyFor: 'for the events of imports',
    },
  ];
}

function checkRight(
  client: ThingworxClient,
  thing: string,
  right: Right,
  signal: AbortSignal,
): Promise<CheckStep> {
  return checkStep(
    `Right: ${right.service}`,
    async (step) => {
      try {
        await client.invoke(thing, right.service, right.parameters, { signal: step });
      } catch (thrown) {
        if (!right.mayFail || toConnectorError(thrown).code !== 'THINGWORX_REJECTED') throw thrown;
      }
      return `The sidecar ${right.meaning}.`;
    },
    signal,
    { remedy: GRANT, ...(right.onlyFor === undefined ? {} : { onlyFor: right.onlyFor }) },
  );
}

const CREATE = 'Right: CreateThing';

/** ThingWorx looks at rights before it looks at what it was given, and a Thing cannot have an empty name. */
function checkCreation(client: ThingworxClient, signal: AbortSignal): Promise<CheckStep> {
  return checkStep(
    CREATE,
    async (step) => {
      try {
        const nothing = { name: '', thingTemplateName: 'GenericThing', description: '' };
        await client.invokeOn('Resources', 'EntityServices', 'CreateThing', nothing, { signal: step });
      } catch (thrown) {
        if (toConnectorError(thrown).code !== 'THINGWORX_REJECTED') throw thrown;
      }
      return 'Things can be made for devices.';
    },
    signal,
    { remedy: GRANT, onlyFor: 'to create Things for devices' },
  );
}
