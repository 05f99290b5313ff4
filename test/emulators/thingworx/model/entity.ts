import type { FieldDefinition, InfoTable } from '../infotable.ts';
import type { PlatformValue } from '../values.ts';

/** Entity collections that the emulator stores; element names of their XML beside them. */
export const collectionElements = {
  Projects: 'Project',
  DataShapes: 'DataShape',
  ThingShapes: 'ThingShape',
  ThingTemplates: 'ThingTemplate',
  Things: 'Thing',
  Mashups: 'Mashup',
  Groups: 'Group',
  Users: 'User',
  Organizations: 'Organization',
  ApplicationKeys: 'ApplicationKey',
  Menus: 'Menu',
  StyleDefinitions: 'StyleDefinition',
  StateDefinitions: 'StateDefinition',
  StyleThemes: 'StyleTheme',
  MediaEntities: 'MediaEntity',
  LocalizationTables: 'LocalizationTable',
  Subsystems: 'Subsystem',
  Resources: 'Resource',
  PersistenceProviders: 'PersistenceProvider',
  ModelTags: 'ModelTag',
  DataTags: 'DataTag',
  Networks: 'Network',
  NotificationContents: 'NotificationContent',
  NotificationDefinitions: 'NotificationDefinition',
  ScriptFunctionLibraries: 'ScriptFunctionLibrary',
  Widgets: 'Widget',
  Dashboards: 'Dashboard',
  Logs: 'Log',
  ThingPackages: 'ThingPackage',
} as const;

export type Collection = keyof typeof collectionElements;

export const collections = Object.keys(collectionElements) as Collection[];

export function isCollection(name: string): name is Collection {
  return Object.hasOwn(collectionElements, name);
}

export type PrincipalType = 'User' | 'Group' | 'Organization' | 'OrganizationalUnit';

export interface Principal {
  name: string;
  type: PrincipalType;
  isPermitted: boolean;
}

export const runTimeRights = [
  'PropertyRead',
  'PropertyWrite',
  'ServiceInvoke',
  'EventInvoke',
  'EventSubscribe',
] as const;
export type RunTimeRight = (typeof runTimeRights)[number];
/** Resource name (a property, service or event, or `*`) to right to principals. */
export type RunTimePermissions = Map<string, Map<RunTimeRight, Principal[]>>;

export const designTimeRights = ['Create', 'Read', 'Update', 'Delete', 'Metadata'] as const;
export type DesignTimeRight = (typeof designTimeRights)[number];
export type DesignTimePermissions = Map<DesignTimeRight, Principal[]>;

export type Aspects = FieldDefinition['aspects'];

export interface Property extends FieldDefinition {
  category: string;
  isLocalOnly: boolean;
}

export interface Service {
  name: string;
  description: string;
  category: string;
  isAllowOverride: boolean;
  isLocalOnly: boolean;
  isOpen: boolean;
  isPrivate: boolean;
  aspects: Aspects;
  result: FieldDefinition;
  parameters: Map<string, FieldDefinition>;
}

/** `source` is the script, absent for other handlers; `problem` says why the script has no handler. */
export interface Implementation {
  name: string;
  handlerName: string;
  description: string;
  source?: string;
  problem?: string;
}

export interface EventType {
  name: string;
  description: string;
  category: string;
  dataShape: string;
  aspects: Aspects;
}

/** One event that a subscription listens to. An empty `source` is the Thing itself. */
export interface Trigger {
  alias: string;
  eventName: string;
  source: string;
  sourceProperty: string;
  sourceType: string;
}

export interface Subscription {
  name: string;
  description: string;
  enabled: boolean;
  /** "2" for the form with several events (9.5 and later), else "". */
  version: string;
  triggers: Trigger[];
  implementation: Implementation;
}

/** The six definition blocks of a shape, template or Thing. */
export interface Definitions {
  properties: Map<string, Property>;
  services: Map<string, Service>;
  implementations: Map<string, Implementation>;
  events: Map<string, EventType>;
  subscriptions: Map<string, Subscription>;
}

export function emptyDefinitions(): Definitions {
  return {
    properties: new Map(),
    services: new Map(),
    implementations: new Map(),
    events: new Map(),
    subscriptions: new Map(),
  };
}

export interface TableDefinition {
  name: string;
  description: string;
  category: string;
  dataShapeName: string;
  isHidden: boolean;
  isMultiRow: boolean;
  ordinal: number;
  source: string;
}

export interface ConfigurationTable {
  name: string;
  description: string;
  isMultiRow: boolean;
  isHidden: boolean;
  ordinal: number;
  dataShapeName: string;
  table: InfoTable;
}

