import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurePtcPlant, PUMPS, ptcExtension, ptcPlant } from '../ptc-entities.ts';
import { entities, withPlatform } from './platform-support.ts';

test("entities in the form of PTC's connector import without losses", async () => {
  await withPlatform({}, async (client) => {
    const uploaded = await client.upload(await ptcExtension());
    assert.equal(uploaded.status, 200, uploaded.text);
    const imported = await client.importXml(entities(ptcPlant()));
    assert.equal(imported.status, 200, imported.text);
    assert.deepEqual(await client.control('GET', '/losses'), { losses: [] });
    await configurePtcPlant(
      (thing, service, parameters) => client.result(`Things/${thing}`, service, parameters),
      {
        iotHubConnectionString: 'HostName=plant',
        storageConnectionString: 'UseDevelopmentStorage=true',
      },
    );
    const settings = await client.result('Things/Plant.Hub', 'GetConfigurationTable', {
      tableName: 'UnknownHubSettings',
    });
    assert.equal(settings.rows[0].eventProcessorHostBlobThing, 'Plant.Checkpoints');
    const devices = await client.result('ThingTemplates/AzureIotThing', 'GetImplementingThings');
    assert.deepEqual(devices.rows.map(({ name }: { name: string }) => name).sort(), [...PUMPS, 'sensor-01']);
    const definition = await client.result('Resources/EntityServices', 'ReadEntityDefinitionAsJSON', {
      type: 'ThingTemplates',
      name: 'Plant.Pump',
    });
    assert.deepEqual(Object.keys(definition.remotePropertyBindings), ['temperature', 'running']);
    assert.deepEqual(Object.keys(definition.remoteServiceBindings), ['restart']);
    assert.deepEqual(definition.instanceVisibilityPermissions.Visibility, [
      { name: 'Plant.Site', type: 'Organization', isPermitted: true },
    ]);
    assert.equal(
      definition.thingShape.serviceImplementations.Describe.configurationTables.Script.rows[0].code,
      'var result = "A pump";',
    );
  });
});
