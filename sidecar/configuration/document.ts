import Type, { type TObject, type TSchema } from 'typebox';
import {
  HubSettingsInput,
  SECRET_NAMES,
  SETTING_NAMES,
  type SettingName,
  settingFacts,
} from '../contract/hub-settings.ts';
import { baseTypeOf, EXPECTED_KEYWORD, factsOf } from '../contract/schema.ts';
import { ContainerSettings, SidecarAccess, StorageSettings } from '../contract/thing-settings.ts';
import { HUB_THINGS, STORAGE_THINGS } from '../hub/finder.ts';
import { ROLE_GROUPS, ROLES, type Role } from '../operations/operation.ts';
import { MappingDocument } from '../translate/mapping/schema.ts';

export const SECTIONS = ['storages', 'containers', 'hubs'] as const;
export type Section = (typeof SECTIONS)[number];

/** The Things of one section of a configuration document. */
interface ThingKind {
  readonly noun: string;
  readonly template: string;
  /** The settings that are compared and written as they stand in the document. */
  readonly settings: Readonly<Record<string, TSchema>>;
  /** The secrets that secretReferences may name. */
  readonly secrets: readonly string[];
}

const { mappings, ...plainHubSettings } = HubSettingsInput.properties;
const { sidecarUrl, secretReferences } = SidecarAccess.properties;

/** In the order in which Things are made: what another one refers to comes first. */
export const KINDS: Readonly<Record<Section, ThingKind>> = {
  storages: {
    noun: 'storage Thing',
    template: STORAGE_THINGS.template,
    settings: { sidecarUrl, blobEndpoint: StorageSettings.properties.blobEndpoint },
    secrets: ['storageConnectionString'],
  },
  containers: {
    noun: 'container Thing',
    template: 'AzureIoT.BlobContainer_TT',
    settings: ContainerSettings.properties,
    secrets: [],
  },
  hubs: {
    noun: 'hub Thing',
    template: HUB_THINGS.template,
    settings: { sidecarUrl, ...plainHubSettings, mappings },
    secrets: SECRET_NAMES,
  },
};

/** What a hub Thing, storage Thing or container Thing has in a document, by the names of its properties. */
export interface ThingConfiguration {
  readonly [setting: string]: unknown;
  readonly sidecarToken?: string;
  readonly secretReferences?: Readonly<Record<string, string>>;
}

export const MEMBER_KINDS = { users: 'User', groups: 'Group' } as const;
export type MemberKind = keyof typeof MEMBER_KINDS;
type RoleConfiguration = Readonly<Partial<Record<MemberKind, readonly string[]>>>;

/** The configuration of ThingWorx as a file. What is absent is left as it is. */
export interface ConfigurationDocument {
  readonly $schema?: string;
  readonly version: 1;
  readonly storages?: Readonly<Record<string, ThingConfiguration>>;
  readonly containers?: Readonly<Record<string, ThingConfiguration>>;
  readonly hubs?: Readonly<Record<string, ThingConfiguration>>;
  readonly roles?: Readonly<Partial<Record<Role, RoleConfiguration>>>;
}

const REFERENCE_PATTERN = '^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$';

/** Whether a text only says where a secret is. */
export function isReference(value: unknown): value is string {
  return typeof value === 'string' && new RegExp(REFERENCE_PATTERN).test(value);
}

function reference(description: string): TSchema {
  return Type.String({
    description,
    maxLength: 4096,
    pattern: REFERENCE_PATTERN,
    [EXPECTED_KEYWORD]: 'a reference, env:NAME or file:/path, and never the secret itself',
  });
}

const members = (noun: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      description: `The names of the ${noun} that are members.`,
      uniqueItems: true,
    }),
  );

const rolesSchema = Type.Object(
  Object.fromEntries(
    ROLES.map((role) => [
      role,
      Type.Optional(
        Type.Object(
          { users: members('users'), groups: members('groups') },
          { additionalProperties: false, description: `The members of ${ROLE_GROUPS[role]}.` },
        ),
      ),
    ]),
  ),
  { additionalProperties: false, description: 'Who has which role.' },
);

