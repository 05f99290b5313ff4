import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRANTS, type Grant, TEMPLATE_GRANTS } from '../../extension/entities/grants.ts';
import type {
  DesignTimePermissions,
  Principal,
  RunTimePermissions,
} from '../emulators/thingworx/model/entity.ts';
import { createHub, type ExtensionPlatform, HUB, startPlatform } from './platform.ts';

function design(rights: DesignTimePermissions): string[] {
  return [...rights].flatMap(([right, principals]) => principals.map(({ name }) => `${right} ${name}`));
}

function runTime(resources: RunTimePermissions): string[] {
  return [...resources].flatMap(([resource, rights]) =>
    [...rights].flatMap(([right, principals]) =>
      principals.map(({ name }) => `${right} ${resource} ${name}`),
    ),
  );
}

function seen(principals: readonly Principal[]): string[] {
  return principals.map(({ name }) => `Visibility ${name}`);
}

/** Every right that anybody has, one a line. */
function allRights({ platform }: ExtensionPlatform): string[] {
  const lines: string[] = [];
  for (const entity of platform.store.everything()) {
    const add = (of: string, rights: string[]) =>
      lines.push(...rights.map((right) => `${entity.collection}/${entity.name} ${of}: ${right}`));
    add('itself', [...runTime(entity.runTime), ...design(entity.designTime), ...seen(entity.visibility)]);
    if ('instanceRunTime' in entity) add('its Things', runTime(entity.instanceRunTime));
    if ('instanceDesignTime' in entity)
      add('its Things', [...design(entity.instanceDesignTime), ...seen(entity.instanceVisibility)]);
  }
  for (const [collection, principals] of platform.permissions.designOfCollections)
    lines.push(...design(principals).map((right) => `${collection}: ${right}`));
  return [...new Set(lines)];
}

/** The lines that a grant stands for; `template` for those on a template of one's own. */
function linesOf({ kind, entity, right, principal }: Grant, template?: string): string[] {
  const target = template ?? entity;
  switch (kind) {
    case 'run':
      return [`Resources/${entity} itself: ServiceInvoke ${right} ${principal}`];
    case 'instance':
      return [`ThingTemplates/${target} its Things: ${right} ${principal}`];
    case 'collection':
      return [`${entity}: ${right} ${principal}`];
    case 'seen':
      return template === undefined
        ? [`Resources/${entity} itself: Visibility ${principal}`]
        : ['itself', 'its Things'].map((of) => `ThingTemplates/${target} ${of}: Visibility ${principal}`);
  }
}

test('GrantPermissions gives what is documented, and nothing else', async (t) => {
  const platform = await startPlatform(t);
  const { client } = platform;
  await createHub(platform);
  await client.result('Resources/EntityServices', 'CreateThingTemplate', {
    name: 'Plant.Pump_TT',
    description: '',
    thingTemplateName: 'AzureIoT.Device_TT',
  });
  const before = allRights(platform);
  const given = async (parameters: object): Promise<string[]> => {
    const table = await client.result(`Things/${HUB}`, 'GrantPermissions', parameters);
    assert.deepEqual(
      table.rows.filter(({ outcome }: { outcome: string }) => outcome !== 'granted'),
      [],
    );
    return allRights(platform)
      .filter((right) => !before.includes(right))
      .sort();
  };
  for (const [refused, reason] of [
    [{ template: 'No_Such_TT' }, /REQUEST_INVALID: template: There is no Thing Template No_Such_TT/],
    [{ applicationKey: 'no-key' }, /REQUEST_INVALID: applicationKey: There is no application key no-key/],
    [{ role: 'operator', group: 'Administrators', template: 'No_Such_TT' }, /REQUEST_INVALID: template/],
    [{ role: 'owner' }, /REQUEST_INVALID: role must be one of/],
  ] as const) {
    const answer = await client.service(`Things/${HUB}`, 'GrantPermissions', refused);
    assert.match(answer.text, reason);
    assert.deepEqual(allRights(platform), before, 'a refused call gives nothing');
  }
  const expected = GRANTS.flatMap((grant) => linesOf(grant));
  assert.deepEqual(await given({}), expected.toSorted());
  assert.deepEqual(await given({}), expected.toSorted(), 'once more changes nothing');
  const now = allRights(platform);
  assert.deepEqual(
    before.filter((right) => !now.includes(right)),
    [],
    'nothing is taken away',
  );
  const own = TEMPLATE_GRANTS.flatMap((grant) => linesOf(grant, 'Plant.Pump_TT'));
  assert.deepEqual(await given({ template: 'Plant.Pump_TT' }), [...expected, ...own].sort());
});
