import { isDeepStrictEqual } from 'node:util';
import { Document } from 'yaml';
import { ConnectorError } from '../errors/connector-error.ts';
import { type GivenOptions, type OptionDefinitions, optionValues } from '../lib/command-options.ts';
import { replaceFile, systemCode } from '../lib/files.ts';
import { ROLES } from '../operations/operation.ts';
import { Administrator } from '../setup/administrator.ts';
import { askAddress, askKeyOrLogin, LOGIN_OPTIONS } from '../setup/login.ts';
import { Questions, type Terminal } from '../setup/questions.ts';
import type { PropertyValues } from '../thingworx/client.ts';
import {
  type ConfigurationDocument,
  effectiveValue,
  initialValue,
  isReference,
  KINDS,
  publishedSchema,
  SECTIONS,
  type Section,
} from './document.ts';
import { type Inventory, takeInventory } from './inventory.ts';
import { holdsSecret, pointer } from './reading.ts';

export const EXPORT_OPTIONS = {
  ...LOGIN_OPTIONS,
  out: { value: 'FILE', description: 'The file to write. Without it the document is printed.' },
  json: { description: 'Writes JSON instead of YAML.' },
  defaults: { description: 'Also writes settings that have their default.' },
  schema: { description: 'Prints the JSON Schema of the document, and calls nothing.' },
} as const satisfies OptionDefinitions;

const HEAD = ` Configuration document of the Azure IoT Hub connector, from sidecar.mjs export-config.
 It holds no secrets: secretReferences says where the sidecar finds them. PASSWORD properties are not exported.`;

/**
 * Writes what is in ThingWorx as a configuration document.
 * @throws ConnectorError CONFIGURATION_CONFLICT, LOCAL_STEP_FAILED, and as calls to ThingWorx do
 */
export async function exportConfig(
  options: GivenOptions,
  environment: Readonly<Record<string, string | undefined>>,
  terminal: Terminal,
  notices: { write(text: string): unknown },
): Promise<void> {
  const given = optionValues(EXPORT_OPTIONS, options, environment);
  const target = given('out');
  if (options['schema']) {
    await write(`${JSON.stringify(publishedSchema(), null, 2)}\n`, target, terminal);
    return;
  }
  const questions = new Questions(terminal);
  const administrator = new Administrator(
    await askAddress(given('thingworx-url'), questions),
    await askKeyOrLogin(given, environment, questions),
  );
  let inventory: Inventory;
  try {
    inventory = await takeInventory(administrator);
  } finally {
    await administrator.close();
  }
  const { document, notes } = documentOf(inventory, options['defaults'] === true);
  await write(
    options['json'] ? `${JSON.stringify(document, null, 2)}\n` : yamlOf(document),
    target,
    terminal,
  );
  for (const note of notes) notices.write(`note: ${note}\n`);
}

function yamlOf(document: ConfigurationDocument): string {
  const yaml = new Document(document);
  yaml.commentBefore = HEAD;
  // Long texts stay on their line: a difference of two exports shows what has changed and nothing else.
  return yaml.toString({ lineWidth: 0 });
}

async function write(text: string, target: string | undefined, { output }: Terminal): Promise<void> {
  if (target === undefined) {
    output.write(text);
    return;
  }
  try {
    await replaceFile(target, text);
  } catch (cause) {
    throw new ConnectorError('LOCAL_STEP_FAILED', `${target} cannot be written (${systemCode(cause)}).`, {
      cause,
    });
  }
}

/** The document of what is in ThingWorx, and notes about what it leaves out. The same state gives the same document. */
function documentOf(
  { things, members }: Inventory,
  withDefaults: boolean,
): { readonly document: ConfigurationDocument; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const section = (of: Section) =>
    Object.fromEntries(
      [...things[of]].flatMap(([name, found]) => {
        if (found.state === 'running')
          return [[name, settingsOf(of, name, found.values, withDefaults, notes)] as const];
        notes.push(`${pointer([of, name])} is not exported: it is ${found.state}.`);
        return [];
      }),
    );
  const roles = ROLES.map((role) => {
    const { users, groups } = members[role];
    return [
      role,
      { ...(users.length > 0 ? { users } : {}), ...(groups.length > 0 ? { groups } : {}) },
    ] as const;
  });
  return {
    document: {
      version: 1,
      ...Object.fromEntries(SECTIONS.map((of) => [of, section(of)])),
      roles: Object.fromEntries(roles),
    },
    notes,
  };
}

function settingsOf(
  section: Section,
  thing: string,
  values: PropertyValues,
  withDefaults: boolean,
  notes: string[],
): Readonly<Record<string, unknown>> {
  const { settings, secrets } = KINDS[section];
  const exported: Record<string, unknown> = {};
  const leaveOut = (why: string, ...place: string[]) =>
    notes.push(`${pointer([section, thing, ...place])} ${why}`);
  for (const [name, schema] of Object.entries(settings)) {
    const value = effectiveValue(name, schema, values[name]);
    const isInitial = isDeepStrictEqual(value, initialValue(name, schema));
    if (isInitial && !withDefaults && section !== 'containers') continue;
    // Some texts must not be empty in a document, though ThingWorx has them empty: absent says the same.
    if (isInitial && value === '' && section !== 'containers') continue;
    if (holdsSecret(value)) leaveOut('is not exported: it has a login or key in it.', name);
    else exported[name] = value;
  }
  const references: Record<string, string> = {};
  const found = (values['secretReferences'] ?? {}) as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(found)) {
    if (!secrets.includes(name))
      leaveOut('is not exported: there is no such secret.', 'secretReferences', name);
    else if (isReference(value)) references[name] = value;
    else
      leaveOut(
        'is not exported: it is no reference, and may be the secret itself.',
        'secretReferences',
        name,
      );
  }
  for (const name of secrets.filter((secret) => references[secret] === undefined))
    leaveOut('has no reference. If its PASSWORD property is set, it is in ThingWorx alone.', name);
  if (Object.keys(references).length > 0) exported['secretReferences'] = references;
  return exported;
}
