import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { extractFolder } from '../../scripts/local/unzip.ts';
import { PLANT, PUMP, VALVE } from '../models/plant-models.ts';
import { Program } from './program.ts';

describe('the command model build', () => {
  const program = new Program();
  const file = (name: string) => path.join(program.directory, name);
  before(async () => {
    await program.start();
    await writeFile(file('pump.json'), `\uFEFF${JSON.stringify(PUMP)}`);
    await writeFile(file('broken.json'), '{ "model": ');
    await writeFile(
      file('wrong.json'),
      JSON.stringify({ model: 'Factory.Fan', telemetry: { speed: 'fast' } }),
    );
    const [skid, asset] = PLANT;
    await writeFile(file('skid.json'), JSON.stringify([skid, asset]));
    await mkdir(file('repository/dtmi/example/plant'), { recursive: true });
    await writeFile(file('repository/dtmi/example/plant/valve-1.json'), JSON.stringify(VALVE));
  });
  after(() => program.stop());

  test('writes a package and says what is in it', async () => {
    const { code, output, errors } = await program.run([
      'model',
      'build',
      'pump.json',
      '--out',
      'shapes.zip',
      '--name',
      'FactoryPumps',
      '--except',
      'mode=method',
    ]);
    assert.equal(code, 0, errors);
    assert.match(output, /^shapes\.zip: \d+ bytes\ntemplate Factory\.Pump_TT for Factory\.Pump\n$/);
    await extractFolder(file('shapes.zip'), 'Entities/', file('entities'));
    const shape = await readFile(file('entities/ThingShapes/Factory.Pump_TS.xml'), 'utf8');
    assert.match(shape, /projectName="FactoryPumps"/);
    assert.match(shape, /method: "Prime"/);
    assert.match(shape, /channel: "method"/);
  });

  test('reads what the files refer to from a repository', async () => {
    const missing = await program.run(['model', 'build', 'skid.json']);
    assert.equal(missing.code, 1);
    assert.match(
      missing.errors,
      /MODEL_INVALID: .*refers to dtmi:example:plant:Valve;1, which is in no document/,
    );
    const { code, output, errors } = await program.run([
      'model',
      'build',
      'skid.json',
      '--repository',
      'repository',
      '--logged',
    ]);
    assert.equal(code, 0, errors);
    assert.match(
      output,
      /^models\.zip: .*\ntemplate example\.plant\.Skid\.2_TT for dtmi:example:plant:Skid;2\n$/,
    );
  });

  test('names what is wrong', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['model'], /COMMAND_INVALID: model is not a command; expected model build/],
      [['model', 'make'], /COMMAND_INVALID: .*make.*expected model build/],
      [['model', 'build'], /COMMAND_INVALID: model build has no file/],
      [
        ['model', 'build', 'pump.json', '--send-as', 'mail'],
        /--send-as is mail; expected one of desired, message, method/,
      ],
      [
        ['model', 'build', 'pump.json', '--except', 'mode'],
        /--except has "mode"; expected a property and a channel/,
      ],
      [['model', 'build', 'none.json'], /LOCAL_STEP_FAILED: none\.json cannot be read \(ENOENT\)/],
      [['model', 'build', 'broken.json'], /MODEL_INVALID: broken\.json is no JSON/],
      [
        ['model', 'build', 'wrong.json'],
        /MODEL_INVALID: wrong\.json\/telemetry\/speed: "fast" does not fit; expected is a word/,
      ],
      [
        ['model', 'build', 'pump.json', '--out', 'none/x.zip'],
        /LOCAL_STEP_FAILED: none\/x\.zip cannot be written \(ENOENT\)/,
      ],
    ];
    for (const [words, expected] of cases) {
      const ending = await program.run(words);
      assert.equal(ending.code, 1, `${words.join(' ')}: ${ending.errors}`);
      assert.match(ending.errors, expected);
    }
  });
});
