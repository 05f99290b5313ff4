import type { ConnectorError } from '../errors/connector-error.ts';
import { type GivenOptions, optionValues } from '../lib/command-options.ts';
import { renderTable } from '../lib/text-table.ts';
import { askAddress, askLogin } from '../setup/login.ts';
import { Questions, type Terminal } from '../setup/questions.ts';
import { ThingworxClient } from '../thingworx/client.ts';
import { type Assumption, PLATFORM_ASSUMPTIONS, type PlatformQuestion } from './assumptions.ts';
import { Experiments } from './experiments.ts';
import { Listener } from './listener.ts';
import { PROBE_OPTIONS } from './options.ts';

/** What was found, by the question. */
type Findings = Partial<Record<PlatformQuestion, string>>;

/**
 * Asks a ThingWorx server what no documentation says, by small experiments with throw-away entities. They are removed again also when an
 * experiment fails.
 */
export async function probe(
  options: GivenOptions,
  environment: Readonly<Record<string, string | undefined>>,
  terminal: Terminal,
): Promise<Findings> {
  const questions = new Questions(terminal);
  const given = optionValues(PROBE_OPTIONS, options, environment);
  const url = await askAddress(given('thingworx-url'), questions);
  const login = await askLogin(given('administrator'), environment, questions);
  const long = options['long'] === true;
  const failures: string[] = [];
  const administrator = new ThingworxClient({ url, ...login });
  const listener = new Listener(given('listen-url') ?? 'http://127.0.0.1');
  const experiments = new Experiments(url, administrator, listener);
  let findings: Findings = {};
  try {
    await listener.start();
    try {
      await experiments.prepare();
      findings = await experiments.run(long, (name, { code, message }: ConnectorError) => {
        failures.push(`The experiments on ${name} ended early: ${code}: ${message}`);
      });
    } finally {
      await experiments.clear();
    }
  } finally {
    await listener.stop();
    await administrator.close();
  }
  const text = options['json'] ? `${JSON.stringify(findings)}\n` : describe(findings, long);
  terminal.output.write(text + failures.map((line) => `${line}\n`).join(''));
  return findings;
}

function describe(findings: Findings, long: boolean): string {
  const asked = (Object.entries(PLATFORM_ASSUMPTIONS) as [PlatformQuestion, Assumption][]).filter(
    ([, assumption]) => long || !assumption.long,
  );
  const rows = asked.map(([name, { question, assumed }]) => {
    const found = findings[name] ?? 'not found out';
    return [question, assumed, found, found === assumed ? '' : 'see below'];
  });
  const differences = asked.filter(
    ([name, { assumed }]) => findings[name] !== undefined && findings[name] !== assumed,
  );
  const notes = differences.map(([, { question, otherwise }]) => `${question}\n  ${otherwise}\n`);
  return `${renderTable(['Question', 'Assumed', 'Found', ''], rows)}${notes.length === 0 ? '' : `\nWhat follows\n${notes.join('')}`}`;
}
