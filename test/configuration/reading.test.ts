import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { DOCUMENT_SCHEMA, publishedSchema } from '../../sidecar/configuration/document.ts';
import { readDocument } from '../../sidecar/configuration/reading.ts';
import { SECRET_NAMES, SETTING_NAMES } from '../../sidecar/contract/hub-settings.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';

const SECRET = 'c2VjcmV0LW9mLXRoZS1odWI=';

describe('reading a configuration document', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'configuration-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function written(text: string): Promise<string> {
    const file = path.join(folder, 'document.yaml');
    await writeFile(file, text);
    return file;
  }

  async function refusal(text: string): Promise<ConnectorError> {
    const file = await written(text);
    try {
      await readDocument(file);
    } catch (error) {
      assert.ok(error instanceof ConnectorError, String(error));
      assert.equal(error.code, 'CONFIGURATION_INVALID');
      assert.ok(!JSON.stringify([error.message, error.details]).includes(SECRET), error.message);
      return error;
    }
    return assert.fail(`accepted: ${text.slice(0, 200)}`);
  }

  const hub = (...lines: string[]) =>
    ['version: 1', 'hubs:', '  Plant.Hub:', ...lines.map((line) => `    ${line}`)].join('\n');

  test('takes YAML and JSON', async () => {
    const expected = {
      version: 1,
      hubs: { 'Plant.Hub': { units: 2, earliestTime: '2001-01-01T00:00:00Z' } },
    };
    assert.deepEqual(await readDocument(await written(JSON.stringify(expected))), expected);
    assert.deepEqual(
      await readDocument(await written(hub('units: 2', 'earliestTime: 2001-01-01T00:00:00Z'))),
      expected,
    );
    const shared = 'version: 1\nhubs:\n  A: &plant {tier: S1}\n  B: *plant\n';
    assert.deepEqual(await readDocument(await written(shared)), {
      version: 1,
      hubs: { A: { tier: 'S1' }, B: { tier: 'S1' } },
    });
  });

  for (const [what, text, words] of [
    [
      'a misspelt setting',
      hub('consumerGruop: x'),
      /line 4: \/hubs\/Plant\.Hub\/consumerGruop is not known; the nearest name is consumerGroup\./,
    ],
    ['a misspelt section', 'version: 1\nhub: {}', /line 2: \/hub is not known; the nearest name is hubs\./],
    [
      'a misspelt role',
      'version: 1\nroles:\n  viewers: {}',
      /line 3: \/roles\/viewers is not known; the nearest name is viewer\./,
    ],
    [
      'a word that is near to nothing',
      hub('zzzzzzzzzzzz: 1'),
      /is not known; expected one of sidecarUrl, enabled/,
    ],
    ['a status property', hub('messagesReceived: 1'), /\/hubs\/Plant\.Hub\/messagesReceived is not known/],
    ['a key of an object', hub('__proto__: 1'), /\/hubs\/Plant\.Hub\/__proto__ is not known/],
    [
      'a number that is too large',
      hub('units: 201'),
      /line 4: \/hubs\/Plant\.Hub\/units is 201; expected a whole number from 1 to 200\./,
    ],
    [
      'a word for a truth value',
      hub('messageFeedback: yes'),
      /messageFeedback is a text of 3 characters; expected true or false\./,
    ],
    ['an unknown word', hub('tier: S9'), /tier is a text of 2 characters; expected one of unknown, F1/],
    ['a text with a form', hub('consumerGroup: a b'), /expected the name of a consumer group/],
    ['a host name with a path', hub('hostName: plant.azure-devices.net/x'), /expected a host name such as/],
    ['no version', 'hubs: {}', /\/version is missing; expected the number 1\./],
    ['another version', 'version: 2', /\/version is 2; expected the number 1\./],
    ['an empty file', '', /The document is null; expected a JSON object\./],
    ['a list', '[]', /The document is a list of 0; expected a JSON object\./],
    [
      'a Thing without a body',
      'version: 1\nhubs:\n  A:',
      /line 3: \/hubs\/A is null; expected a JSON object/,
    ],
    [
      'a Thing without a name',
      'version: 1\nhubs: {"": {}}',
      /is no name of a Thing; expected 1 to 256 characters\./,
    ],
    [
      'a container without its storage',
      'version: 1\ncontainers:\n  C: {containerName: c}',
      /\/containers\/C\/storageThing is missing; expected a text\./,
    ],
    [
      'a member twice',
      'version: 1\nroles: {viewer: {users: [a, a]}}',
      /\/roles\/viewer\/users is a list of 2; expected a list without repetitions\./,
    ],
    [
      'a member that is a number',
      'version: 1\nroles: {viewer: {users: [7]}}',
      /\/roles\/viewer\/users\/0 is 7; expected a text/,
    ],
    [
      'a name for two Things',
      'version: 1\nstorages: {A: {}}\nhubs:\n  A: {}',
      /line 4: \/hubs\/A is the name of a Thing of storages; expected another name\./,
    ],
    [
      'a secret',
      hub(`iotHubConnectionString: HostName=a;SharedAccessKey=${SECRET}`),
      /line 4: \/hubs\/Plant\.Hub\/iotHubConnectionString is a secret.*secretReferences with iotHubConnectionString: env:NAME or file:\/path\./,
    ],
    ['the token in clear', hub(`sidecarTokenText: ${SECRET}`), /sidecarTokenText holds a secret/],
    [
      'a secret as a reference',
      hub(`secretReferences: {iotHubConnectionString: "${SECRET}"}`),
      /secretReferences\/iotHubConnectionString is a text of 24 characters; expected a reference, env:NAME or file:\/path/,
    ],
    [
      'a secret behind env:',
      hub(`sidecarToken: "env:SharedAccessKey=${SECRET}"`),
      /sidecarToken is a text.*expected a reference/,
    ],
    [
      'a reference of another kind of Thing',
      'version: 1\nstorages: {A: {secretReferences: {iotHubConnectionString: "env:A"}}}',
      /iotHubConnectionString is not known/,
    ],
    [
      'an address with a key',
      `version: 1\nstorages: {A: {blobEndpoint: "https://a.blob.core.windows.net?sig=${SECRET}"}}`,
      /\/storages\/A\/blobEndpoint holds a login or key/,
    ],
    [
      'mappings of another form',
      hub('mappings: {version: 1, rulez: []}'),
      /\/hubs\/Plant\.Hub\/mappings\/rulez cannot be used: There is no such member/,
    ],
    [
      'mappings whose own tests fail',
      hub(
        'mappings:',
        '  version: 1',
        '  rules: []',
        '  tests:',
        '    - message: {deviceId: a, body: {t: 1}}',
        '      expect: [{thing: a, values: {t: 2}}]',
      ),
      /line 9: \/hubs\/Plant\.Hub\/mappings\/tests\/0\/expect\/0\/values\/t cannot be used: Test 1: expected is 2, but came 1\./,
    ],
    ['a key twice', hub('units: 1', 'units: 2'), /line 5, column 5: Map keys must be unique/],
    ['something else than YAML', 'version: [1', /line 1, column \d+: .*Expected YAML or JSON\./],
    ['two documents', 'version: 1\n---\nversion: 1', /multiple documents/],
    ['a tag of its own', 'version: !secret 1', /line 1, column 10: .*tag/],
    [
      'aliases without end',
      [
        'a: &a [x]',
        ...Array.from(
          { length: 20 },
          (_, i) =>
            `${'b'.repeat(i + 2)}: &${'b'.repeat(i + 2)} [${Array(10)
              .fill(`*${i === 0 ? 'a' : 'b'.repeat(i + 1)}`)
              .join(', ')}]`,
        ),
      ].join('\n'),
      /alias/,
    ],
    ['a document without bottom', '['.repeat(200_000), /nested too deeply|Expected YAML or JSON/],
    ['a document that holds itself', hub('mappings: &m {version: 1, rules: [*m]}'), /mappings/],
  ] as const) {
    test(`refuses ${what}, and says where and what is expected`, async () => {
      assert.match((await refusal(text)).message, words);
    });
  }

  test('names every problem with its path and line', async () => {
    const { message, details } = await refusal(
      hub('units: 0', 'tier: S1', 'consumerGroupp: x', 'maxDepth: deep'),
    );
    assert.equal(message.split('\n').length, 3, message);
    assert.deepEqual(
      ((details?.['problems'] ?? []) as { path: string; line: number }[])
        .map(({ path: place, line }) => `${place} ${line}`)
        .toSorted(),
      ['/hubs/Plant.Hub/consumerGroupp 6', '/hubs/Plant.Hub/maxDepth 7', '/hubs/Plant.Hub/units 4'],
    );
  });

  test('names a file that is not there', async () => {
    await assert.rejects(readDocument(path.join(folder, 'nowhere.yaml')), {
      code: 'LOCAL_STEP_FAILED',
      message: /nowhere\.yaml cannot be read \(ENOENT\)/,
    });
  });
});

