import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** A word of the command line that is not understood. The message names it and says what is expected. */
export class UsageError extends Error {}

const HELP = { help: { type: 'boolean', short: 'h' } } as const;

/**
 * Reads the command line of a script. `--help` prints the usage and ends the process with 0; a word that is not understood prints one line
 * and where to read more, and ends it with 2, as command-line programs do. The words beside the options are `positionals`.
 */
export function readCommandLine<T extends ParseArgsOptionsConfig>(
  usage: string,
  options: T,
  { allowPositionals = false } = {},
) {
  try {
    const read = parseArgs({ options: { ...options, ...HELP }, allowPositionals });
    if ((read.values as { help?: boolean }).help) {
      console.log(usage);
      process.exit(0);
    }
    return read;
  } catch (error) {
    return refuse(usage, error as Error);
  }
}

/** Ends the process for a word that is not understood. */
export function refuse(usage: string, error: Error): never {
  const [name = 'The command'] = usage.split(' -- ');
  // Node's first sentence names the word; the rest is about its own conventions.
  const [sentence = ''] = error instanceof UsageError ? [error.message] : error.message.split(/(?<=[.'])\s/);
  console.error(`${name}: ${sentence.replace(/[.:]?$/, '.')} "${name} -- --help" lists the options.`);
  process.exit(2);
}

/** @throws UsageError */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} is "${text}"; expected a whole number from ${min} to ${max}`);
}

/**
 * The names of a list such as `a,b`.
 * @throws UsageError
 */
export function oneOrMore<T extends string>(name: string, text: string, known: readonly T[]): ReadonlySet<T> {
  const names = text.split(',').map((one) => one.trim());
  const unknown = names.find((one) => !(known as readonly string[]).includes(one));
  if (unknown !== undefined)
    throw new UsageError(`--${name} has "${unknown}"; expected one or more of ${known.join(', ')}`);
  return new Set(names as T[]);
}
