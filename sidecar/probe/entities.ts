/** Names of everything that the probe makes; nothing else begins with this word. */
export const PROBE = 'AzureIoTProbe';
export const PROJECT = PROBE;
export const THING = `${PROBE}.Thing`;
export const BENCH_THING = `${PROBE}.Bench`;
export const USER = `${PROBE}.User`;
export const KEY = `${PROBE}.Key`;
export const EXPIRED_KEY = `${PROBE}.ExpiredKey`;
export const PACKAGED_THING = `${PROBE}.Packaged`;

interface ServiceText {
  readonly name: string;
  readonly code: string;
  readonly result: string;
  /** Name, base type, and the default of a parameter. */
  readonly parameters?: readonly (readonly [string, string, string?])[];
}

const SERVICES: readonly ServiceText[] = [
  { name: 'ReadPassword', result: 'STRING', code: 'var result = String(me.secret);' },
  {
    name: 'DecryptPassword',
    result: 'STRING',
    code: 'var result = String(Resources["EncryptionServices"].DecryptPropertyValue({ data: String(me.secret) }));',
  },
  {
    name: 'CallWithPassword',
    result: 'JSON',
    parameters: [['url', 'STRING']],
    code: 'var result = Resources["ContentLoaderFunctions"].GetJSON({ url: url, username: "probe", password: me.secret, timeout: 20 });',
  },
  {
    name: 'CallMissing',
    result: 'STRING',
    parameters: [['url', 'STRING']],
    code: 'var result = "returned"; try { Resources["ContentLoaderFunctions"].GetJSON({ url: url, timeout: 20 }); } catch (thrown) { result = "thrown"; }',
  },
  {
    name: 'IsArray',
    result: 'BOOLEAN',
    parameters: [['value', 'JSON']],
    code: 'var result = Array.isArray(value.list);',
  },
  {
    name: 'ReadRows',
    result: 'STRING',
    code: [
      'var table = Resources["InfoTableFunctions"].CreateInfoTable({ infoTableName: "t" });',
      'table.AddField({ name: "name", baseType: "STRING", ordinal: 1 });',
      'table.AddRow({ name: "a" }); table.AddRow({ name: "b" });',
      'var first = table.rows[0]; var second = table.rows[1];',
      'var result = String(first.name) + String(second.name);',
    ].join('\n'),
  },
  { name: 'Nothing', result: 'NOTHING', code: 'var nothing = 0;' },
  {
    name: 'CallWithObject',
    result: 'STRING',
    code: 'var result = "accept"; try { me.Nothing({}); } catch (thrown) { result = "refuse"; }',
  },
  {
    name: 'WithDefault',
    result: 'STRING',
    parameters: [['value', 'STRING', 'filled']],
    code: 'var result = value ? String(value) : "";',
  },
  {
    name: 'LevelForOf',
    result: 'STRING',
    code: 'var result = ""; for (var item of ["x"]) { result = item; }',
  },
  {
    name: 'LevelDestructuring',
    result: 'STRING',
    code: 'var { a: taken } = { a: "x" }; var result = taken;',
  },
  { name: 'LevelLet', result: 'STRING', code: 'let value = "x"; var result = value;' },
  { name: 'ReturnAtTheEnd', result: 'STRING', code: 'var result = "x"; return result;' },
  { name: 'Inner', result: 'STRING', code: 'var result = "x";' },
  { name: 'InnerOfSystem', result: 'STRING', code: 'var result = "x";' },
  { name: 'Outer', result: 'STRING', code: 'var result = me.Inner();' },
  { name: 'OuterOfSystem', result: 'STRING', code: 'var result = me.InnerOfSystem();' },
  { name: 'Pause', result: 'NOTHING', code: 'pause(100000);' },
];

