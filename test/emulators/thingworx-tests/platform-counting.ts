import assert from 'node:assert/strict';
import {
  type Client,
  entities,
  field,
  metadata,
  property,
  shape,
  shapeBlocks,
  subscription,
  template,
  zip,
} from './platform-support.ts';

export const counterShape = shape(
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

export const implementsCounter =
  '<ImplementedShapes><ImplementedShape name="Counter_TS" type="ThingShape"/></ImplementedShapes>';

export const counterTemplate = template(
  'Counter_TT',
  shapeBlocks({ properties: property('seen', 'NUMBER') }),
  implementsCounter,
);

export function counterPackage(
  version: string,
  files: Record<string, string> = {},
  attributes = '',
): Promise<Buffer> {
  return zip({
    'metadata.xml': metadata('Counting', version, attributes),
    'Entities/ThingTemplates/Counter_TT.xml': entities(counterTemplate),
    'Entities/ThingShapes/Counter_TS.xml': entities(counterShape),
    ...files,
  });
}

export async function lossCodes(client: Client): Promise<string[]> {
  const { losses } = await client.control('GET', '/losses');
  return losses.map((loss: { code: string }) => loss.code);
}

export async function refusal(client: Client, archive: Buffer): Promise<string> {
  const answer = await client.upload(archive);
  assert.equal(answer.status, 406, answer.text);
  assert.equal(answer.text, 'Not Acceptable');
  const [newest] = await client.log('ApplicationLog');
  return newest ?? '';
}
