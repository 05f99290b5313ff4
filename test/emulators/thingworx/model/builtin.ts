import { InfoTable } from '../infotable.ts';
import { hashPassword } from '../security/passwords.ts';
import { builtInFields, builtInShapeNames, readFields } from './builtin-shapes.ts';
import {
  type ConfigurationTable,
  type Definitions,
  type Entity,
  emptyDefinitions,
  entityHead,
  type Property,
  type RunTimePermissions,
  type TableDefinition,
} from './entity.ts';
import type { EntityStore } from './store.ts';

interface BuiltInTemplate {
  base: string;
  /** Properties: `name:BASETYPE`. */
  properties?: string;
  /** Events: `name:DataShape`. */
  events?: string;
  tables?: ConfigurationTable[];
}

function settings(
  name: string,
  description: string,
  fields: string,
  row: Record<string, boolean | number | string>,
) {
  return {
    name,
    description,
    isMultiRow: false,
    isHidden: true,
    ordinal: 0,
    dataShapeName: '',
    table: new InfoTable(readFields(fields), [row]),
  };
}

function dataThing(): ConfigurationTable {
  const row = { persistenceProvider: 'ThingworxPersistenceProvider' };
  return settings('DataThingSettings', 'Data Thing Configuration', 'persistenceProvider:STRING', row);
}

function dataShapeOfRows(): ConfigurationTable {
  return settings('Settings', 'General Settings', 'dataShape:DATASHAPENAME', { dataShape: '' });
}

/** Templates of the platform that imports and CreateThing can name. README-platform.md says which services they have. */
function templates(): Record<string, BuiltInTemplate> {
  const remote =
    'isConnected:BOOLEAN lastConnection:DATETIME isReporting:BOOLEAN reportingLastChange:DATETIME reportingLastEvaluation:DATETIME';
  return {
    GenericThing: {
      base: '',
      properties: 'name:STRING description:STRING thingTemplate:THINGTEMPLATENAME tags:TAGS',
      events:
        'ThingStart:ThingStartEvent DataChange:DataChangeEvent AnyDataChange:AnyDataChangeEvent Alert:AlertEvent AlertAck:AlertEvent AlertReset:AlertEvent AnyAlert:AlertEvent AnyAlertAck:AlertEvent AnyAlertReset:AlertEvent',
    },
    RemoteThing: { base: 'GenericThing', properties: remote },
    RemoteThingWithFileTransfer: { base: 'RemoteThing' },
    RemoteThingWithTunnels: { base: 'RemoteThing' },
    RemoteThingWithTunnelsAndFileTransfer: { base: 'RemoteThing' },
    Timer: {
      base: 'GenericThing',
      properties: 'Enabled:BOOLEAN',
      events: 'Timer:TimerEvent',
      tables: [
        settings('Settings', 'General Settings', 'enabled:BOOLEAN runAsUser:USERNAME updateRate:NUMBER', {
          enabled: true,
          runAsUser: '',
          updateRate: 60_000,
        }),
      ],
    },
    Scheduler: {
      base: 'GenericThing',
      properties: 'Enabled:BOOLEAN',
      events: 'ScheduledEvent:ScheduledEvent',
      tables: [
        settings('Settings', 'General Settings', 'enabled:BOOLEAN runAsUser:USERNAME schedule:SCHEDULE', {
          enabled: true,
          runAsUser: '',
          schedule: '0 0/1 * * * ?',
        }),
      ],
    },
    ValueStream: {
      base: 'GenericThing',
      tables: [
        dataThing(),
        settings(
          'PersistenceProviderCustomSettings',
          'Configurable options to tune Value Stream performance',
          'customConfigTable:INFOTABLE',
          {},
        ),
      ],
    },
    Stream: { base: 'GenericThing', tables: [dataThing(), dataShapeOfRows()] },
    DataTable: { base: 'GenericThing', tables: [dataThing(), dataShapeOfRows()] },
    FileRepository: { base: 'GenericThing' },
    Database: { base: 'GenericThing' },
    Blog: { base: 'GenericThing' },
    Wiki: { base: 'GenericThing' },
  };
}

