import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { Program } from '../commands/program.ts';
import { ConfiguredPlatform } from '../configuration/platform.ts';

const page = readFileSync(
  path.join(import.meta.dirname, '..', '..', 'docs', 'configuration-as-code.md'),
  'utf8',
);
const ADDRESS = 'https://thingworx.example.com/Thingworx';

/** The code blocks of a language, in their order. */
function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, text = '']) => text,
  );
}

/** The program from the zip, typed into one shell as the page shows it. */
describe('docs/configuration-as-code.md', () => {
  const platform = new ConfiguredPlatform();
  const program = new Program();
  before(async () => {
    await Promise.all([platform.start(), program.start()]);
    await writeFile(path.join(program.directory, 'plant.yaml'), blocks('yaml')[0] ?? '');
  });
  after(async () => {
    await platform.stop();
    await program.stop();
  });

  async function typed(script: string): Promise<{ code: number | null; text: string }> {
    const child = spawn('bash', ['-c', `exec 2>&1\n${script}`], {
      cwd: program.directory,
      env: {
        ...platform.environment,
        PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH']}`,
        SIDECAR_TOKEN: 'token-of-the-sidecar-0123456789',
      },
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, text: text.replaceAll(platform.environment['THINGWORX_URL'] ?? '', ADDRESS) };
  }

  test('shows what its commands print', async () => {
    const sessions = blocks('console');
    assert.equal(sessions.length, 4);
    for (const session of sessions) {
      const lines = session.trimEnd().split('\n');
      const commands = lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
      // Each command is printed before it runs, so that the whole looks as on the page.
      const script = commands.map((line) => `echo '$ ${line}'; (exit $last); ${line}; last=$?`).join('\n');
      const { text } = await typed(`last=0\n${script}`);
      assert.equal(text.trimEnd(), lines.join('\n'));
    }
  });

  test('has a script that finds drift', async () => {
    const [script = ''] = blocks('bash');
    assert.deepEqual(await typed(script), {
      code: 0,
      text: `Nothing to change: ThingWorx at ${ADDRESS} is as plant.yaml says.\nNo drift.\n`,
    });
    await platform.client.write('Plant.Hub', { units: 9 });
    const drift = await typed(script);
    assert.equal(drift.code, 1);
    assert.match(drift.text, /units: 9 -> 2/);
    assert.match(drift.text, /Drift: ThingWorx differs from plant\.yaml\./);
    const failed = await typed(`export THINGWORX_URL=http://127.0.0.1:9/Thingworx\n${script}`);
    assert.equal(failed.code, 1);
    assert.match(failed.text, /THINGWORX_UNREACHABLE[\s\S]*The comparison failed\./);
  });

  test('has a workflow whose plan step passes with changes and fails otherwise', async () => {
    const workflow = parse(blocks('yaml')[1] ?? '') as {
      jobs: { configuration: { steps: { name?: string; run?: string }[] } };
    };
    const run = (name: string) =>
      workflow.jobs.configuration.steps
        .find((step) => step.name === name)
        ?.run?.replace('sidecar/sidecar.mjs', 'sidecar.mjs') ?? 'exit 99';
    assert.equal((await typed(run('Look for drift'))).code, 2);
    assert.equal((await typed(run('Show the plan'))).code, 0);
    assert.equal((await typed(`rm plant.yaml\n${run('Show the plan')}`)).code, 1);
    await writeFile(path.join(program.directory, 'plant.yaml'), blocks('yaml')[0] ?? '');
    assert.equal((await typed(run('Apply'))).code, 0);
    assert.equal((await typed(run('Look for drift'))).code, 0);
  });
});