/** The schema of a document. `mappingDocument` is what stands under `mappings` of a hub Thing. */
function documentSchema(mappingDocument: TSchema): TObject {
  const section = (of: Section, settings: Readonly<Record<string, TSchema>>, required: boolean) => {
    const { noun, secrets } = KINDS[of];
    const optional = (schema: TSchema) => (required ? schema : Type.Optional(schema));
    const own = Object.entries(settings).map(([name, schema]) => [name, optional(schema)] as const);
    const access = {
      sidecarToken: Type.Optional(
        reference(
          'Where apply-config finds the token of the sidecar, on the machine where it runs. The token is written when the Thing is made, and with --write-secrets.',
        ),
      ),
      secretReferences: Type.Optional(
        Type.Object(
          Object.fromEntries(
            secrets.map((name) => [
              name,
              Type.Optional(reference(`Where the sidecar finds ${name}, on its machine.`)),
            ]),
          ),
          { additionalProperties: false, description: factsOf(secretReferences).description ?? '' },
        ),
      ),
    };
    const thing = Type.Object(
      { ...Object.fromEntries(own), ...(secrets.length === 0 ? {} : access) },
      { additionalProperties: false, description: `One ${noun}.` },
    );
    return Type.Optional(
      Type.Unsafe({
        type: 'object',
        description: `The ${noun}s by name.`,
        propertyNames: { minLength: 1, maxLength: 256 },
        additionalProperties: thing,
      }),
    );
  };
  return Type.Object(
    {
      $schema: Type.Optional(Type.String({ description: 'The address of this schema, for editors.' })),
      version: Type.Literal(1, {
        description: 'The version of this form.',
        [EXPECTED_KEYWORD]: 'the number 1',
      }),
      storages: section('storages', KINDS.storages.settings, false),
      containers: section('containers', KINDS.containers.settings, true),
      hubs: section('hubs', { ...KINDS.hubs.settings, mappings: mappingDocument }, false),
      roles: Type.Optional(rolesSchema),
    },
    {
      additionalProperties: false,
      title: 'Configuration document',
      description:
        'Settings of hub Things, storage Things and container Things, and the members of roles. Written by export-config, applied by apply-config.',
    },
  );
}

/** What a document is checked against. Mappings have a check of their own, which also runs their tests. */
export const DOCUMENT_SCHEMA = documentSchema(Type.Unsafe(KINDS.hubs.settings['mappings'] as TSchema));

/** The same with mappings, in the words of JSON Schema alone: for editors. */
export function publishedSchema(): object {
  const empty = Type.Object({}, { additionalProperties: false, description: 'The defaults alone.' });
  const schema = documentSchema(Type.Union([MappingDocument, empty]));
  const text = JSON.stringify(schema, (key, value: unknown) => (key.startsWith('x-') ? undefined : value));
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...(JSON.parse(text) as object) };
}

function isHubSetting(name: string): name is SettingName {
  return (SETTING_NAMES as readonly string[]).includes(name);
}

function withoutValue(schema: TSchema): unknown {
  return baseTypeOf(schema) === 'JSON' ? {} : '';
}

/** A value in the form in which two are compared: for the sidecar, a setting of a hub Thing that is empty has its default. */
export function effectiveValue(name: string, schema: TSchema, value: unknown): unknown {
  if (value !== undefined && value !== '') return value;
  return (isHubSetting(name) ? factsOf(schema).default : undefined) ?? withoutValue(schema);
}

/** The value that a setting has on a new Thing. */
export function initialValue(name: string, schema: TSchema): unknown {
  const { initialValue: own } = isHubSetting(name) ? settingFacts(name) : {};
  return own ?? factsOf(schema).default ?? withoutValue(schema);
}
