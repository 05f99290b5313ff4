import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const SECRET = 'c2VjcmV0LWtleS1vZi1hLXRlc3Q=';

/** What a process says that meets an error nobody caught. */
async function lastWords(trouble: string): Promise<{ code: number; out: string; error: string }> {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { createLog } from ${JSON.stringify(import.meta.resolve('../../sidecar/observe/log.ts'))};
     import { endOnUnexpected } from ${JSON.stringify(import.meta.resolve('../../sidecar/observe/unexpected.ts'))};
     endOnUnexpected(createLog('info'));
     setInterval(() => undefined, 1000);
     const error = Object.assign(new Error('The link broke: SharedAccessKey=${SECRET}'), {
       request: { headers: { authorization: 'SharedKey account:${SECRET}' } },
     });
     ${trouble}`,
  ]);
  const [out, error, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { code, out, error };
}

for (const [what, trouble] of [
  ['an error in a callback', 'setTimeout(() => { throw error; }, 10);'],
  ['a rejection that nobody handles', 'Promise.reject(error);'],
] as const) {
  test(`${what} ends the process with one line in the log, without its secrets`, async () => {
    const { code, out, error } = await lastWords(trouble);
    assert.equal(code, 1);
    assert.equal(error, '');
    const lines = out.trim().split('\n');
    assert.equal(lines.length, 1, out);
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    assert.equal(line['level'], 'fatal');
    assert.match(out, /The link broke/);
    assert.ok(!out.includes(SECRET), out);
  });
}