/** Creates the entities that a fresh platform has. */
export function addBuiltIns(store: EntityStore, administratorPassword: string): void {
  const add = (entity: Entity) => store.put(entity);
  const system = { isSystemObject: true };
  for (const name of builtInShapeNames) {
    const fields = new Map(builtInFields(name).map((field) => [field.name, field]));
    add({ ...entityHead(name, system), collection: 'DataShapes', baseDataShape: '', fields });
  }
  for (const [name, template] of Object.entries(templates())) {
    add({
      ...entityHead(name, system),
      collection: 'ThingTemplates',
      baseThingTemplate: template.base,
      implementedShapes: [],
      valueStream: '',
      definitions: builtInDefinitions(template),
      bindings: [],
      tableDefinitions: new Map((template.tables ?? []).map((one) => [one.name, tableDefinition(one)])),
      tables: new Map((template.tables ?? []).map((one) => [one.name, one])),
      instanceRunTime: new Map(),
      instanceDesignTime: new Map(),
      instanceVisibility: [],
    });
  }
  add({
    ...entityHead('SystemRepository', { ...system, description: 'File repository of the platform' }),
    collection: 'Things',
    thingTemplate: 'FileRepository',
    implementedShapes: [],
    valueStream: '',
    identifier: '',
    enabled: true,
    published: false,
    definitions: emptyDefinitions(),
    bindings: [],
  });
  add({ ...entityHead('PTCDefaultProject', system), collection: 'Projects', content: '' });
  addPrincipals(add, administratorPassword);
  for (const name of [
    'ApplicationLog',
    'ScriptLog',
    'ErrorLog',
    'SecurityLog',
    'ConfigurationLog',
    'CommunicationLog',
  ]) {
    add({ ...entityHead(name, system), collection: 'Logs', content: '' });
  }
  for (const name of ['PlatformSubsystem', 'ValueStreamProcessingSubsystem', 'EventProcessingSubsystem']) {
    add({ ...entityHead(name, system), collection: 'Subsystems', content: '' });
  }
  for (const name of ['ThingworxPersistenceProvider']) {
    add({ ...entityHead(name, system), collection: 'PersistenceProviders', content: '' });
  }
}

function addPrincipals(add: (entity: Entity) => void, administratorPassword: string): void {
  const system = { isSystemObject: true };
  const user = (name: string, passwordHash: string): Entity => ({
    ...entityHead(name, system),
    collection: 'Users',
    passwordHash,
    enabled: true,
    locked: false,
  });
  add(user('Administrator', hashPassword(administratorPassword)));
  // The System user cannot log in; its rights apply to calls inside services.
  add(user('System', ''));
  add({
    ...entityHead('Administrators', system),
    collection: 'Groups',
    members: [{ name: 'Administrator', type: 'User' }],
  });
  // Every user belongs to Users without being listed.
  add({ ...entityHead('Users', system), collection: 'Groups', members: [] });
  for (const name of [
    'ComposerUsers',
    'Developers',
    'SecurityAdministrators',
    'SecurityAuditors',
    'Auditors',
  ]) {
    const members = name === 'ComposerUsers' ? [{ name: 'Users', type: 'Group' as const }] : [];
    add({ ...entityHead(name, system), collection: 'Groups', members });
  }
  add({
    ...entityHead('Everyone', system),
    collection: 'Organizations',
    units: new Map([
      [
        'Everyone',
        { name: 'Everyone', description: '', members: [{ name: 'Users', type: 'Group' as const }] },
      ],
    ]),
    connections: [{ from: '', to: 'Everyone' }],
  });
}

/** Resource or Subsystem entity for native services. `rights` lets a group use it. */
export function resourceEntity(name: string, description: string, runTime: RunTimePermissions): Entity {
  return {
    ...entityHead(name, { isSystemObject: true, description, runTime }),
    collection: 'Resources',
    content: '',
  };
}

function builtInDefinitions(template: BuiltInTemplate): Definitions {
  const definitions = emptyDefinitions();
  for (const field of readFields(template.properties ?? '')) {
    const property: Property = {
      ...field,
      aspects: { isBuiltIn: true, isReadOnly: field.name !== 'description' && field.name !== 'tags' },
      category: '',
      isLocalOnly: false,
    };
    definitions.properties.set(field.name, property);
  }
  for (const word of (template.events ?? '').split(' ').filter((one) => one !== '')) {
    const [name = '', dataShape = ''] = word.split(':');
    definitions.events.set(name, { name, description: '', category: '', dataShape, aspects: {} });
  }
  return definitions;
}

function tableDefinition(table: ConfigurationTable): TableDefinition {
  return {
    name: table.name,
    description: table.description,
    category: '',
    dataShapeName: '',
    isHidden: table.isHidden,
    isMultiRow: table.isMultiRow,
    ordinal: table.ordinal,
    source: 'IMPORT',
  };
}
