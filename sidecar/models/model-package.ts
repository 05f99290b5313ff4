import { setImmediate } from 'node:timers/promises';
import { entityPath, entityXml } from '../entities/entity-xml.ts';
import { metadataXml } from '../entities/metadata.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { templateName } from '../lib/dtmi.ts';
import { zipOf } from '../lib/zip.ts';
import { PACKAGE_NAME, VERSION } from '../version.ts';
import { sentences } from './descriptions.ts';
import { CHANNELS, type Channel, type ModelDocument } from './model.ts';
import { ModelEntities } from './model-entities.ts';
import { Models } from './models.ts';

/** What a package is to be made of. */
export interface PackageRequest {
  readonly documents: readonly ModelDocument[];
  /** The name of the extension, and of the project of its entities. */
  readonly name?: string | undefined;
  /** Three numbers; ThingWorx takes a package of the same name only with a higher version. */
  readonly version?: string | undefined;
  /** Models that get a Thing Template; those that are no part of another one unless given. */
  readonly templates?: readonly string[] | undefined;
  readonly sendAs?: Channel | undefined;
  /** Property, or component.property, to channel. */
  readonly exceptions?: Readonly<Record<string, string>> | undefined;
  readonly logged?: boolean | undefined;
}

interface ModelPackage {
  /** The zip, which ThingWorx imports as an extension. */
  readonly content: Buffer;
  readonly templates: readonly { readonly modelId: string; readonly template: string }[];
  /** What the package lacks or has otherwise than the model. */
  readonly notes: readonly string[];
}

const DEFAULT_NAME = 'AzureIotModels';

/**
 * Makes an extension of models: Thing Templates, Thing Shapes and Data Shapes.
 *
 * @throws ConnectorError MODEL_INVALID, REQUEST_INVALID
 */
export async function buildModelPackage(request: PackageRequest): Promise<ModelPackage> {
  const { name = DEFAULT_NAME, version = '1.0.0', sendAs = 'desired', logged = false } = request;
  if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name))
    throw refused(
      'The name of the package (packageName)',
      name,
      'up to 64 letters, digits and underscores, a letter first',
    );
  if (!/^\d{1,5}\.\d{1,5}\.\d{1,5}$/.test(version))
    throw refused('The version of the package (packageVersion)', version, 'three numbers such as 1.0.0');
  const models = new Models(request.documents);
  const chosen = request.templates?.length ? [...new Set(request.templates)] : models.roots();
  const unknown = chosen.find((id) => !models.has(id));
  if (unknown !== undefined)
    throw refused('One of templates', unknown, 'the id of an interface of the model');
  if (chosen.length === 0)
    throw new ConnectorError(
      'REQUEST_INVALID',
      'Each model is a part of another one, so none gets a Thing Template; expected the ids of models in templates.',
    );
  const entities = new ModelEntities(models, {
    project: name,
    sendAs,
    exceptions: channelsOf(request.exceptions ?? {}),
    isLogged: logged,
  });
  for (const id of chosen) entities.add(id);
  models.problems.throwIfAny();
  const description = sentences(`Device models for ${PACKAGE_NAME}`, chosen.join(', ').slice(0, 500));
  const dependsOn = `${PACKAGE_NAME}:${VERSION}`;
  const files = new Map([['metadata.xml', metadataXml({ name, version, description, dependsOn })]]);
  for (const entity of entities.entities()) {
    files.set(entityPath(entity), entityXml(entity));
    // A large package must not keep the hubs of this process from their messages.
    await setImmediate();
  }
  return {
    content: await zipOf(files),
    templates: chosen.map((modelId) => ({ modelId, template: templateName(modelId) })),
    notes: models.problems.notes,
  };
}

function channelsOf(exceptions: Readonly<Record<string, string>>): Record<string, Channel> {
  return Object.fromEntries(
    Object.entries(exceptions).map(([property, word]) => {
      const channel = CHANNELS.find((known) => known === word);
      if (channel === undefined)
        throw refused(`The channel of ${property} in exceptions`, word, `one of ${CHANNELS.join(', ')}`);
      return [property, channel];
    }),
  );
}

function refused(what: string, given: string, expected: string): ConnectorError {
  return new ConnectorError(
    'REQUEST_INVALID',
    `${what} is ${JSON.stringify(given.slice(0, 100))}; expected ${expected}.`,
  );
}
