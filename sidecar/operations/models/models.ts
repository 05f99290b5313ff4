import Type from 'typebox';
import { forThingWorx, JsonObject, JsonValue, OneOf, OneRow } from '../../contract/schema.ts';
import { CHANNELS, type ModelDocument } from '../../models/model.ts';
import { buildModelPackage } from '../../models/model-package.ts';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

/** What the service and the route have in common. */
const members = {
  models: JsonValue({
    description:
      'The models: an interface in DTDL 2 or 3 or a model in the short form, or an array of them, boxed as {"array": [...]}.',
  }),
  packageName: Type.Optional(
    Type.String({
      maxLength: 64,
      default: 'AzureIotModels',
      description: 'The name of the extension and of the project of its entities.',
    }),
  ),
  packageVersion: Type.Optional(
    Type.String({
      maxLength: 20,
      default: '1.0.0',
      description: 'The version of the extension. ThingWorx replaces an extension only by a higher one.',
    }),
  ),
  templates: Type.Optional(
    Type.Array(Type.String({ maxLength: 128, description: 'The id of a model.' }), {
      maxItems: 1_000,
      description:
        'The ids of the models that get a Thing Template, boxed as {"array": [...]}. Empty: those that are no part of another one.',
    }),
  ),
  sendAs: Type.Optional(
    OneOf(CHANNELS, {
      default: 'desired',
      description:
        'How writable properties reach the device: as a desired property, in a message, or by a direct method.',
    }),
  ),
  exceptions: Type.Optional(
    JsonObject({
      description:
        'Properties that are sent otherwise: property, or component.property, to desired, message or method.',
      additionalProperties: { type: 'string', description: 'The way in which one property is sent.' },
    }),
  ),
  logged: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'Whether values of telemetry are kept in the value stream of the Thing.',
    }),
  ),
};

/** What is said of a package. */
const summary = {
  size: Type.Integer({ description: 'The size of the zip in bytes.' }),
  templates: Type.String({ description: 'The Thing Templates in the package, separated by commas.' }),
  notes: Type.String({ description: 'What the package lacks or has otherwise than the model.' }),
};

const buildModel = defineOperation({
  name: 'BuildModelPackage',
  entity: 'AzureIoT.Hub_TT',
  category: 'Models',
  role: 'engineer',
  summary:
    'Makes an extension of device models, with Thing Templates, Thing Shapes and Data Shapes, and saves it in a file repository.',
  method: 'POST',
  path: '/hubs/{hub}/model-packages',
  input: Type.Object({ hub, ...members }),
  output: Type.Object({
    content: Type.String({ description: 'The zip of the extension in base64.' }),
    ...summary,
  }),
  errors: ['MODEL_INVALID'],
  script: 'hand-written',
  serviceInput: Type.Object({
    repository: forThingWorx(
      Type.String({ description: 'The file repository that gets the zip, such as SystemRepository.' }),
      { baseType: 'THINGNAME' },
    ),
    path: Type.String({ description: 'The path of the zip in the repository, such as /models.zip.' }),
    ...members,
  }),
  serviceResult: OneRow(
    Type.Object(summary, { description: 'The package that BuildModelPackage has made.' }),
    'AzureIoT.ModelPackage_DS',
  ),
  async run(_context, { models, packageName, packageVersion, exceptions, ...choices }) {
    const document: ModelDocument = { name: 'models', content: models };
    const { content, templates, notes } = await buildModelPackage({
      documents: [document],
      name: packageName,
      version: packageVersion,
      exceptions: exceptions as Record<string, string> | undefined,
      ...choices,
    });
    return {
      content: content.toString('base64'),
      size: content.length,
      templates: templates.map(({ template }) => template).join(', '),
      notes: notes.join(' '),
    };
  },
});

/** Packages that are made of device models. */
export const MODELS = [buildModel] as const;
