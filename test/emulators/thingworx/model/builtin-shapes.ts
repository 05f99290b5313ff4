import type { FieldDefinition } from '../infotable.ts';
import { type BaseType, isBaseType } from '../values.ts';

/** Fields of the platform's own Data Shapes that the emulated services use: `name:BASETYPE`, `*` marks a primary key. */
const shapes: Record<string, string> = {
  NamedVTQ: 'name*:STRING time:DATETIME value:VARIANT quality:STRING',
  NamedVTQL: 'name*:STRING time:DATETIME value:VARIANT quality:STRING location:LOCATION',
  VTQ: 'value:VARIANT time:DATETIME quality:STRING',
  NumberValueStream: 'id:STRING timestamp:DATETIME value:NUMBER',
  IntegerValueStream: 'id:STRING timestamp:DATETIME value:INTEGER',
  LongValueStream: 'id:STRING timestamp:DATETIME value:LONG',
  StringValueStream: 'id:STRING timestamp:DATETIME value:STRING',
  BooleanValueStream: 'id:STRING timestamp:DATETIME value:BOOLEAN',
  DateTimeValueStream: 'id:STRING timestamp:DATETIME value:DATETIME',
  LocationValueStream: 'id:STRING timestamp:DATETIME value:LOCATION',
  ImageValueStream: 'id:STRING timestamp:DATETIME value:IMAGE',
  InfoTableValueStream: 'id:STRING timestamp:DATETIME value:INFOTABLE',
  Vec2DataShape: 'id:STRING timestamp:DATETIME value:VEC2',
  Vec3DataShape: 'id:STRING timestamp:DATETIME value:VEC3',
  Vec4DataShape: 'id:STRING timestamp:DATETIME value:VEC4',
  ThingCodeDataShape: 'id:STRING timestamp:DATETIME value:THINGCODE',
  DataChangeEvent: 'oldValue:INFOTABLE newValue:INFOTABLE',
  AnyDataChangeEvent: 'name:STRING oldValue:INFOTABLE newValue:INFOTABLE',
  ThingStartEvent: '',
  TimerEvent: 'timestamp:DATETIME',
  ScheduledEvent: 'timestamp:DATETIME',
  AlertEvent: 'property:STRING alertType:STRING message:STRING priority:INTEGER',
  PropertyDefinition:
    'name*:STRING description:STRING baseType:BASETYPENAME isPersistent:BOOLEAN isReadOnly:BOOLEAN isLogged:BOOLEAN',
  PropertyDefinitionWithDetails:
    'name*:STRING description:STRING baseType:BASETYPENAME category:STRING dataShape:DATASHAPENAME defaultValue:STRING isPersistent:BOOLEAN isReadOnly:BOOLEAN isLogged:BOOLEAN dataChangeType:STRING dataChangeThreshold:NUMBER isRemote:BOOLEAN remotePropertyName:STRING remoteBindingAspects:JSON timeout:INTEGER pushType:STRING pushThreshold:NUMBER',
  ServiceDefinition:
    'name*:STRING description:STRING isAllowOverride:BOOLEAN isOpen:BOOLEAN isPrivate:BOOLEAN',
  EventDefinition: 'name*:STRING description:STRING dataShape:STRING',
  FieldDefinition:
    'name*:STRING description:STRING baseType:BASETYPENAME ordinal:INTEGER isPrimaryKey:BOOLEAN dataShape:STRING',
  FileSystemFile: 'path*:STRING size:NUMBER lastModifiedDate:DATETIME name:STRING fileType:STRING',
  FileSystemFileWithLinks:
    'path*:STRING size:NUMBER downloadLink:HYPERLINK lastModifiedDate:DATETIME name:STRING',
  FileSystemDirectory: 'path*:STRING parentPath:STRING name:STRING',
  EntityList: 'name*:STRING description:STRING',
  RootEntityList:
    'name*:STRING description:STRING homeMashup:MASHUPNAME avatar:IMAGELINK tags:TAGS isSystemObject:BOOLEAN',
  EntityDescriptor:
    'id:STRING name:STRING description:STRING type:STRING parentName:STRING parentType:STRING',
  SpotlightSearch:
    'name:STRING description:STRING type:STRING parentName:STRING parentType:STRING lastModifiedDate:DATETIME isSystemObject:BOOLEAN isEditableSystemObject:BOOLEAN isExtension:BOOLEAN isEditableExtensionObject:BOOLEAN isEditable:BOOLEAN read:BOOLEAN update:BOOLEAN delete:BOOLEAN',
  EntitySummary: 'name*:STRING description:STRING homeMashup:MASHUPNAME tags:TAGS isSystemObject:BOOLEAN',
  EntityReference: 'name:STRING type:STRING',
  EntityCount: 'name:STRING count:INTEGER',
  ExtensionPackage:
    'name*:STRING packageVersion:STRING vendor:STRING description:STRING minimumThingWorxVersion:STRING buildNumber:STRING artifactId:STRING groupId:STRING',
  ExtensionReportDataShape:
    'extensionPackage:INFOTABLE extensionDependencies:INFOTABLE extensionReportStatus:INTEGER reportMessage:STRING extensionException:STRING',
  NetworkConnection: 'from:STRING to:STRING connectionType:STRING',
  LogEntry:
    'timestamp:DATETIME level:STRING content:STRING origin:STRING instance:STRING user:USERNAME session:STRING thread:STRING platformId:STRING',
  Permissions: 'name:STRING type:STRING permissionName:STRING isPermitted:BOOLEAN',
  RunTimePermissions:
    'resourceName:STRING principal:STRING principalType:STRING type:STRING isPermitted:BOOLEAN',
  Principal: 'name:STRING type:STRING',
  GroupMember: 'name*:STRING description:STRING type:STRING',
  ApplicationKeyExpirationInfo: 'name:STRING keyId:STRING expirationDate:DATETIME isExpired:BOOLEAN',
  BulkProcessingReport: 'name:STRING status:STRING message:STRING',
  ThingworxMetric: 'name*:STRING description:STRING value:NUMBER',
  LocalPropertyBinding: 'name:STRING sourceName:STRING sourceThingName:THINGNAME aspects:JSON',
  PropertyList: 'name:STRING value:STRING',
  GenericStringList: 'item:STRING',
  SystemInformation: 'name:STRING value:STRING',
  UserOptions: 'name*:STRING description:STRING password:PASSWORD projectName:STRING tags:TAGS',
  VocabularyTermList: 'vocabulary:STRING vocabularyTerm:STRING',
  ConfigurationChange: 'timestamp:DATETIME user:USERNAME changeAction:STRING changeReason:STRING',
  HttpMultipart: 'name:STRING value:STRING contentType:STRING',
};

/** Further names that imports may refer to; nobody reads their fields. */
export const builtInShapeNames = Object.keys(shapes);

/** Fields of a platform Data Shape. */
export function builtInFields(name: string): FieldDefinition[] {
  const fields = parsed.get(name);
  if (fields === undefined) {
    throw new RangeError(`${name} is no built-in Data Shape`);
  }
  return fields;
}

/** Reads `name:BASETYPE name*:BASETYPE ...`. */
export function readFields(text: string): FieldDefinition[] {
  const words = text.split(' ').filter((word) => word !== '');
  return words.map((word, ordinal) => {
    const [written = '', baseType = ''] = word.split(':');
    const isPrimaryKey = written.endsWith('*');
    if (!isBaseType(baseType)) {
      throw new TypeError(`${baseType} is no base type`);
    }
    return {
      name: isPrimaryKey ? written.slice(0, -1) : written,
      description: '',
      baseType: baseType as BaseType,
      ordinal,
      aspects: isPrimaryKey ? { isPrimaryKey: true } : {},
    };
  });
}

const parsed: ReadonlyMap<string, FieldDefinition[]> = new Map(
  Object.entries(shapes).map(([name, text]) => [name, readFields(text)]),
);
