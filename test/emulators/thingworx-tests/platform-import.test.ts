import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  entities,
  field,
  metadata,
  property,
  shape,
  shapeBlocks,
  subscription,
  template,
  thing,
  until,
  withPlatform,
  zip,
} from './platform-support.ts';

const counterShape = shape(
  'Counter_TS',
  shapeBlocks({
    properties: property('count', 'NUMBER', { isPersistent: true, dataChangeType: 'VALUE' }),
    services: [
      {
        name: 'Add',
        result: 'NUMBER',
        parameters: field('by', 'NUMBER'),
        code: 'me.count = me.count + by;\nresult = me.count;',
      },
      { name: 'Fail', result: 'STRING', code: 'throw new Error("out of order");' },
    ],
    subscriptions: subscription('DataChange', 'me.seen = eventData.newValue.value;', 'count'),
  }),
);

const counterTemplate = template(
  'Counter_TT',
  shapeBlocks({ properties: property('seen', 'NUMBER') }),
  '<ImplementedShapes><ImplementedShape name="Counter_TS" type="ThingShape"/></ImplementedShapes>',
);

describe('extension import', () => {
  test('an extension brings templates whose services run', async () => {
    await withPlatform({}, async (client) => {
      const archive = await zip({
        'metadata.xml': metadata('Counting', '1.0.0'),
        'Entities/ThingTemplates/Counter_TT.xml': entities(counterTemplate),
        'Entities/ThingShapes/Counter_TS.xml': entities(counterShape),
        'ui/Counting/readme.txt': 'hello',
      });
      const answer = await client.upload(archive);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.rows[1].install.rows[0].extensionReportStatus, 0);
      await client.thing('C1', 'Counter_TT');
      assert.equal(await client.result('Things/C1', 'Add', { by: 2 }), 2);
      assert.equal(await client.result('Things/C1', 'Add', { by: 3 }), 5);
      await until('the subscription', async () => (await client.read('C1', 'seen')) === 5);
      const failed = await client.service('Things/C1', 'Fail');
      assert.equal(failed.status, 500);
      assert.match(failed.text, /^Unable to Invoke Service Fail on C1 : .*out of order/);
      const served = await client.get('/Common/extensions/Counting/ui/Counting/readme.txt');
      assert.equal(served.text, 'hello');
    });
  });
});
void thing;
