import { APPLY_OPTIONS } from '../configuration/apply.ts';
import { EXPORT_OPTIONS } from '../configuration/export.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import {
  describeOptions,
  type GivenOptions,
  type OptionDefinitions,
  readOptions,
  readWords,
} from '../lib/command-options.ts';
import { PROBE_OPTIONS } from '../probe/options.ts';
import { SETUP_OPTIONS } from '../setup/options.ts';
import { MODEL_OPTIONS } from './model.ts';

const OPTIONS: OptionDefinitions = {
  check: { description: 'Tests the settings, the state directory, ThingWorx and Azure. Starts nothing.' },
  health: {
    description: 'Ends with 0 if the sidecar with the same settings is alive on this machine, else with 1.',
  },
  version: { description: 'Prints the version.' },
  help: { description: 'Prints this text.' },
};

/** The commands, each with what it does and its own options. */
const COMMANDS = {
  run: { description: 'Runs the sidecar. The command when none is given.', options: {} },
  setup: {
    description:
      'Sets up ThingWorx and this machine: extension, user, application key, hub Thing, rights, files.',
    options: SETUP_OPTIONS,
  },
  probe: {
    description:
      'Finds out by experiments what ThingWorx does where its documentation is silent. Makes entities of its own and removes them.',
    options: PROBE_OPTIONS,
  },
  model: {
    description:
      'Makes an extension of device models. model build FILE... reads DTDL or the short form of docs/models.md.',
    options: MODEL_OPTIONS,
    operands: 'build FILE...',
  },
  'export-config': {
    description:
      'Writes hub Things, storage Things, container Things, mappings and the members of roles as one YAML or JSON document.',
    options: EXPORT_OPTIONS,
  },
  'apply-config': {
    description:
      'Compares such a document with ThingWorx, and applies it with --yes. Ends with 0 if nothing differs or all is applied, 1 if it fails, 2 if a plan has changes.',
    options: APPLY_OPTIONS,
    operands: 'FILE',
  },
} as const satisfies Record<string, { description: string; options: OptionDefinitions; operands?: string }>;

type CommandName = keyof typeof COMMANDS;

type Command =
  | { readonly name: 'help'; readonly text: string }
  | { readonly name: 'version' | 'check' | 'health' }
  | {
      readonly name: CommandName;
      readonly options: GivenOptions;
      /** The words that are no options; of a command that takes such. */
      readonly operands: readonly string[];
    };

/** @throws ConnectorError COMMAND_INVALID that names the word and what is expected */
export function readCommandLine(words: readonly string[]): Command {
  const [first, ...rest] = words;
  if (first === undefined) return { name: 'run', options: {}, operands: [] };
  if (first.startsWith('-')) {
    const { check, health, version, help } = readOptions(words, OPTIONS);
    if (help) return { name: 'help', text: usage() };
    if (version) return { name: 'version' };
    if (health) return { name: 'health' };
    return check ? { name: 'check' } : { name: 'run', options: {}, operands: [] };
  }
  if (!isCommand(first)) {
    throw new ConnectorError(
      'COMMAND_INVALID',
      `"${first}" is not a command; expected one of ${Object.keys(COMMANDS).join(', ')}, or --help.`,
    );
  }
  const { options, operands } = readWords(rest, COMMANDS[first].options, 'operands' in COMMANDS[first]);
  return options['help'] ? { name: 'help', text: commandUsage(first) } : { name: first, options, operands };
}

function isCommand(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word);
}

function usage(): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, { description }]) => `  ${name.padEnd(15)}${description}\n`,
  );
  return [
    'Usage: sidecar.mjs [command] [options]\n\n',
    'The sidecar of the Azure IoT Hub connector for ThingWorx.\n\n',
    'Commands\n',
    ...commands,
    '\nOptions\n',
    describeOptions(OPTIONS),
    '\nThe settings are environment variables; docs/install.md lists them.\n',
    'sidecar.mjs <command> --help describes the options of a command.\n',
  ].join('');
}

function commandUsage(name: CommandName): string {
  const { description, options, operands } = { operands: undefined, ...COMMANDS[name] };
  const lines = describeOptions({ ...options, help: { description: 'Prints this text.' } });
  const words = operands === undefined ? '' : ` ${operands}`;
  return `Usage: sidecar.mjs ${name}${words} [options]\n\n${description}\n\nOptions\n${lines}`;
}
