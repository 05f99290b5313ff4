import Type from 'typebox';
import type { HubSettings } from '../../contract/hub-settings.ts';
import { Table } from '../../contract/schema.ts';
import type { HubStatus } from '../../contract/status.ts';
import { ERRORS, type ErrorCode } from '../../errors/catalogue.ts';
import { toConnectorError } from '../../errors/connector-error.ts';
import type { StorageAccounts } from '../../files/accounts.ts';
import type { Hub } from '../../hub/connection.ts';
import type { OperationContext } from '../context.ts';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { checkAzure, skipAzure } from './check-azure.ts';
import { CheckStep, checkStep, skipped } from './check-steps.ts';
import { checkThingworx } from './check-thingworx.ts';

const checkConnection = defineOperation({
  name: 'CheckConnection',
  entity: 'AzureIoT.Hub_TT',
  category: 'Connection',
  role: 'operator',
  summary:
    'Tests, in order, the sidecar and its token, the application key and each of its rights, the IoT Hub, the built-in endpoint ' +
    'and storage, and says for each what to do.',
  method: 'POST',
  path: '/hubs/{hub}/check',
  input: Type.Object({ hub }),
  output: Type.Object({
    steps: Table(CheckStep, 'AzureIoT.CheckStep_DS', { description: 'The steps, in the order of the test.' }),
  }),
  result: 'steps',
  errors: [],
  script: 'hand-written',
  timeoutMs: 25_000,
  async run({ hubs, storages, thingworx, clocks, signal }, { hub }) {
    const find = () => hubs.statuses().find(({ thing }) => thing === hub);
    const [rights, clock, azure] = await Promise.all([
      checkThingworx(thingworx, hub, find(), signal),
      checkClock(clocks, signal),
      checkHub({ hubs, storages, signal }, hub),
    ]);
    const steps = clock.outcome === 'failed' ? azure.map(blameClock) : azure;
    return { steps: [...rights, clock, ...steps, checkIngestion(find())] };
  },
});

/** The steps that need the settings of the hub Thing. Never rejects. */
async function checkHub(
  { hubs, storages, signal }: Pick<OperationContext, 'hubs' | 'storages' | 'signal'>,
  thing: string,
): Promise<CheckStep[]> {
  let hub: Hub;
  try {
    hub = hubs.require(thing);
  } catch (thrown) {
    return skipAzure(toConnectorError(thrown).message);
  }
  const { settings } = hub;
  const [azure, uploads] = await Promise.all([
    checkAzure(hub, signal),
    checkUploads(settings, storages, signal),
  ]);
  return [...azure, ...uploads];
}

/** The clock of this machine against those of all hosts that it calls. */
function checkClock(clocks: OperationContext['clocks'], signal: AbortSignal): Promise<CheckStep> {
  return checkStep(
    'Clock',
    async () => {
      await clocks.check();
      if (clocks.problem) throw clocks.problem;
      return `The clock agrees with ${[...clocks.offsets.keys()].join(', ') || 'all that answered'}.`;
    },
    signal,
  );
}

/** Azure refuses tokens that a clock which is off has signed, in the same words as a wrong key. */
function blameClock(step: CheckStep): CheckStep {
  if (!step.message.startsWith('AZURE_UNAUTHORIZED')) return step;
  return { ...step, remedy: `Correct the clock first: see the step Clock. ${step.remedy}` };
}

const STEP = 'Ingestion';

/** Whether messages flow, which shows what no single call does: a consumer group that is missing, checkpoints of somebody else. */
function checkIngestion(status: HubStatus | undefined): CheckStep {
  if (!status) return skipped(STEP, 'The hub Thing has not handed over its settings.');
  const { state, reason = '', lastError, partitions, lag } = status;
  switch (state) {
    case 'stopped':
      return skipped(STEP, 'enabled is off: no messages are received.');
    case 'connecting':
      return step('warning', 'It is being opened.', 'Call CheckConnection again in a few seconds.');
    case 'running':
      return step('ok', `It runs; ${partitions.length} partitions are known, ${lag} messages wait.`, '');
    default: {
      const code = lastError?.message === reason ? lastError.code : undefined;
      const remedy = (code && ERRORS[code as ErrorCode]?.remedy) || 'Look at the message.';
      return step('failed', code ? `${code}: ${reason}` : reason, remedy);
    }
  }
}

function step(outcome: CheckStep['outcome'], message: string, remedy: string): CheckStep {
  return { step: STEP, outcome, timeMs: 0, message, remedy };
}

/** Tests where uploaded files go, when the settings want more of them than their names. */
async function checkUploads(
  { uploadStorageThing, uploadContainer }: HubSettings,
  storages: StorageAccounts,
  signal: AbortSignal,
): Promise<CheckStep[]> {
  if (!uploadStorageThing) return [];
  const step = await checkStep(
    'Storage of uploads',
    async (limit) => {
      const storage = storages.require(uploadStorageThing);
      const { account, signIn } = await storage.check(limit);
      if (uploadContainer !== '') await storage.container(uploadContainer).search('', { limit: 1 }, limit);
      const links = signIn === 'sas' ? ' With a SAS address no links can be made.' : '';
      return `${account} answers${uploadContainer === '' ? '' : `, and has the container ${uploadContainer}`}.${links}`;
    },
    signal,
  );
  return [step];
}

/** The test of a connection. */
export const CHECK = [checkConnection] as const;