describe('the schema of the configuration document', () => {
  const published = publishedSchema() as {
    properties: { hubs: { additionalProperties: { properties: Record<string, { default?: unknown }> } } };
  };
  const hub = published.properties.hubs.additionalProperties.properties;

  test('is a JSON Schema that an editor takes', () => {
    const ajv = new Ajv({ strict: false });
    assert.equal(ajv.validateSchema(published), true, JSON.stringify(ajv.errors));
    const check = ajv.compile(published);
    const document = parse(
      'version: 1\nhubs: {A: {tier: S1, mappings: {version: 1, rules: []}}, B: {mappings: {}}}\nroles: {viewer: {users: [a]}}',
    );
    assert.equal(check(document), true, JSON.stringify(check.errors));
    assert.equal(check({ version: 1, hubs: { A: { mappings: { version: 1, rulez: [] } } } }), false);
    assert.equal(check({ version: 1, hubs: { A: { iotHubConnectionString: 'x' } } }), false);
  });

  test('has every setting of a hub Thing that is no secret', () => {
    const secrets: readonly string[] = SECRET_NAMES;
    const expected = SETTING_NAMES.filter((name) => !secrets.includes(name));
    assert.deepEqual(
      Object.keys(hub).toSorted(),
      [...expected, 'sidecarUrl', 'sidecarToken', 'secretReferences'].toSorted(),
    );
    assert.equal(hub['units']?.default, 1);
  });

  test('has no keyword of the program alone', () => {
    assert.doesNotMatch(JSON.stringify(published), /"x-[a-z]+"/);
    assert.match(JSON.stringify(DOCUMENT_SCHEMA), /"x-expected"/);
  });
});
