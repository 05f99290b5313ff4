import type { BaseType } from '../contract/schema.ts';

/** The project that holds every entity of the extension. */
export const PROJECT = 'AzureIoT.Connector';
export const ADMINISTRATORS = 'AzureIoT.Administrators_UG';
export const ENGINEERS = 'AzureIoT.Engineers_UG';
export const OPERATORS = 'AzureIoT.Operators_UG';
export const VIEWERS = 'AzureIoT.Viewers_UG';
export const SIDECAR_GROUP = 'AzureIoT.Sidecar_UG';
/** The user of ThingWorx itself. Nobody can log in as it. */
export const SYSTEM_USER = 'System';
/** Whoever belongs to it sees the entities of the extension and the Things made from its templates. */
export const ORGANIZATION = 'AzureIoT.Connector_OR';

/** The category of what services keep for themselves. Composer sorts categories by name: it comes last. */
export const INNER_CATEGORY = 'Watermarks';

/** VARIANT is a type of fields in platform shapes only, so the extension's own fields cannot have it. */
export interface FieldDefinition {
  readonly name: string;
  readonly baseType: BaseType;
  readonly description: string;
  readonly dataShape?: string;
  readonly isPrimaryKey?: true;
  readonly isRequired?: true;
  /** An empty text is a value of its own and not an absent one. */
  readonly mayBeEmpty?: true;
  readonly defaultValue?: string;
  readonly friendlyName?: string;
  readonly thingTemplate?: string;
  readonly thingShape?: string;
  readonly units?: string;
}

export interface PropertyDefinition extends FieldDefinition {
  readonly category: string;
  readonly isPersistent?: true;
  readonly isLogged?: true;
  /** VALUE unless given; NEVER fires no DataChange. */
  readonly dataChangeType?: 'VALUE' | 'ALWAYS' | 'NEVER';
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface ServiceDefinition {
  readonly name: string;
  readonly category: string;
  readonly description: string;
  readonly parameters: readonly FieldDefinition[];
  readonly result: {
    readonly baseType: BaseType | 'NOTHING';
    readonly dataShape?: string;
    readonly description: string;
  };
  /** Runs in the background and gives no result. */
  readonly isAsync?: true;
  readonly isOverridable?: true;
  /** The script, strict ES5. */
  readonly script: string;
}

export interface EventDefinition {
  readonly name: string;
  readonly category: string;
  readonly description: string;
  readonly dataShape: string;
}

export interface SubscriptionDefinition {
  readonly name: string;
  readonly description: string;
  readonly eventName:
    | 'ThingStart'
    | 'DataChange'
    | 'AnyDataChange'
    | 'TwinChanged'
    | 'TwinUpdateRefused'
    | 'Timer';
  /** Only for DataChange. */
  readonly sourceProperty?: string;
  readonly script: string;
}

/** What a shape or template gives to its Things. */
export interface Characteristics {
  readonly properties: readonly PropertyDefinition[];
  readonly services: readonly ServiceDefinition[];
  readonly events: readonly EventDefinition[];
  readonly subscriptions: readonly SubscriptionDefinition[];
}

export type PermissionKind =
  | 'PropertyRead'
  | 'PropertyWrite'
  | 'ServiceInvoke'
  | 'EventInvoke'
  | 'EventSubscribe';

/** One permission of one group or user: `resource` is `*` or the name of a property, service or event. */
export interface Permission {
  readonly resource: string;
  readonly kind: PermissionKind;
  readonly principal: string;
  readonly principalType: 'Group' | 'User';
  /** The principal may not, whatever else permits it. */
  readonly isForbidden?: true;
}

export type MashupName = `AzureIoT.${string}_MU`;

/** What every entity has. */
export interface Named {
  readonly name: string;
  readonly description: string;
  /** What a user sees first who opens the entity. */
  readonly homeMashup?: MashupName;
  /** The project that holds it; that of the extension unless given. */
  readonly project?: string;
}

export interface Project extends Named {
  readonly kind: 'Project';
}

export interface Group extends Named {
  readonly kind: 'Group';
}

export interface Organization extends Named {
  readonly kind: 'Organization';
  /** Units below the root, each with the groups that belong to it. */
  readonly units: readonly {
    readonly name: string;
    readonly description: string;
    readonly groups: readonly string[];
  }[];
}

export interface DataShape extends Named {
  readonly kind: 'DataShape';
  readonly fields: readonly FieldDefinition[];
  /** Run-time permissions on the Data Shape itself. */
  readonly permissions?: readonly Permission[];
}

export interface ThingShape extends Named, Characteristics {
  readonly kind: 'ThingShape';
  /** Run-time permissions on the shape itself. */
  readonly permissions?: readonly Permission[];
  /** Run-time permissions that every Thing of this shape gets. */
  readonly instancePermissions: readonly Permission[];
}

export interface ThingTemplate extends Named, Characteristics {
  readonly kind: 'ThingTemplate';
  /** Never changed after release: the platform refuses such an upgrade. */
  readonly baseThingTemplate: 'GenericThing' | `AzureIoT.${string}_TT`;
  readonly implementedShapes: readonly string[];
  /** Run-time permissions on the template itself. */
  readonly permissions: readonly Permission[];
  /** Run-time permissions that every Thing of this template gets. */
  readonly instancePermissions: readonly Permission[];
}

/** A configuration table with one row, in the form that the template of the Thing defines. */
export interface ConfigurationTable {
  readonly name: string;
  readonly description: string;
  readonly fields: readonly (Omit<FieldDefinition, 'baseType'> & {
    readonly baseType: BaseType | 'USERNAME';
  })[];
  readonly row: Readonly<Record<string, string>>;
}

export interface Thing extends Named, Characteristics {
  readonly kind: 'Thing';
  /** Never changed after release. */
  readonly thingTemplate: 'GenericThing' | 'Timer' | 'ValueStream';
  readonly permissions: readonly Permission[];
  readonly configurationTables: readonly ConfigurationTable[];
}

/** Mashups are entities, too; the extension alone has them. */
export type Entity = Project | Group | Organization | DataShape | ThingShape | ThingTemplate | Thing;

/** Permissions of one kind for several resources. */
export function permit(
  kind: PermissionKind,
  principal: string,
  resources: readonly string[],
  principalType: 'Group' | 'User' = 'Group',
): Permission[] {
  return resources.map((resource) => ({ resource, kind, principal, principalType }));
}

/** Takes rights of one kind that `*` gives. */
export function forbid(kind: PermissionKind, principal: string, resources: readonly string[]): Permission[] {
  return permit(kind, principal, resources).map((permission) => ({ ...permission, isForbidden: true }));
}

/** Everything, for those who operate the connector. */
export function permitAll(principal: string): Permission[] {
  const kinds: PermissionKind[] = [
    'PropertyRead',
    'PropertyWrite',
    'ServiceInvoke',
    'EventInvoke',
    'EventSubscribe',
  ];
  return kinds.flatMap((kind) => permit(kind, principal, ['*']));
}
