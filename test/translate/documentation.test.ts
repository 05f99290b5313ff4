import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { IsObject, IsRecord, IsUnion } from 'typebox';
import { MappingDocument } from '../../sidecar/translate/mapping/schema.ts';
import { validateMappings } from '../../sidecar/translate/mapping/validate.ts';
import { IGNORE_CODES, PROPERTY_BASE_TYPES, REFUSAL_CODES } from '../../sidecar/translate/types.ts';

const PAGE = readFileSync(new URL('../../docs/map-messages.md', import.meta.url), 'utf8');

interface Example {
  readonly title: string;
  readonly blocks: ReadonlyMap<string, string>;
}

/** Sections of the page with their blocks: ```json message, things, mapping, result. */
function examples(): readonly Example[] {
  return PAGE.split(/^#{2,3} /m)
    .map((section) => {
      const blocks = [...section.matchAll(/^```json (\w+)\n(.*?)^```$/gms)];
      return {
        title: section.slice(0, section.indexOf('\n')),
        blocks: new Map(blocks.map((match) => [match[1] ?? '', match[2] ?? ''] as const)),
      };
    })
    .filter(({ blocks }) => blocks.size > 0);
}

describe('docs/map-messages.md', () => {
  test('has the worked examples and one of JSONata', () => {
    const titles = examples().map(({ title }) => title);
    assert.equal(titles.filter((title) => /^\d+\. /.test(title)).length, 22);
    assert.equal(titles.at(-1), 'JSONata');
  });

  for (const { title, blocks } of examples()) {
    test(`example ${title} gives what the page says`, async () => {
      const parse = (name: string): unknown => JSON.parse(blocks.get(name) ?? 'null');
      const mapping = (parse('mapping') ?? { version: 1, rules: [] }) as object;
      const expected = parse('result') as { time?: string; quality?: string }[];
      assert.ok(expected.length > 0);
      assert.ok(expected.every(({ time, quality }) => time !== undefined && quality !== undefined));
      const own = { message: parse('message'), expect: expected, things: parse('things') ?? undefined };
      assert.deepEqual(await validateMappings({ ...mapping, tests: [JSON.parse(JSON.stringify(own))] }), []);
    });
  }

  test('explains every reason', () => {
    const tables = PAGE.slice(PAGE.indexOf('## Reasons'));
    const explained = [...tables.matchAll(/^\| `([A-Z_]+)` /gm)].map((match) => match[1]);
    assert.deepEqual(explained, [...IGNORE_CODES, ...REFUSAL_CODES]);
  });

  test('names every member of the language and every base type that a property can have', () => {
    const names = new Set<string>();
    collectMembers(MappingDocument, names);
    assert.ok(names.size > 40);
    for (const name of names) assert.ok(PAGE.includes(`\`${name}\``) || PAGE.includes(`"${name}"`), name);
    // the many types that are names or links of something are shown by a few
    const shown = PROPERTY_BASE_TYPES.filter((baseType) => !/NAME$|LINK$|^THINGCODE$/.test(baseType));
    for (const baseType of [...shown, 'THINGNAME', 'HYPERLINK']) assert.ok(PAGE.includes(baseType), baseType);
  });
});

function collectMembers(schema: unknown, names: Set<string>): void {
  if (IsUnion(schema as never)) {
    for (const branch of (schema as { anyOf: unknown[] }).anyOf) collectMembers(branch, names);
  } else if (IsRecord(schema as never)) {
    const { patternProperties } = schema as { patternProperties: Record<string, unknown> };
    for (const inner of Object.values(patternProperties)) collectMembers(inner, names);
  } else if (IsObject(schema as never)) {
    for (const [name, inner] of Object.entries(
      (schema as { properties: Record<string, unknown> }).properties,
    )) {
      names.add(name);
      collectMembers(inner, names);
    }
  } else if (typeof schema === 'object' && schema !== null && 'items' in schema) {
    collectMembers(schema.items, names);
  }
}
