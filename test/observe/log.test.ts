import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { AzureLogger, createClientLogger, setLogLevel } from '@azure/logger';
import { captureAzureLog, createLog, redact } from '../../sidecar/observe/log.ts';

const KEY = 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  write(createLog('debug', { write: (line) => lines.push(line) }));
  return lines.join('');
}

describe('the log', () => {
  for (const [what, secret] of [
    [
      'a connection string',
      `HostName=h.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=${KEY}`,
    ],
    ['a storage key', `AccountName=a;AccountKey=${KEY}==;EndpointSuffix=core.windows.net`],
    ['a shared access signature', `SharedAccessSignature sr=h&sig=${KEY}&se=1&skn=p`],
    ['a link', `https://a.blob.core.windows.net/c/b?sv=1&sig=${KEY}&sp=r`],
    ['a login in an address', `connect to http://plant:${KEY}@proxy.example:3128/ failed`],
    ['a header', `Authorization: Bearer ${KEY}`],
  ] as const) {
    test(`shows no ${what}, wherever it stands`, () => {
      const error = Object.assign(new Error(`failed for ${secret}`), {
        response: { headers: secret },
        cause: new Error(secret),
      });
      const out = logged((log) => {
        log.info(secret);
        log.warn({ nested: { deep: [secret] } }, 'x');
        log.error({ err: error }, 'x');
      });
      assert.doesNotMatch(out, new RegExp(KEY));
      assert.match(out, /\[redacted\]/);
    });
  }

  test('shows no value of a secret key', () => {
    const out = logged((log) =>
      log.info({ appKey: 'abc-1', password: 'p"w', iotHubConnectionString: 'env:X', user: 'kept' }, 'x'),
    );
    assert.doesNotMatch(out, /abc-1|p\\"w|env:X/);
    assert.match(out, /kept/);
    for (const line of out.trim().split('\n')) JSON.parse(line);
  });

  test('has a time, a level and the message in each line', () => {
    const entry = JSON.parse(logged((log) => log.warn({ code: 'X' }, 'hello')));
    assert.equal(entry.level, 'warn');
    assert.equal(entry.msg, 'hello');
    assert.ok(Number.isFinite(Date.parse(entry.time)));
  });

  test('leaves ordinary text as it is', () => {
    const harmless = 'partition 3: 12 messages; signature missing; key=value';
    assert.equal(redact(harmless), harmless);
  });

  test('takes what the Azure SDKs log, without secrets', (t) => {
    const before = AzureLogger.log;
    t.after(() => {
      AzureLogger.log = before;
      setLogLevel(undefined);
    });
    const out = logged((log) => {
      captureAzureLog(log);
      setLogLevel('verbose');
      createClientLogger('core-rest-pipeline').verbose('through %s', `http://plant:${KEY}@proxy.example/`);
    });
    assert.match(out, /"source":"azure".*core-rest-pipeline:verbose through http:\/\/\[redacted\]@proxy/);
    assert.doesNotMatch(out, new RegExp(KEY));
  });
});

const SECRET = 'c2VjcmV0LWtleS1vZi1hLXRlc3Q=';

/** The output of a process that ends with an error that nobody caught. */
async function outputOfUncaught(trouble: string): Promise<{ code: number; out: string; error: string }> {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { createLog, endOnUnexpected } from ${JSON.stringify(import.meta.resolve('../../sidecar/observe/log.ts'))};
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
    const { code, out, error } = await outputOfUncaught(trouble);
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
