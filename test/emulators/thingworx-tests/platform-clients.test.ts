import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { buildPackage } from '../../../scripts/build.ts';
import { readArchive } from '../thingworx/import/archive.ts';
import { allow, operator, show } from './platform-operator.ts';
import {
  type Answer,
  type Client,
  entities,
  metadata,
  property,
  shape,
  shapeBlocks,
  subscription,
  template,
  thing,
  withPlatform,
  zip,
} from './platform-support.ts';

/*
 * What tools for developers ask of the platform: the requests are those that the source of ThingCLI (`twc`, version 2.2.0) makes, the
 * members that are looked at are those that it reads.
 */

/** As twc sends it: a POST for a service without parameters has a content type and no body. */
async function invoke(client: Client, endpoint: string): Promise<Answer['json']> {
  const response = await fetch(`${client.emulator.url}/Thingworx/${endpoint}`, {
    method: 'POST',
    headers: twcHeaders(client, { 'Content-Type': 'application/json' }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

function twcHeaders(client: Client, more: Record<string, string> = {}): Record<string, string> {
  return {
    ...more,
    'X-XSRF-TOKEN': 'TWX-XSRF-TOKEN-VALUE',
    'X-THINGWORX-SESSION': 'true',
    Accept: 'application/json',
    appKey: client.emulator.appKey,
  };
}

interface Named {
  name: string;
  parentName: string;
}

/** Reads what `twc install` writes declarations from, for all entities that the list leads to; returns them by collection and name. */
async function install(client: Client, extension: string) {
  const types = await client.get(`/Common/extensions/${extension}/ui/@types/index.d.ts`);
  assert.equal(types.status, 404);
  const { rows } = await client.result('Subsystems/PlatformSubsystem', 'GetExtensionPackageDetails', {
    packageName: extension,
  });
  const read = new Map<string, Answer['json']>();
  const queue: Named[] = [...rows];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name, parentName } = next;
    const key = `${parentName}/${name}`;
    if (read.has(key)) continue;
    const answer = await client.get(`/${key}`, { headers: twcHeaders(client) });
    assert.equal(answer.status, 200, `${key}: ${answer.text}`);
    read.set(key, answer.json);
    if (answer.json.isSystemObject) continue;
    const dependencies = await invoke(client, `${key}/Services/GetOutgoingDependencies`);
    queue.push(...dependencies.rows);
  }
  return read;
}

const values = (object: Record<string, unknown>) => Object.values(object) as Record<string, never>[];

/** Throws where twc would. */
function readService(service: Record<string, never>): void {
  const { parameterDefinitions, resultType, aspects } = service as unknown as {
    parameterDefinitions: Record<string, { name: string; baseType: string; aspects: object }>;
    resultType: { description: string; baseType: string; aspects: object };
    aspects: object;
  };
  for (const parameter of values(parameterDefinitions)) {
    assert.equal(typeof parameter.name, 'string');
    assert.equal(typeof parameter.baseType, 'string');
    assert.equal(typeof parameter.aspects, 'object');
  }
  assert.equal(typeof resultType.baseType, 'string');
  assert.equal(typeof resultType.description, 'string');
  assert.equal(typeof resultType.aspects, 'object');
  assert.equal(typeof aspects, 'object');
}

function readDefinitions(json: Answer['json']): void {
  for (const one of values(json.propertyDefinitions)) assert.equal(typeof one.baseType, 'string');
  for (const one of values(json.eventDefinitions)) assert.equal(typeof one.dataShape, 'string');
  for (const one of values(json.serviceDefinitions)) readService(one);
  for (const one of values(json.subscriptions)) assert.equal(typeof one.sourceType, 'string');
}

async function smallPackage(): Promise<Buffer> {
  const aspects = { dataShape: 'Row_DS' };
  const blocks = shapeBlocks({
    properties: property('table', 'INFOTABLE', aspects) + property('level', 'NUMBER'),
    services: [{ name: 'Read', result: 'STRING', code: 'result = "";' }],
    events: '<EventDefinition category="" dataShape="Row_DS" description="" name="Rang"/>',
    subscriptions: subscription('DataChange', 'me.level;', 'level', 'name="Watch"'),
  });
  const own = shapeBlocks({ properties: property('own', 'STRING') });
  return zip({
    'metadata.xml': metadata('Small', '1.0.0'),
    'Entities/all.xml': entities(
      '<Projects><Project name="Small.Project" projectName="Small.Project"/></Projects>' +
        '<DataShapes><DataShape name="Row_DS" projectName="Small.Project"><FieldDefinitions><FieldDefinition baseType="STRING" description="" name="a" ordinal="0"/></FieldDefinitions></DataShape></DataShapes>' +
        shape('Small_TS', blocks) +
        template(
          'Small_TT',
          own,
          '<ImplementedShapes><ImplementedShape name="Small_TS" type="ThingShape"/></ImplementedShapes>',
        ) +
        thing(
          'Small',
          'Small_TT',
          shapeBlocks({ properties: property('mine', 'STRING') + property('secret', 'PASSWORD') }),
        ),
    ),
  });
}

describe('twc install', () => {
  test('reads shapes, templates, Things and data shapes of a package, each with its own definitions', async () => {
    await withPlatform({}, async (client) => {
      assert.equal((await client.upload(await smallPackage())).status, 200);
      const read = await install(client, 'Small');
      const json = (key: string) => read.get(key);
      readDefinitions(json('ThingShapes/Small_TS'));
      assert.deepEqual(Object.keys(json('ThingShapes/Small_TS').propertyDefinitions), ['table', 'level']);
      assert.equal(json('ThingShapes/Small_TS').propertyDefinitions.table.aspects.dataShape, 'Row_DS');
      const watch = json('ThingShapes/Small_TS').subscriptions.Watch;
      assert.deepEqual(
        [watch.eventName, watch.source, watch.sourceProperty, watch.sourceType],
        ['DataChange', '', 'level', 'Thing'],
      );
      const template = json('ThingTemplates/Small_TT');
      readDefinitions(template.effectiveShape);
      readDefinitions(template.thingShape);
      assert.deepEqual(
        [template.baseThingTemplate, Object.keys(template.implementedShapes), template.effectiveThingPackage],
        ['GenericThing', ['Small_TS'], 'ConfiguredThing'],
      );
      const { own, level } = template.effectiveShape.propertyDefinitions;
      assert.deepEqual([own.sourceType, own.sourceName], ['ThingTemplate', 'Small_TT']);
      assert.deepEqual([level.sourceType, level.sourceName], ['ThingShape', 'Small_TS']);
      const small = json('Things/Small');
      assert.equal(small.thingTemplate, 'Small_TT');
      assert.deepEqual(Object.keys(small.thingShape.propertyDefinitions), ['mine', 'secret']);
      assert.equal(small.thingShape.propertyDefinitions.mine.sourceType, 'Thing');
      assert.equal(typeof json('DataShapes/Row_DS').fieldDefinitions.a.aspects, 'object');
      await client.write('Small', { mine: 'text', secret: 'hidden' });
      const written = (await client.get('/Things/Small')).json.thingProperties;
      assert.deepEqual([written.mine.value, written.mine.quality], ['text', 'GOOD']);
      assert.ok(Date.now() - written.mine.time < 60_000);
      assert.equal(written.secret.value, '********');
      assert.equal(written.level.value, 0, 'the default of a NUMBER');
      // Reached by dependencies alone.
      assert.equal(json('ThingTemplates/GenericThing').isSystemObject, true);
    });
  });

  test('reads every entity of the connector’s extension', async (t) => {
    const outputDirectory = await mkdtemp(path.join(tmpdir(), 'extension-'));
    t.after(() => rm(outputDirectory, { recursive: true, force: true }));
    const file = await readFile(await buildPackage({ withoutSidecar: true, outputDirectory }));
    await withPlatform({}, async (client) => {
      const uploaded = await client.upload(file);
      assert.equal(uploaded.status, 200, uploaded.text);
      const read = await install(client, 'AzureIotHubConnector');
      const collections = new Set([...read.keys()].map((key) => key.split('/')[0]));
      for (const collection of ['DataShapes', 'ThingShapes', 'ThingTemplates', 'Organizations', 'Groups'])
        assert.ok(collections.has(collection), collection);
      for (const [key, json] of read) {
        if (json.isSystemObject) continue;
        if (key.startsWith('ThingShapes/')) readDefinitions(json);
        if (key.startsWith('ThingTemplates/')) readDefinitions(json.effectiveShape);
        if (key.startsWith('Organizations/'))
          assert.deepEqual(Object.keys(json.organizationalUnits), [
            'Root',
            'Administrators',
            'Engineers',
            'Operators',
            'Viewers',
            'Sidecar',
          ]);
      }
      const project = [...read.values()].find(({ projectName }) => projectName)?.projectName;
      const spotlight = await client.result('Resources/SearchFunctions', 'SpotlightSearch', {
        searchExpression: '**',
        withPermissions: false,
        sortBy: 'name',
        isAscending: true,
        searchDescriptions: true,
        aspects: { isSystemObject: false },
        projectName: project,
        searchText: '',
      });
      const names = spotlight.rows.map(({ name }: Named) => name);
      assert.ok(names.length > 10);
      assert.deepEqual(names, [...names].sort());
      for (const { name, parentType, isSystemObject, isExtension } of spotlight.rows) {
        assert.equal((await client.get(`/${parentType}/${name}`)).json.projectName, project);
        assert.deepEqual([isSystemObject, isExtension], [false, true]);
      }
    });
  });

  test('a resource has its services with inputs and outputs', async () => {
    await withPlatform({}, async (client) => {
      const answer = await client.get('/Resources/ContentLoaderFunctions/Metadata');
      const { GetJSON } = answer.json.serviceDefinitions;
      assert.equal(GetJSON.Inputs.fieldDefinitions.url.baseType, 'STRING');
      assert.deepEqual([GetJSON.Outputs.baseType, GetJSON.Outputs.aspects], ['JSON', {}]);
    });
  });
});

describe('twc pull', () => {
  const service = (client: Client, entity: string, name: string, body: object) =>
    client.service(entity, name, body, { headers: twcHeaders(client) });

  test('exports a project into a repository, as a zip of one file an entity, which can be imported again', async () => {
    await withPlatform({}, async (client) => {
      await client.upload(await smallPackage());
      const [repositoryName, folder, project] = ['SystemRepository', '/', 'Small.Project'];
      const exported = await service(
        client,
        'Resources/SourceControlFunctions',
        'ExportSourceControlledEntities',
        {
          projectName: project,
          repositoryName,
          path: folder,
          name: project,
          exportMatchingModelTags: true,
          includeDependents: false,
        },
      );
      assert.equal(exported.status, 200, exported.text);
      const zipped = await service(client, `Things/${repositoryName}`, 'CreateZipArchive', {
        newFileName: `${project}.zip`,
        path: folder,
        files: `${folder}/${project}/`,
      });
      assert.equal(zipped.status, 200, zipped.text);
      // As twc builds the address.
      const url = `/FileRepositories/${repositoryName}/${folder}/${project}.zip`;
      const response = await fetch(`${client.emulator.url}/Thingworx${url}`, {
        headers: { appKey: client.emulator.appKey },
      });
      assert.equal(response.status, 200);
      const files = await readArchive(Buffer.from(await response.arrayBuffer()));
      assert.deepEqual(
        [...files.keys()].sort(),
        ['DataShapes/Row_DS.xml', 'Projects/Small.Project.xml'].map((name) => `${project}/${name}`),
        'the entities of the project, below a folder of its name',
      );
      const xml = files.get(`${project}/DataShapes/Row_DS.xml`)?.toString() ?? '';
      assert.doesNotMatch(xml, /lastModifiedDate|<Owner/);
      const attributes = [...(/<DataShape ([^>]*)>/.exec(xml)?.[1] ?? '').matchAll(/([\w.]+)=/g)].map(
        ([, name]) => name,
      );
      assert.deepEqual(attributes, [...attributes].sort());
      const removed = await service(client, `Things/${repositoryName}`, 'DeleteFolder', {
        path: `${folder}/${project}`,
      });
      assert.equal(removed.status, 200, removed.text);
      assert.equal((await client.get(`/FileRepositories/SystemRepository/${project}/x.xml`)).status, 404);

      // The way back, on a platform that has nothing of it.
      await withPlatform({}, async (other) => {
        const form = new FormData();
        form.append('upload-repository', repositoryName);
        form.append('upload-path', '/in');
        form.append(
          'upload-files',
          new Blob([new Uint8Array(await zip(Object.fromEntries(files)))]),
          'a.zip',
        );
        form.append('upload-submit', 'Upload');
        const sent = await fetch(`${other.emulator.url}/Thingworx/FileRepositoryUploader`, {
          method: 'POST',
          headers: twcHeaders(other),
          body: form,
        });
        assert.equal(sent.status, 200, await sent.text());
        await other.result('Things/SystemRepository', 'ExtractZipArchive', {
          path: '/in',
          zipFileName: '/in/a.zip',
        });
        await other.result('Resources/SourceControlFunctions', 'ImportSourceControlledEntities', {
          repositoryName,
          path: `/in/${project}`,
          includeDependents: false,
          overwritePropertyValues: true,
          useDefaultDataProvider: false,
          withSubsystems: false,
        });
        const read = await other.get('/DataShapes/Row_DS');
        assert.deepEqual(Object.keys(read.json.fieldDefinitions), ['a']);
        assert.equal(read.json.projectName, project);
      });
    });
  });

  test('what is wrong is refused with a reason', async () => {
    await withPlatform({}, async (client) => {
      const save = (to: string) =>
        service(client, 'Things/SystemRepository', 'SaveText', { path: to, content: 'x' });
      assert.match((await save('/a/../../b')).text, /not allowed/);
      assert.equal((await save('a\\b//c.txt')).status, 200);
      const listing = await client.result('Things/SystemRepository', 'GetFileListing', { path: '/a/b' });
      assert.deepEqual(
        listing.rows.map(({ path: at, name, size }: Record<string, unknown>) => [at, name, size]),
        [['/a/b/c.txt', 'c.txt', 1]],
      );
      assert.match((await save('/a/b')).text, /is a folder/);
      assert.equal((await client.get('/FileRepositories/SystemRepository/a/b/nothing')).status, 404);
      assert.equal((await client.get('/FileRepositories/Nobody/a')).status, 404);
      await client.thing('NoRepository');
      for (const [name, expected] of [
        ['NoRepository', /is not a FileRepository/],
        ['Nobody', /Entity Not Found/],
      ] as const) {
        const refused = await service(
          client,
          'Resources/SourceControlFunctions',
          'ExportSourceControlledEntities',
          { repositoryName: name, path: '/' },
        );
        assert.match(refused.text, expected);
      }
      const notThere = await service(
        client,
        'Resources/SourceControlFunctions',
        'ImportSourceControlledEntities',
        {
          repositoryName: 'SystemRepository',
          path: '/nowhere',
        },
      );
      assert.match(notThere.text, /\[\/nowhere\] does not exist/);
      // An archive without entities gives a folder without entities.
      await client.result('Things/SystemRepository', 'SaveBinary', {
        path: '/empty.zip',
        content: (await zip({})).toString('base64'),
      });
      const archive = { path: '/empty', zipFileName: '/empty.zip' };
      assert.equal(await client.result('Things/SystemRepository', 'ExtractZipArchive', archive), true);
      const nothing = { repositoryName: 'SystemRepository', path: '/empty' };
      await client.result('Resources/SourceControlFunctions', 'ImportSourceControlledEntities', nothing);
    });
  });

  test('a download needs the right to load; files go with their repository', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      await client.thing('Files', 'FileRepository');
      await client.result('Things/Files', 'SaveText', { path: '/secret.txt', content: 'x' });
      const download = () => client.get('/FileRepositories/Files/secret.txt', { key });
      assert.equal((await download()).status, 404, 'not visible');
      await show(client, 'Things/Files');
      assert.equal((await download()).status, 403);
      await allow(client, 'Things/Files', 'ServiceInvoke', 'LoadBinary');
      assert.equal((await download()).text, 'x');
      await client.call('DELETE', '/Things/Files');
      await client.thing('Files', 'FileRepository');
      assert.equal((await client.get('/FileRepositories/Files/secret.txt')).status, 404);
    });
  });
});

