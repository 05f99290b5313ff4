import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import { type GivenOptions, type OptionDefinitions, optionValues } from '../lib/command-options.ts';
import { repositoryPath } from '../lib/dtmi.ts';
import { readGivenFile, systemCode } from '../lib/files.ts';
import { CHANNELS, type ModelDocument } from '../models/model.ts';
import { buildModelPackage } from '../models/model-package.ts';
import { missingInterfaces } from '../models/models.ts';

const CHANNEL_WORDS = CHANNELS.join(', ');

export const MODEL_OPTIONS = {
  out: { value: 'FILE', description: 'The zip to write (models.zip).' },
  repository: {
    value: 'DIR',
    description:
      'A copy of a model repository: interfaces that the files refer to are read from dtmi/... below it.',
  },
  name: { value: 'NAME', description: 'Name of the extension and of its project (AzureIotModels).' },
  'package-version': {
    value: 'VERSION',
    description: 'Version of the extension (1.0.0). ThingWorx replaces an extension only by a higher one.',
  },
  templates: {
    value: 'IDS',
    description:
      'Models that get a Thing Template, separated by commas. Without it: those that are no part of another one.',
  },
  'send-as': {
    value: 'CHANNEL',
    description: `How writable properties reach the device: ${CHANNEL_WORDS} (desired).`,
  },
  except: {
    value: 'LIST',
    description: 'Properties that are sent otherwise, such as setpoint=message,pump1.speed=method.',
  },
  logged: { description: 'Values of telemetry are kept in the value stream of the Thing.' },
} as const satisfies OptionDefinitions;

/**
 * Does what the command `model` is asked for: makes a package and says what is in it.
 * @throws ConnectorError COMMAND_INVALID, MODEL_INVALID, REQUEST_INVALID, LOCAL_STEP_FAILED
 */
export async function buildModels(
  [verb, ...files]: readonly string[],
  options: GivenOptions,
  output: NodeJS.WritableStream,
): Promise<void> {
  if (verb !== 'build')
    throw new ConnectorError(
      'COMMAND_INVALID',
      `model${verb === undefined ? '' : ` ${verb}`} is not a command; expected model build.`,
    );
  if (files.length === 0)
    throw new ConnectorError(
      'COMMAND_INVALID',
      'model build has no file; expected at least one file with a model.',
    );
  const value = optionValues(MODEL_OPTIONS, options, {});
  const target = value('out') ?? 'models.zip';
  const channel = value('send-as');
  const sendAs = CHANNELS.find((known) => known === channel);
  if (channel !== undefined && sendAs === undefined)
    throw new ConnectorError('COMMAND_INVALID', `--send-as is ${channel}; expected one of ${CHANNEL_WORDS}.`);
  const documents = await Promise.all(files.map(readDocument));
  const repository = value('repository');
  const { content, templates, notes } = await buildModelPackage({
    documents: repository === undefined ? documents : await completed(documents, repository),
    name: value('name'),
    version: value('package-version'),
    templates: value('templates')
      ?.split(',')
      .map((id) => id.trim()),
    sendAs,
    exceptions: exceptionsOf(value('except')),
    logged: options['logged'] === true,
  });
  try {
    await writeFile(target, content);
  } catch (cause) {
    throw new ConnectorError('LOCAL_STEP_FAILED', `${target} cannot be written (${systemCode(cause)}).`, {
      cause,
    });
  }
  const lines = [
    `${target}: ${content.length} bytes`,
    ...templates.map(({ modelId, template }) => `template ${template} for ${modelId}`),
    ...notes.map((note) => `note: ${note}`),
  ];
  output.write(`${lines.join('\n')}\n`);
}

function exceptionsOf(list: string | undefined): Record<string, string> | undefined {
  if (list === undefined) return undefined;
  return Object.fromEntries(
    list.split(',').map((part) => {
      const [property = '', channel, ...rest] = part.split('=').map((word) => word.trim());
      if (property === '' || channel === undefined || rest.length > 0)
        throw new ConnectorError(
          'COMMAND_INVALID',
          `--except has "${part}"; expected a property and a channel, such as setpoint=message.`,
        );
      return [property, channel];
    }),
  );
}

async function readDocument(file: string): Promise<ModelDocument> {
  const text = await readGivenFile(file);
  try {
    return { name: path.basename(file), content: JSON.parse(text) as unknown };
  } catch (cause) {
    throw new ConnectorError('MODEL_INVALID', `${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
}

/** The documents and what they refer to, as far as the repository has it. */
async function completed(documents: readonly ModelDocument[], repository: string): Promise<ModelDocument[]> {
  const all = [...documents];
  const asked = new Set<string>();
  for (;;) {
    const wanted = missingInterfaces(all).filter((id) => !asked.has(id));
    if (wanted.length === 0) return all;
    for (const id of wanted) {
      asked.add(id);
      const place = repositoryPath(id);
      if (place !== undefined) all.push(await readDocument(path.join(repository, place)));
    }
  }
}
