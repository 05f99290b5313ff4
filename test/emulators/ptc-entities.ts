import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  entities,
  field,
  implementation,
  metadata,
  property,
  shapeBlocks,
  zip,
} from './thingworx-tests/platform-support.ts';

/**
 * Entities in the form of the ThingWorx Azure IoT Hub Connector of PTC, as far as public pages describe them: names of templates, shapes,
 * Things and services, and the keys of the settings. Names that those pages do not give begin with Unknown: the configuration tables and
 * their Data Shapes. Its services are defined and do nothing: the Java program behind them is not here.
 */
export async function ptcExtension(): Promise<Buffer> {
  const hubKeys = [
    'iotHubName',
    'eventHubName',
    'consumerGroup',
    'eventProcessorHostBlobThing',
    'fileRepositoryBlobThing',
  ];
  const hubSecrets = ['eventHubEndpoint', 'consumerPolicyConnectionString', 'registryPolicyConnectionString'];
  return await zip({
    'metadata.xml': metadata('azure-iot--hub-adapter-extension', '4.3.2'),
    'Entities/All.xml': entities(
      [
        '<DataShapes>',
        dataShape('UnknownHubSettings', keys(hubKeys, 'STRING') + keys(hubSecrets, 'PASSWORD')),
        dataShape(
          'UnknownStorageSettings',
          keys(['accountName'], 'STRING') + keys(['connectionString'], 'PASSWORD'),
        ),
        dataShape('UnknownContainerSettings', keys(['containerName'], 'STRING')),
        dataShape('AzureIotHubDeviceDataShape', keys(['deviceId', 'status'], 'STRING')),
        '</DataShapes>',
        '<ThingShapes>',
        `<ThingShape description="" name="RoutedEgress" projectName="" tags="">${shapeBlocks({})}</ThingShape>`,
        `<ThingShape description="" name="AzureIotHubAdapterServices" projectName="" tags="">${shapeBlocks({
          services: ['CreateAzureIotDevice', 'DeleteAzureIotDevice', 'DescribeAzureIotDevice'].map(
            (name) => ({
              name,
              code: 'var nothing = thingName;',
              parameters: field('thingName', 'THINGNAME'),
            }),
          ),
        })}</ThingShape>`,
        '</ThingShapes>',
        '<ThingTemplates>',
        ptcTemplate('AzureIotThing', 'RemoteThingWithFileTransfer', {
          blocks: shapeBlocks({
            properties: [
              ...['twinDesired', 'twinReported', 'twinTags'].map((name) => property(name, 'JSON')),
              property('gatewayThing', 'THINGNAME', { isPersistent: true }),
            ].join(''),
          }),
          more: '<ImplementedShapes><ImplementedShape name="RoutedEgress" type="ThingShape"/></ImplementedShapes>',
        }),
        ptcTemplate('AzureIotHubTemplate', 'GenericThing', { table: 'UnknownHubSettings' }),
        ptcTemplate('AzureBlobStorageTemplate', 'GenericThing', { table: 'UnknownStorageSettings' }),
        ptcTemplate('AzureStorageContainerFileRepository', 'FileRepository', {
          table: 'UnknownContainerSettings',
        }),
        ptcTemplate('ConnectionServicesHub', 'GenericThing', {}),
        '</ThingTemplates>',
        '<Things>',
        thingOf('ConnectionServicesHub', 'ConnectionServicesHub', {
          more: '<ImplementedShapes><ImplementedShape name="AzureIotHubAdapterServices" type="ThingShape"/></ImplementedShapes>',
        }),
        thingOf('AzureServices', 'GenericThing', {}),
        '</Things>',
      ].join(''),
    ),
  });
}

