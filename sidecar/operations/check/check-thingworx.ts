import type { HubStatus } from '../../contract/status.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { requireMember } from '../../thingworx/require-member.ts';
import type { CheckStep } from './check-steps.ts';
import { checkStep, skipped } from './check-steps.ts';

const HUB_TEMPLATE = 'AzureIoT.Hub_TT';
const GRANT =
  'Call GrantPermissions on the hub Thing as an administrator; docs/permissions.md lists the rights.';

const CREATE_THING = 'CreateThing';
const JOIN = 'Add the user of the application key to the group AzureIoT.Sidecar_UG.';

/** A service that the sidecar calls. */
interface Right {
  readonly service: string;
  /** Input that changes nothing. Without it the service is not called: it fails for reasons that are steps of their own. */
  readonly parameters?: unknown;
  /** What the service calls in turn with the rights of the caller, as `Resource.Service`. */
  readonly needs?: readonly string[];
  readonly meaning: string;
  readonly onlyFor?: string;
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
  const skipRights = (reason: string) => rights.map(({ service }) => skipped(`Right: ${service}`, reason));
  if (key.outcome !== 'ok' && !key.message.startsWith('THINGWORX_FORBIDDEN'))
    return [key, ...skipRights('The application key was not accepted.')];
  let missing: ReadonlySet<string> = new Set();
  const asking = await checkStep(
    'Right: CheckRights',
    async (step) => {
      missing = await missingRights(client, thing, rights, step);
      return 'The rights can be asked for.';
    },
    signal,
    { remedy: GRANT },
  );
  if (asking.outcome !== 'ok') return [key, asking, ...skipRights('CheckRights could not be called.')];
  const steps = [key];
  for (const right of rights) steps.push(await checkRight(client, thing, right, missing, signal));
  return steps;
}

/** Asks the platform: a call that is refused would leave an error in its log. */
async function missingRights(
  client: ThingworxClient,
  thing: string,
  rights: readonly Right[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const own = rights.map(({ service }) => service).filter((service) => service !== CREATE_THING);
  const byResource = Map.groupBy(
    rights.flatMap(({ needs = [] }) => needs.map((need) => need.split('.') as [string, string])),
    ([resource]) => resource,
  );
  const resources = [...byResource].map(([name, needs]) => ({
    name,
    services: needs.map(([, service]) => service),
  }));
  const request = { services: own, resources };
  const answer = await client.invoke(thing, 'CheckRights', { request }, { signal });
  return new Set(requireMember<{ missing: string[] }>(answer, 'missing', 'CheckRights', thing).missing);
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
    {
      service: 'Connect',
      needs: ['PostJSON', 'PutJSON'].map((service) => `ContentLoaderFunctions.${service}`),
      meaning: 'has hub Things connect when it starts',
    },
    {
      service: 'DescribeThings',
      parameters: { names: { names: [] } },
      meaning: 'reads which properties Things have',
    },
    { service: 'ReceiveUpdates', parameters: { batch: { things: [] } }, meaning: 'writes values' },
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
      service: 'ReceiveTwins',
      parameters: { request: { twins: [] } },
      meaning: 'mirrors the twins of many devices',
      onlyFor: 'to mirror the twins of many devices',
    },
    {
      service: 'ReceiveImportStatus',
      parameters: { status: {} },
      meaning: 'tells of imports',
      onlyFor: 'for the events of imports',
    },
    {
      service: CREATE_THING,
      needs: [`EntityServices.${CREATE_THING}`],
      meaning: 'can make Things for devices',
      onlyFor: 'to create Things for devices',
    },
  ];
}

function checkRight(
  client: ThingworxClient,
  thing: string,
  right: Right,
  missing: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<CheckStep> {
  const { service, parameters, needs = [], meaning, onlyFor } = right;
  return checkStep(
    `Right: ${service}`,
    async (step) => {
      const lacking = [service, ...needs].filter((name) => missing.has(name));
      if (lacking.length > 0)
        throw new ConnectorError(
          'THINGWORX_FORBIDDEN',
          `The user of the application key may not call ${lacking.join(', ')}.`,
        );
      if (parameters !== undefined) await client.invoke(thing, service, parameters, { signal: step });
      return `The sidecar ${meaning}.`;
    },
    signal,
    { remedy: GRANT, ...(onlyFor === undefined ? {} : { onlyFor }) },
  );
}
