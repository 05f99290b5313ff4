import assert from 'node:assert/strict';
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
  for (const [what, text] of [
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
      const error = Object.assign(new Error(`failed for ${text}`), {
        response: { headers: text },
        cause: new Error(text),
      });
      const out = logged((log) => {
        log.info(text);
        log.warn({ nested: { deep: [text] } }, 'x');
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
    const text = 'partition 3: 12 messages; signature missing; key=value';
    assert.equal(redact(text), text);
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