/** Imports `ptcExtension` as an administrator does. */
export async function installPtcExtension(
  importExtension: (zipFile: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ptc-extension-'));
  try {
    const file = path.join(folder, 'ptc.zip');
    await writeFile(file, await ptcExtension());
    await importExtension(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The secrets of the plant's Azure resources, as `ptcPlant` puts them into PTC's Things. */
export interface PlantSecrets {
  readonly iotHubConnectionString: string;
  readonly storageConnectionString: string;
}

export const PUMPS = ['pump-01', 'pump-02', 'pump-03', 'pump-04', 'pump-05', 'pump-06'] as const;

/** What a plant has made with PTC's connector: a hub, storage, kinds of devices, devices, and what uses them. */
export function ptcPlant(): string {
  return [
    '<Projects><Project description="" name="Plant" projectName="Plant" tags=""/></Projects>',
    '<Groups><Group description="" name="Plant.Staff" projectName="Plant" tags=""><Members/></Group></Groups>',
    '<Organizations><Organization description="" name="Plant.Site" projectName="Plant" tags=""><Connections><Connection from="" to="Root"/></Connections><OrganizationalUnits><OrganizationalUnit description="" name="Root"><Members/></OrganizationalUnit></OrganizationalUnits></Organization></Organizations>',
    '<ThingShapes>',
    `<ThingShape description="" name="Plant.Located" projectName="Plant" tags="">${shapeBlocks({
      properties: property('building', 'STRING', { isPersistent: true }),
    })}</ThingShape>`,
    `<ThingShape description="" name="Plant.Vibrating" projectName="Plant" tags="">${shapeBlocks({
      properties: property('vibration', 'NUMBER', { isLogged: true, dataChangeType: 'ALWAYS' }),
    })}${bound(['vibration'])}</ThingShape>`,
    '</ThingShapes>',
    '<ThingTemplates>',
    ptcTemplate('Plant.Pump', 'AzureIotThing', {
      project: 'Plant',
      blocks: shapeBlocks({
        properties: [
          property('temperature', 'NUMBER', {
            isLogged: true,
            dataChangeType: 'ALWAYS',
            units: '°C',
            minimumValue: '-20',
          }),
          property('running', 'BOOLEAN', { dataChangeType: 'VALUE' }),
          property('serialNumber', 'STRING', { isPersistent: true, isReadOnly: true }),
          property('limit', 'NUMBER', {
            isPersistent: true,
            defaultValue: '80',
            dataChangeType: 'DEADBAND',
            dataChangeThreshold: '0.5',
          }),
        ].join(''),
        services: [
          { name: 'restart', code: 'var nothing = 0;' },
          { name: 'Describe', code: 'var result = "A pump";', result: 'STRING' },
        ],
      }),
      more: [
        bound(['temperature', 'running']),
        '<RemoteServiceBindings><RemoteServiceBinding enableQueue="false" name="restart" sourceName="restart" timeout="0"/></RemoteServiceBindings>',
        '<ImplementedShapes><ImplementedShape name="Plant.Located" type="ThingShape"/><ImplementedShape name="Plant.Vibrating" type="ThingShape"/></ImplementedShapes>',
        '<InstanceRunTimePermissions><Permissions resourceName="*"><PropertyRead><Principal isPermitted="true" name="Plant.Staff" type="Group"/></PropertyRead></Permissions></InstanceRunTimePermissions>',
        '<InstanceVisibilityPermissions><Visibility><Principal isPermitted="true" name="Plant.Site" type="Organization"/></Visibility></InstanceVisibilityPermissions>',
      ].join(''),
    }),
    ptcTemplate('Plant.BigPump', 'Plant.Pump', {
      project: 'Plant',
      blocks: shapeBlocks({ properties: property('flow', 'NUMBER', { isLogged: true }) }),
      more: bound(['flow']),
    }),
    '</ThingTemplates>',
    '<Things>',
    thingOf('Plant.Values', 'ValueStream', { project: 'Plant' }),
    thingOf('Plant.Hub', 'AzureIotHubTemplate', { project: 'Plant' }),
    thingOf('Plant.Checkpoints', 'AzureBlobStorageTemplate', { project: 'Plant' }),
    thingOf('Plant.Files', 'AzureBlobStorageTemplate', { project: 'Plant' }),
    thingOf('Plant.Reports', 'AzureStorageContainerFileRepository', { project: 'Plant' }),
    ...PUMPS.map((name, index) =>
      thingOf(name, index < 4 ? 'Plant.Pump' : 'Plant.BigPump', {
        project: 'Plant',
        tags: `Plant:Line${index % 2 === 0 ? 'A' : 'B'}`,
        valueStream: 'Plant.Values',
        values: { gatewayThing: 'Plant.Hub', building: `B${index + 1}`, serialNumber: `S-${index + 1}` },
        more: '<VisibilityPermissions><Visibility><Principal isPermitted="true" name="Plant.Site" type="Organization"/></Visibility></VisibilityPermissions>',
      }),
    ),
    thingOf('sensor-01', 'AzureIotThing', {
      project: 'Plant',
      valueStream: 'Plant.Values',
      values: { gatewayThing: 'Plant.Hub' },
      blocks: shapeBlocks({ properties: property('humidity', 'NUMBER', { isLogged: true }) }),
      more: bound(['humidity']),
    }),
    thingOf('Plant.Office', 'GenericThing', {
      project: 'Plant',
      blocks: shapeBlocks({
        services: [
          {
            name: 'StopAll',
            code: 'Things["pump-01"].restart();\nThings["ConnectionServicesHub"].DeleteAzureIotDevice({ thingName: "pump-02" });',
          },
        ],
        subscriptions: `<Subscription description="" enabled="true" eventName="DataChange" name="Hot" source="pump-03" sourceProperty="temperature" sourceType="Thing">${implementation('Hot', 'var nothing = 0;')}</Subscription>`,
      }),
    }),
    '</Things>',
    '<Mashups><Mashup columns="0.0" description="" documentationContent="" homeMashup="" name="Plant.Overview" projectName="Plant" rows="0.0" tags=""><mashupContent><![CDATA[{"UI":{"Properties":{"Id":"mashup-root","Type":"mashup"},"Widgets":[]},"Data":{"Things_pump-04":{"DataName":"Things_pump-04","EntityName":"pump-04","EntityType":"Things","Id":"a","Services":[]}},"DataBindings":[],"Events":[],"mashupType":"mashup"}]]></mashupContent></Mashup></Mashups>',
  ].join('');
}

/** Tells what the plant entered into the configuration of PTC's Things. */
export async function configurePtcPlant(
  invoke: (thing: string, service: string, parameters: unknown) => Promise<unknown>,
  secrets: PlantSecrets,
): Promise<void> {
  await configure(invoke, 'Plant.Hub', 'UnknownHubSettings', {
    iotHubName: 'plant',
    eventHubName: 'plant-events',
    consumerGroup: '$Default',
    eventProcessorHostBlobThing: 'Plant.Checkpoints',
    fileRepositoryBlobThing: 'Plant.Files',
    consumerPolicyConnectionString: secrets.iotHubConnectionString,
    registryPolicyConnectionString: secrets.iotHubConnectionString,
  });
  for (const thing of ['Plant.Checkpoints', 'Plant.Files'])
    await configure(invoke, thing, 'UnknownStorageSettings', {
      accountName: 'plant',
      connectionString: secrets.storageConnectionString,
    });
  await configure(invoke, 'Plant.Reports', 'UnknownContainerSettings', { containerName: 'reports' });
}

async function configure(
  invoke: (thing: string, service: string, parameters: unknown) => Promise<unknown>,
  thing: string,
  tableName: string,
  row: Readonly<Record<string, string>>,
): Promise<void> {
  const secret = /ConnectionString$|^connectionString$/;
  const fieldDefinitions = Object.fromEntries(
    Object.keys(row).map((name, ordinal) => [
      name,
      { name, description: '', baseType: secret.test(name) ? 'PASSWORD' : 'STRING', ordinal, aspects: {} },
    ]),
  );
  const configurationTable = { dataShape: { fieldDefinitions }, rows: [row] };
  await invoke(thing, 'SetConfigurationTable', { tableName, configurationTable, persistent: true });
}

function keys(names: readonly string[], baseType: string): string {
  return names.map((name) => field(name, baseType)).join('');
}

function dataShape(name: string, fields: string): string {
  return `<DataShape baseDataShape="" description="" name="${name}" projectName="" tags=""><FieldDefinitions>${fields}</FieldDefinitions></DataShape>`;
}

/** Remote property bindings. */
function bound(names: readonly string[]): string {
  const bindings = names.map(
    (name) =>
      `<RemotePropertyBinding cacheTime="0.0" foldType="NONE" name="${name}" pushThreshold="0.0" pushType="ALWAYS" sourceName="${name}" timeout="0"/>`,
  );
  return `<RemotePropertyBindings>${bindings.join('')}</RemotePropertyBindings>`;
}

interface Parts {
  readonly project?: string;
  readonly tags?: string;
  readonly blocks?: string;
  readonly more?: string;
}

function ptcTemplate(name: string, base: string, parts: Parts & { readonly table?: string }): string {
  const { project = '', tags = '', blocks = shapeBlocks({}), more = '', table } = parts;
  const tables =
    table === undefined
      ? ''
      : `<ConfigurationTableDefinitions><ConfigurationTableDefinition category="" dataShapeName="${table}" description="" isHidden="false" isMultiRow="false" name="${table}" ordinal="0" source="IMPORT"/></ConfigurationTableDefinitions>`;
  return `<ThingTemplate baseThingTemplate="${base}" description="" effectiveThingPackage="ConfiguredThing" name="${name}" projectName="${project}" tags="${tags}" thingPackage="" valueStream="">${tables}<ThingShape>${blocks}</ThingShape>${more}</ThingTemplate>`;
}

function thingOf(
  name: string,
  template: string,
  parts: Parts & { readonly valueStream?: string; readonly values?: Readonly<Record<string, string>> },
): string {
  const {
    project = '',
    tags = '',
    blocks = shapeBlocks({}),
    more = '',
    valueStream = '',
    values = {},
  } = parts;
  const given = Object.entries(values).map(
    ([key, value]) =>
      `<${key}><Value><![CDATA[${value}]]></Value><Timestamp>2026-01-02T03:04:05.000Z</Timestamp><Quality>GOOD</Quality></${key}>`,
  );
  return `<Thing description="" enabled="true" name="${name}" projectName="${project}" published="false" tags="${tags}" thingTemplate="${template}" valueStream="${valueStream}"><ThingShape>${blocks}</ThingShape>${more}<ThingProperties>${given.join('')}</ThingProperties></Thing>`;
}