describe('one definition by its name', () => {
  test('of a service, a property, an event; what is not there is not found', async () => {
    await withPlatform({}, async (client) => {
      await client.upload(await smallPackage());
      const service = await client.get('/Things/Small/ServiceDefinitions/Read');
      assert.equal(service.json.name, 'Read');
      assert.equal(service.json.Outputs.baseType, 'STRING');
      assert.equal((await client.get('/Things/Small/PropertyDefinitions/level')).json.baseType, 'NUMBER');
      assert.equal((await client.get('/Things/Small/EventDefinitions/Rang')).json.dataShape, 'Row_DS');
      const add = await client.get('/Resources/EntityServices/ServiceDefinitions/CreateThing');
      assert.equal(add.json.Inputs.fieldDefinitions.name.baseType, 'STRING');
      for (const at of ['ServiceDefinitions/Nothing', 'ServiceDefinitions/toString', 'Oddities/Read'])
        assert.equal((await client.get(`/Things/Small/${at}`)).status, 404, at);
    });
  });
});

test('incoming dependencies are what others name; those that cannot be seen are left out', async () => {
  await withPlatform({}, async (client) => {
    await client.upload(await smallPackage());
    const users = await client.result('DataShapes/Row_DS', 'GetIncomingDependencies');
    assert.deepEqual(
      users.rows.map(({ parentName, name }: Named) => `${parentName}/${name}`),
      ['ThingShapes/Small_TS'],
    );
    const key = await operator(client);
    await show(client, 'ThingTemplates/Small_TT');
    await allow(client, 'ThingTemplates/Small_TT', 'ServiceInvoke');
    const seen = await client.result('ThingTemplates/Small_TT', 'GetOutgoingDependencies', {}, { key });
    assert.deepEqual(
      seen.rows.map(({ name }: Named) => name),
      ['GenericThing'],
    );
  });
});
