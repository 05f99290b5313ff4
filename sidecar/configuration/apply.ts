import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { type GivenOptions, type OptionDefinitions, optionValues } from '../lib/command-options.ts';
import { redact } from '../observe/log.ts';
import { Administrator } from '../setup/administrator.ts';
import { askAddress, askKeyOrLogin, LOGIN_OPTIONS } from '../setup/login.ts';
import { Questions, type Terminal } from '../setup/questions.ts';
import { takeInventory } from './inventory.ts';
import { makePlan, type Plan } from './plan.ts';
import { readDocument } from './reading.ts';
import { type ApplyReport, changeLines, errorOf, planLines, summary } from './report.ts';

export const APPLY_OPTIONS = {
  ...LOGIN_OPTIONS,
  plan: { description: 'Shows what would be changed, and changes nothing. Also without an option.' },
  yes: { description: 'Applies the plan.' },
  prune: {
    description:
      'Also takes away what the document does not have: settings, Things and members, of the sections and roles that it has.',
  },
  'write-secrets': {
    description:
      'Writes sidecarToken also to Things that exist. ThingWorx does not show which one they have.',
  },
  json: { description: 'Prints one JSON object instead of lines.' },
} as const satisfies OptionDefinitions;

/** There is something to change; as of terraform plan -detailed-exitcode. */
const DIFFERENT = 2;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Compares a document with ThingWorx and, with --yes, makes ThingWorx what it says. Gives the exit code: 0 when nothing differs or all is
 * applied, 2 when a plan has changes.
 * @throws ConnectorError COMMAND_INVALID, CONFIGURATION_INVALID, CONFIGURATION_CONFLICT, SECRET_UNREADABLE, and as calls to ThingWorx do
 */
export async function applyConfig(
  operands: readonly string[],
  options: GivenOptions,
  environment: Environment,
  terminal: Terminal,
): Promise<number> {
  const [file, ...more] = operands;
  if (file === undefined || more.length > 0)
    throw new ConnectorError(
      'COMMAND_INVALID',
      `apply-config has ${operands.length} files; expected one configuration document.`,
    );
  if (options['plan'] && options['yes'])
    throw new ConnectorError('COMMAND_INVALID', '--plan and --yes exclude each other; expected one of them.');
  const say = (line: string) => {
    if (!options['json']) terminal.output.write(`${redact(line)}\n`);
  };
  const run = new ApplyRun(file, say);
  try {
    await run.run(options, environment, terminal);
  } catch (thrown) {
    const error = toConnectorError(thrown);
    if (options['json'])
      terminal.output.write(
        redact(`${JSON.stringify({ ...run.report('failed'), error: errorOf(error) })}\n`),
      );
    throw thrown;
  }
  const outcome = run.outcome;
  if (options['json']) terminal.output.write(redact(`${JSON.stringify(run.report(outcome))}\n`));
  return outcome === 'planned' ? DIFFERENT : 0;
}

/** One run of apply-config, with how far it came. */
class ApplyRun {
  readonly #file: string;
  readonly #say: (line: string) => void;
  #address = '';
  #plan: Plan = { steps: [], leftAlone: [] };
  #applies = false;
  #done = 0;
  #failed = false;

  constructor(file: string, say: (line: string) => void) {
    this.#file = file;
    this.#say = say;
  }

  async run(options: GivenOptions, environment: Environment, terminal: Terminal): Promise<void> {
    const document = await readDocument(this.#file);
    const given = optionValues(LOGIN_OPTIONS, options, environment);
    const questions = new Questions(terminal);
    this.#address = await askAddress(given('thingworx-url'), questions);
    const login = await askKeyOrLogin(given, environment, questions);
    const administrator = new Administrator(this.#address, login);
    try {
      const inventory = await takeInventory(administrator);
      this.#plan = await makePlan(document, inventory, administrator, {
        prune: options['prune'] === true,
        writeSecrets: options['write-secrets'] === true,
      });
      for (const line of planLines(this.#plan)) this.#say(line);
      if (this.#plan.steps.length === 0)
        this.#say(`Nothing to change: ThingWorx at ${this.#address} is as ${this.#file} says.`);
      else this.#say(`Plan for ThingWorx at ${this.#address}: ${summary(this.#plan)}`);
      if (options['yes']) await this.#apply();
      else if (this.#plan.steps.length > 0) this.#say('Nothing was changed. --yes applies the plan.');
    } finally {
      await administrator.close();
    }
  }

  get outcome(): 'unchanged' | 'planned' | 'applied' {
    if (this.#plan.steps.length === 0) return 'unchanged';
    return this.#applies ? 'applied' : 'planned';
  }

  report(outcome: ApplyReport['outcome']): ApplyReport {
    const state = (index: number) => {
      if (index < this.#done) return 'done';
      if (this.#failed && index === this.#done) return 'failed';
      return this.#applies ? 'not done' : 'planned';
    };
    return {
      outcome,
      document: this.#file,
      thingworx: this.#address,
      changes: this.#plan.steps.map(({ change }, index) => ({ ...change, state: state(index) })),
      leftAlone: this.#plan.leftAlone,
    };
  }

  /** Stops at the first change that fails. What is done stays; the next run plans the rest. */
  async #apply(): Promise<void> {
    const { steps } = this.#plan;
    this.#applies = true;
    for (const { prepare } of steps) await prepare?.();
    for (const { change, apply } of steps) {
      const [head = ''] = changeLines(change);
      try {
        await apply();
      } catch (thrown) {
        this.#failed = true;
        this.#say(`${head}: failed`);
        for (const rest of steps.slice(this.#done + 1)) this.#say(`${changeLines(rest.change)[0]}: not done`);
        throw thrown;
      }
      this.#done += 1;
      this.#say(`${head}: done`);
    }
  }
}