/** A property binding of any kind, as in the XML: all attributes. */
export interface Binding {
  kind: 'PropertyBinding' | 'RemotePropertyBinding' | 'RemoteServiceBinding' | 'RemoteEventBinding';
  name: string;
  attributes: Record<string, string>;
}

interface EntityHead {
  name: string;
  description: string;
  documentationContent: string;
  homeMashup: string;
  projectName: string;
  tags: string;
  owner: string;
  lastModified: Date;
  /** Part of the platform itself: cannot be changed or deleted. */
  isSystemObject: boolean;
  /** Name of the extension package that brought the entity, or empty. */
  extension: string;
  /** Attributes of the XML element that the emulator only keeps and exports (`aspect.*` among them). */
  attributes: Record<string, string>;
  runTime: RunTimePermissions;
  designTime: DesignTimePermissions;
  visibility: Principal[];
  tableDefinitions: Map<string, TableDefinition>;
  tables: Map<string, ConfigurationTable>;
}

interface WithShape {
  definitions: Definitions;
  bindings: Binding[];
}

interface WithInstances {
  instanceRunTime: RunTimePermissions;
  instanceDesignTime: DesignTimePermissions;
  instanceVisibility: Principal[];
}

export interface ThingShapeEntity extends EntityHead, WithShape {
  collection: 'ThingShapes';
  instanceRunTime: RunTimePermissions;
}

export interface ThingTemplateEntity extends EntityHead, WithShape, WithInstances {
  collection: 'ThingTemplates';
  baseThingTemplate: string;
  implementedShapes: string[];
  valueStream: string;
}

/** Value of a property with time and quality. */
export interface Vtq {
  value: PlatformValue;
  timeMs: number;
  quality: string;
}

export interface ThingEntity extends EntityHead, WithShape {
  collection: 'Things';
  thingTemplate: string;
  implementedShapes: string[];
  valueStream: string;
  identifier: string;
  enabled: boolean;
  published: boolean;
}

export interface DataShapeEntity extends EntityHead {
  collection: 'DataShapes';
  baseDataShape: string;
  fields: Map<string, FieldDefinition>;
}

export interface GroupEntity extends EntityHead {
  collection: 'Groups';
  members: { name: string; type: 'User' | 'Group' }[];
}

export interface UserEntity extends EntityHead {
  collection: 'Users';
  /** Salted hash, or empty when the user has no password yet and cannot log in with Basic. */
  passwordHash: string;
  enabled: boolean;
  locked: boolean;
}

export interface OrganizationEntity extends EntityHead {
  collection: 'Organizations';
  units: Map<
    string,
    { name: string; description: string; members: { name: string; type: 'User' | 'Group' }[] }
  >;
  connections: { from: string; to: string }[];
}

export interface ApplicationKeyEntity extends EntityHead {
  collection: 'ApplicationKeys';
  keyId: string;
  userNameReference: string;
  clientName: string;
  ipWhitelist: string;
  expirationDate: Date;
}

/** Entities whose content the emulator keeps without using it: Projects, Mashups, Menus, ... */
export interface PlainEntity extends EntityHead {
  collection: Exclude<
    Collection,
    | 'ThingShapes'
    | 'ThingTemplates'
    | 'Things'
    | 'DataShapes'
    | 'Groups'
    | 'Users'
    | 'Organizations'
    | 'ApplicationKeys'
  >;
  /** The content element (mashupContent, content, ...) or empty. */
  content: string;
}

export type ShapedEntity = ThingShapeEntity | ThingTemplateEntity | ThingEntity;

export type Entity =
  | ShapedEntity
  | DataShapeEntity
  | GroupEntity
  | UserEntity
  | OrganizationEntity
  | ApplicationKeyEntity
  | PlainEntity;

export type EntityOf<C extends Collection> = C extends PlainEntity['collection']
  ? PlainEntity
  : Extract<Entity, { collection: C }>;

export function isShaped(entity: Entity): entity is ShapedEntity {
  return 'definitions' in entity;
}

/** Head of a new entity with everything that may be left out. */
export function entityHead(name: string, given: Partial<EntityHead> = {}): EntityHead {
  return {
    name,
    description: '',
    documentationContent: '',
    homeMashup: '',
    projectName: '',
    tags: '',
    owner: 'Administrator',
    lastModified: new Date(),
    isSystemObject: false,
    extension: '',
    attributes: {},
    runTime: new Map(),
    designTime: new Map(),
    visibility: [],
    tableDefinitions: new Map(),
    tables: new Map(),
    ...given,
  };
}
