import { parseArgs } from 'node:util';
import { ConnectorError } from '../errors/connector-error.ts';

/** An option of a command, as its help shows it. */
interface OptionDefinition {
  /** Stands for the value in the help. Absent: the option is a switch. */
  readonly value?: string;
  readonly description: string;
  /** The environment variable that gives the value when the option does not. */
  readonly environment?: string;
}

export type OptionDefinitions = Readonly<Record<string, OptionDefinition>>;

/** What was given: text for options with a value, true for switches. */
export type GivenOptions = Readonly<Record<string, string | boolean | undefined>>;

/**
 * Reads the options of a command; every command also has --help.
 * @throws ConnectorError COMMAND_INVALID that names the word and what is expected
 */
export function readOptions(words: readonly string[], definitions: OptionDefinitions): GivenOptions {
  return readWords(words, definitions, false).options;
}

/**
 * Reads the options of a command, and the words beside them where it takes such.
 * @throws ConnectorError COMMAND_INVALID that names the word and what is expected
 */
export function readWords(
  words: readonly string[],
  definitions: OptionDefinitions,
  takesOperands: boolean,
): { readonly options: GivenOptions; readonly operands: readonly string[] } {
  const options = Object.fromEntries(
    Object.entries(definitions).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: takesOperands,
    });
    return { options: values, operands: positionals };
  } catch (cause) {
    // Node's first sentence names the word; the rest is about its own conventions.
    const [sentence = ''] = (cause as Error).message.split(/(?<=[.'])\s/);
    const known = ['help', ...Object.keys(definitions)].map((name) => `--${name}`);
    throw new ConnectorError(
      'COMMAND_INVALID',
      `${sentence.replace(/\.?$/, '.')} Expected one of ${known.join(', ')}.`,
      { cause },
    );
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Gives the value of an option with a value: from the command line, else from its environment variable. Empty text counts as not given. */
export function optionValues<Name extends string>(
  definitions: Readonly<Record<Name, OptionDefinition>>,
  options: GivenOptions,
  environment: Environment,
): (name: Name) => string | undefined {
  return (name) => {
    const variable = definitions[name].environment;
    const value = options[name] ?? (variable ? environment[variable] : undefined);
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
}

const COLUMN = 34;
const WIDTH = 100;

/** The lines of a help text that describe the options. */
export function describeOptions(definitions: OptionDefinitions): string {
  return Object.entries(definitions)
    .map(([name, { value, description, environment }]) => {
      const head = `  --${name}${value === undefined ? '' : ` ${value}`}`;
      const text = environment === undefined ? description : `${description} [${environment}]`;
      const lines = wrap(text, WIDTH - COLUMN);
      const first = head.length < COLUMN ? head.padEnd(COLUMN) : `${head}\n${' '.repeat(COLUMN)}`;
      return `${first}${lines.join(`\n${' '.repeat(COLUMN)}`)}\n`;
    })
    .join('');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
