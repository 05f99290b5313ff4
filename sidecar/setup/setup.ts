import { setTimeout as sleep } from 'node:timers/promises';
import type { GivenOptions } from '../lib/command-options.ts';
import type { CheckStep } from '../operations/check/check-steps.ts';
import { loadSettings } from '../settings.ts';
import { Administrator } from './administrator.ts';
import { type Answers, collectAnswers } from './answers.ts';
import {
  environmentFile,
  environmentStep,
  keyFile,
  keyFileStep,
  readToken,
  settingsOf,
  tokenFile,
  tokenStep,
} from './local-steps.ts';
import {
  applicationKeyStep,
  extensionStep,
  grantStep,
  hubSettingsStep,
  hubStartStep,
  hubThingStep,
  membershipStep,
  userStep,
} from './platform-steps.ts';
import { Questions, type Terminal } from './questions.ts';
import { SetupRecord } from './record.ts';
import { SystemdService } from './service-steps.ts';
import type { SetupStep } from './step.ts';
import { NODE_FLAGS, TrialRun } from './trial-run.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What setup came to. `check` is the table of CheckConnection, when it was called. */
interface SetupOutcome {
  readonly check: readonly CheckStep[] | undefined;
}

/**
 * Does over REST and in files what docs/install.md says by hand. A step that is done already is left as it is, so setup can be run again
 * after an interruption or with other answers.
 */
export async function setup(
  options: GivenOptions,
  environment: Environment,
  terminal: Terminal,
): Promise<SetupOutcome> {
  const say = (line: string) => terminal.output.write(`${line}\n`);
  const answers = await collectAnswers(options, environment, new Questions(terminal));
  const administrator = new Administrator(answers.thingworxUrl, answers.login);
  const record = new SetupRecord(answers.directory, answers.thingworxUrl);
  const service = answers.systemd ? new SystemdService(answers.systemd.root) : undefined;
  try {
    await record.open();
    await service?.require();
    say(`ThingWorx ${await administrator.version()} at ${answers.thingworxUrl}`);
    const steps = stepsOf(answers, { administrator, record, service, environment });
    if (answers.undo) {
      await takeBack(steps, record, answers.dryRun, say);
      return { check: undefined };
    }
    requireUsableSettings(answers, environment);
    await apply(steps, record, answers.dryRun, say);
    if (answers.dryRun) return { check: undefined };
    if (!service) sayHowToStart(answers, say);
    return { check: answers.check ? await checkConnection(answers, administrator, environment) : undefined };
  } finally {
    await administrator.close();
  }
}

function stepsOf(
  answers: Answers,
  parts: {
    administrator: Administrator;
    record: SetupRecord;
    service: SystemdService | undefined;
    environment: Environment;
  },
): SetupStep[] {
  const { administrator, record, service, environment } = parts;
  return [
    extensionStep(administrator, answers),
    userStep(administrator, answers),
    membershipStep(administrator, answers),
    applicationKeyStep(administrator, answers),
    ...(service ? [service.accountStep()] : []),
    keyFileStep(administrator, answers),
    environmentStep(answers, environment),
    tokenStep(answers, async () => service?.account()),
    ...(service ? [service.programStep(), service.unitStep()] : []),
    hubThingStep(administrator, answers),
    hubStartStep(administrator, answers, record),
    grantStep(administrator, answers, record),
    hubSettingsStep(administrator, answers, record, () => readToken(answers)),
    ...(service ? [service.enableStep()] : []),
  ];
}

/** What the sidecar would refuse at its start is refused before anything is made. */
function requireUsableSettings(answers: Answers, environment: Environment): void {
  const { THINGWORX_APP_KEY_FILE: _file, ...settings } = settingsOf(answers, environment);
  loadSettings({
    SIDECAR_ALLOW_UNVERIFIED_TLS: environment['SIDECAR_ALLOW_UNVERIFIED_TLS'],
    SIDECAR_STATE_DIR: answers.stateDirectory,
    ...settings,
    THINGWORX_APP_KEY: 'made-by-setup',
  });
}

async function apply(
  steps: readonly SetupStep[],
  record: SetupRecord,
  dryRun: boolean,
  say: (line: string) => void,
): Promise<void> {
  for (const step of steps) {
    const todo = await step.look();
    if (todo === undefined) {
      say(`${step.title}: nothing to do`);
    } else if (dryRun) {
      say(`${step.title}: would ${todo.what}`);
    } else {
      if (todo.creates && step.undo) await record.add(step.id);
      await step.apply();
      say(`${step.title}: done (${todo.what})`);
    }
  }
}

async function takeBack(
  steps: readonly SetupStep[],
  record: SetupRecord,
  dryRun: boolean,
  say: (line: string) => void,
): Promise<void> {
  for (const step of steps.toReversed()) {
    if (!step.undo || !record.has(step.id)) continue;
    if (dryRun) {
      say(`${step.title}: would remove it`);
      continue;
    }
    await step.undo();
    await record.remove(step.id);
    say(`${step.title}: removed`);
  }
  if (!dryRun) await record.delete();
}

function sayHowToStart(answers: Answers, say: (line: string) => void): void {
  const file = environmentFile(answers);
  say(`Start the sidecar with: node --env-file=${file} ${NODE_FLAGS.join(' ')} sidecar.mjs`);
  say(`The application key is in ${keyFile(answers)}, the token of the sidecar in ${tokenFile(answers)}.`);
}

/** Calls CheckConnection; unless the sidecar runs already, it runs for as long as that takes. */
async function checkConnection(
  answers: Answers,
  administrator: Administrator,
  environment: Environment,
): Promise<CheckStep[]> {
  const { hubThing, sidecarUrl, systemd } = answers;
  const isAlive = () =>
    fetch(new URL('/health/live', sidecarUrl), { signal: AbortSignal.timeout(5_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  const trial = systemd || (await isAlive()) ? undefined : new TrialRun(settingsOf(answers, environment));
  try {
    if (systemd) await until(isAlive);
    await trial?.start();
    await until(async () => {
      const { connectionStatus } = await administrator.properties(hubThing);
      return SETTLED_STATES.has(String(connectionStatus));
    });
    return (await administrator.rows('Things', hubThing, 'CheckConnection')) as unknown as CheckStep[];
  } finally {
    await trial?.stop();
  }
}

/** The states in which the table says more than that the hub is being connected. */
const SETTLED_STATES = new Set(['running', 'waiting', 'failed']);
const WAIT_MS = 60_000;
const PAUSE_MS = 500;

/** Waits for a state that usually comes; what is missing after a minute is in the table. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!(await condition()) && Date.now() < end) await sleep(PAUSE_MS);
}
