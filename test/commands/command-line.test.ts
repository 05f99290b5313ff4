import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'acorn';
import { Program } from './program.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  engines: { node: string };
};
const oldest = manifest.engines.node.replace('>=', '');

/** A Node.js of this machine that is older than the sidecar needs. */
function oldNode(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'node');
    try {
      const version = execFileSync(file, ['--version'], { encoding: 'utf8' }).slice(1).split('.').map(Number);
      const [major = 0, minor = 0] = oldest.split('.').map(Number);
      if ((version[0] ?? 0) < major || (version[0] === major && (version[1] ?? 0) < minor)) return file;
    } catch {
      // No Node.js there.
    }
  }
  return undefined;
}

describe('the command line', () => {
  const program = new Program();
  before(() => program.start());
  after(() => program.stop());

  test('--version prints the version', async () => {
    assert.deepEqual(await program.run(['--version']), {
      code: 0,
      output: `${manifest.version}\n`,
      errors: '',
    });
  });

  test('--help describes every command and option', async () => {
    const { code, output, errors } = await program.run(['--help']);
    assert.equal(code, 0);
    assert.equal(errors, '');
    for (const word of [
      'run',
      'setup',
      'probe',
      'export-config',
      'apply-config',
      '--check',
      '--health',
      '--version',
      '--help',
    ])
      assert.match(output, new RegExp(`^  ${word} `, 'm'));
    assert.equal((await program.run(['-h'])).output, output);
    for (const command of ['run', 'setup', 'probe', 'export-config', 'apply-config']) {
      const help = await program.run([command, '--help']);
      assert.equal(help.code, 0);
      assert.match(help.output, new RegExp(`^Usage: sidecar.mjs ${command} `));
    }
  });

  for (const [words, named] of [
    [['frobnicate'], '"frobnicate" is not a command'],
    [['--frobnicate'], "'--frobnicate'"],
    [['run', '--frobnicate'], "'--frobnicate'"],
    [['run', 'twice'], "'twice'"],
    [['--check=yes'], "'--check'"],
    [['--check', 'now'], "'now'"],
    [[''], '"" is not a command'],
  ] as const) {
    test(`${JSON.stringify(words)} is refused in one line that names the word`, async () => {
      const { code, output, errors } = await program.run(words);
      assert.equal(code, 1);
      assert.equal(output, '');
      assert.match(errors, /^azure-iot-sidecar: COMMAND_INVALID: [^\n]+\n$/);
      assert.ok(errors.includes(named), errors);
      assert.match(errors, /expected one of/i);
    });
  }

  test('the launcher has only syntax that Node.js 12 knows', () => {
    const text = readFileSync(path.join(program.directory, 'sidecar.mjs'), 'utf8');
    parse(text, { ecmaVersion: 2020, sourceType: 'module' });
    assert.doesNotMatch(text, /\?\.|\?\?|node:/);
    assert.ok(text.includes(oldest));
  });

  for (const { what, words, mode, expected } of [
    {
      what: 'keeps compiled code in a state directory that is its own',
      words: ['run'],
      mode: 0o700,
      expected: true,
    },
    {
      what: 'takes no code from where others can read or write',
      words: ['run'],
      mode: 0o750,
      expected: false,
    },
    { what: 'writes nothing when it only checks', words: ['--check'], mode: 0o700, expected: false },
  ]) {
    test(what, async () => {
      const directory = mkdtempSync(path.join(program.directory, 'state-'));
      chmodSync(directory, mode);
      // It ends at once, for want of other settings.
      const { code } = await program.run(words, { environment: { SIDECAR_STATE_DIR: directory } });
      assert.equal(code, 1);
      assert.equal(existsSync(path.join(directory, 'compile-cache')), expected);
    });
  }

  test('a failure that nobody expects is told with its place in the sources and without secrets', async () => {
    const parent = mkdtempSync(path.join(program.directory, 'state-'));
    const directory = path.join(parent, 'AccountKey=c2VjcmV0');
    mkdirSync(path.join(directory, 'format.json.new'), { recursive: true, mode: 0o700 });
    const { code, errors } = await program.run(['run'], {
      environment: {
        SIDECAR_STATE_DIR: directory,
        THINGWORX_URL: 'http://127.0.0.1:9/Thingworx',
        THINGWORX_APP_KEY: 'a-key-of-its-own',
      },
    });
    assert.equal(code, 1);
    assert.match(errors, /^azure-iot-sidecar: INTERNAL: .*EISDIR/);
    assert.match(errors, /AccountKey=\[redacted\]/);
    assert.match(errors, /sidecar\/lib\/files\.ts:\d+/);
    assert.doesNotMatch(errors, /c2VjcmV0/);
  });

  test('a Node.js that is too old is told so in one line', async (t) => {
    const node = oldNode();
    if (node === undefined) return t.skip(`no Node.js older than ${oldest} is installed`);
    const { code, errors } = await program.run(['--version'], { node });
    assert.equal(code, 1);
    assert.match(
      errors,
      /^azure-iot-sidecar: Node\.js [\d.]+ is too old; expected Node\.js [\d.]+ or later\.\n$/,
    );
  });
});