/** One document with the project and the Thing that has the services. */
export function entitiesXml(): string {
  return [
    '<Entities>',
    `<Projects><Project name="${PROJECT}" projectName="${PROJECT}" description="Throw-away entities of sidecar.mjs probe" packageVersion="1.0.0" state="DRAFT" aspect.projectType="Component" dependsOn='{"extensions":"","projects":""}'/></Projects>`,
    `<Things><Thing name="${THING}" projectName="${PROJECT}" thingTemplate="GenericThing" enabled="true" valueStream=""><ThingShape>`,
    `<PropertyDefinitions>${property('secret', 'PASSWORD', true)}${property('known', 'NUMBER', false)}${property('never', 'DATETIME', false)}</PropertyDefinitions>`,
    `<ServiceDefinitions>${SERVICES.map(definitionXml).join('')}</ServiceDefinitions><EventDefinitions/><ServiceMappings/>`,
    `<ServiceImplementations>${SERVICES.map(implementationXml).join('')}</ServiceImplementations><Subscriptions/>`,
    '</ThingShape></Thing></Things></Entities>',
  ].join('');
}

function property(name: string, baseType: string, isPersistent: boolean): string {
  return `<PropertyDefinition aspect.cacheTime="0.0" aspect.dataChangeType="ALWAYS" aspect.isPersistent="${isPersistent}" baseType="${baseType}" category="" description="" isLocalOnly="false" name="${name}" ordinal="1"/>`;
}

function definitionXml({ name, result, parameters = [] }: ServiceText): string {
  const fields = parameters.map(
    ([field, baseType, value], index) =>
      `<FieldDefinition${value === undefined ? '' : ` aspect.defaultValue="${value}"`} baseType="${baseType}" description="" name="${field}" ordinal="${index + 1}"/>`,
  );
  return `<ServiceDefinition aspect.isAsync="false" category="" description="" isAllowOverride="false" isLocalOnly="false" isOpen="false" isPrivate="false" name="${name}"><ResultType baseType="${result}" description="" name="result" ordinal="0"/><ParameterDefinitions>${fields.join('')}</ParameterDefinitions></ServiceDefinition>`;
}

function implementationXml({ name, code }: ServiceText): string {
  return `<ServiceImplementation description="" handlerName="Script" name="${name}"><ConfigurationTables><ConfigurationTable dataShapeName="" description="Script" isMultiRow="false" name="Script" ordinal="0"><DataShape><FieldDefinitions><FieldDefinition baseType="STRING" description="code" name="code" ordinal="0"/></FieldDefinitions></DataShape><Rows><Row><code><![CDATA[${code}]]></code></Row></Rows></ConfigurationTable></ConfigurationTables></ServiceImplementation>`;
}

/** The files of a small extension with one Thing that has one persistent value. */
export function packageFiles(
  version: string,
  more: Readonly<Record<string, string>> = {},
): Map<string, string> {
  return new Map([
    [
      'metadata.xml',
      `<Entities><ExtensionPackages><ExtensionPackage name="${PROBE}" packageVersion="${version}" minimumThingWorxVersion="9.0.0" vendor="" description="Throw-away extension of sidecar.mjs probe" dependsOn="" haCompatible="true"/></ExtensionPackages></Entities>`,
    ],
    [
      `Entities/Things/${PACKAGED_THING}.xml`,
      `<Entities><Things><Thing name="${PACKAGED_THING}" thingTemplate="GenericThing" enabled="true" valueStream="" aspect.isEditableExtensionObject="true"><ThingShape><PropertyDefinitions>${property('kept', 'STRING', true)}</PropertyDefinitions><ServiceDefinitions/><EventDefinitions/><ServiceMappings/><ServiceImplementations/><Subscriptions/></ThingShape><ThingProperties><kept><Value>of the package</Value><Timestamp>2024-01-02T03:04:05.000Z</Timestamp><Quality>GOOD</Quality></kept></ThingProperties></Thing></Things></Entities>`,
    ],
    ...Object.entries(more),
  ]);
}
