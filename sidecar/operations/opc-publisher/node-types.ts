import type { BaseType } from '../../contract/schema.ts';

/** The data types of OPC UA (OPC 10000-6) that a property can take, and its base type. Enumerations are sent as Int32. */
const BASE_TYPES: Readonly<Record<string, BaseType>> = {
  Boolean: 'BOOLEAN',
  SByte: 'INTEGER',
  Byte: 'INTEGER',
  Int16: 'INTEGER',
  UInt16: 'INTEGER',
  Int32: 'INTEGER',
  Enumeration: 'INTEGER',
  UInt32: 'LONG',
  Int64: 'LONG',
  UInt64: 'LONG',
  Integer: 'LONG',
  UInteger: 'LONG',
  StatusCode: 'LONG',
  Float: 'NUMBER',
  Double: 'NUMBER',
  Number: 'NUMBER',
  Duration: 'NUMBER',
  String: 'STRING',
  LocaleId: 'STRING',
  Guid: 'STRING',
  XmlElement: 'STRING',
  NodeId: 'STRING',
  ExpandedNodeId: 'STRING',
  QualifiedName: 'STRING',
  LocalizedText: 'STRING',
  DateTime: 'DATETIME',
  UtcTime: 'DATETIME',
  ByteString: 'BLOB',
  ExtensionObject: 'JSON',
  Structure: 'JSON',
};

/** The node ids of these types in the namespace of OPC UA, which a module may give instead of the name. */
const TYPE_IDS: Readonly<Record<string, string>> = {
  1: 'Boolean',
  2: 'SByte',
  3: 'Byte',
  4: 'Int16',
  5: 'UInt16',
  6: 'Int32',
  7: 'UInt32',
  8: 'Int64',
  9: 'UInt64',
  10: 'Float',
  11: 'Double',
  12: 'String',
  13: 'DateTime',
  14: 'Guid',
  15: 'ByteString',
  16: 'XmlElement',
  17: 'NodeId',
  18: 'ExpandedNodeId',
  19: 'StatusCode',
  20: 'QualifiedName',
  21: 'LocalizedText',
  22: 'Structure',
  26: 'Number',
  27: 'Integer',
  28: 'UInteger',
  29: 'Enumeration',
  290: 'Duration',
  294: 'UtcTime',
  295: 'LocaleId',
};

/** The name of a data type of OPC UA itself; undefined for a type of the server. */
export function knownDataType(dataType: string): string | undefined {
  const id = /^(?:ns=0;)?i=(\d+)$/.exec(dataType)?.[1];
  const name = id === undefined ? dataType : TYPE_IDS[id];
  return name !== undefined && Object.hasOwn(BASE_TYPES, name) ? name : undefined;
}

/** The base type of the property for a node. Arrays are JSON. @param dataType as knownDataType gives it */
export function baseTypeOfNode(dataType: string, isArray: boolean): BaseType {
  return isArray ? 'JSON' : (BASE_TYPES[dataType] ?? 'JSON');
}

/** Whether a value of this rank is an array: a rank that allows both is a single value. Given by name or as a number. */
export function isArrayRank(valueRank: unknown): boolean {
  if (typeof valueRank === 'number') return valueRank >= 0;
  return typeof valueRank === 'string' && /Dimension/.test(valueRank) && !valueRank.startsWith('ScalarOr');
}
