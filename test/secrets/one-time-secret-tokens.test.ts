import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { OneTimeSecretTokens, type Secrets } from '../../sidecar/secrets/one-time-secret-tokens.ts';

function handOver(names: Parameters<OneTimeSecretTokens['issue']>[1]) {
  const secretTokens = new OneTimeSecretTokens();
  const completed: Secrets[] = [];
  const issued = secretTokens.issue('Hub', names, async ({ secrets }) => {
    completed.push(secrets);
  });
  return { secretTokens, issued, completed };
}

describe('one-time secret tokens', () => {
  test('bring all secrets together, once, when the last has arrived', async () => {
    const { secretTokens, issued, completed } = handOver([
      'iotHubConnectionString',
      'storageConnectionString',
    ]);
    assert.equal(issued.length, 2);
    assert.deepEqual(await secretTokens.redeem(issued[0]?.ticket ?? '', 'one'), {
      name: 'iotHubConnectionString',
      awaited: 1,
    });
    assert.equal(completed.length, 0);
    await secretTokens.redeem(issued[1]?.ticket ?? '', 'two');
    assert.deepEqual(completed, [{ iotHubConnectionString: 'one', storageConnectionString: 'two' }]);
  });

  test('are good for one use, and cannot be guessed', async () => {
    const { secretTokens, issued } = handOver(['iotHubConnectionString']);
    const ticket = issued[0]?.ticket ?? '';
    assert.ok(ticket.length >= 32);
    await secretTokens.redeem(ticket, 'x');
    await assert.rejects(secretTokens.redeem(ticket, 'x'), { code: 'TICKET_UNKNOWN' });
    await assert.rejects(secretTokens.redeem('x', 'x'), { code: 'TICKET_UNKNOWN' });
  });

  test('for a call carry its password as it is, once each way', async () => {
    const secretTokens = new OneTimeSecretTokens();
    const ticket = secretTokens.reserve();
    secretTokens.require(ticket);
    assert.deepEqual(await secretTokens.redeem(ticket, 'env:PATH'), { name: 'password', awaited: 0 });
    await assert.rejects(secretTokens.redeem(ticket, 'other'), { code: 'TICKET_UNKNOWN' });
    assert.equal(secretTokens.take(ticket), 'env:PATH');
    for (const unknown of [ticket, 'x', secretTokens.reserve()])
      assert.throws(() => secretTokens.take(unknown), { code: 'TICKET_UNKNOWN' });
  });

  test('are void when their hub asks anew', async () => {
    const { secretTokens, issued, completed } = handOver(['iotHubConnectionString']);
    secretTokens.issue('Another', ['iotHubConnectionString'], async () => undefined);
    const [newer] = secretTokens.issue('Hub', ['iotHubConnectionString'], async ({ secrets }) => {
      completed.push(secrets);
    });
    await assert.rejects(secretTokens.redeem(issued[0]?.ticket ?? '', 'old'), { code: 'TICKET_UNKNOWN' });
    await secretTokens.redeem(newer?.ticket ?? '', 'new');
    assert.deepEqual(completed, [{ iotHubConnectionString: 'new' }]);
  });

  test('take an empty value for no secret', async () => {
    const { secretTokens, issued, completed } = handOver(['iotHubConnectionString']);
    await secretTokens.redeem(issued[0]?.ticket ?? '', '  ');
    assert.deepEqual(completed, [{}]);
  });

  test('resolve references to the environment and to files, and name what is missing', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'secrets-'));
    const file = path.join(directory, 'secret');
    await writeFile(file, 'from-file\n');
    process.env['SECRETS_TEST_SECRET'] = 'from-environment';
    try {
      const { secretTokens, issued, completed } = handOver([
        'iotHubConnectionString',
        'eventHubConnectionString',
      ]);
      await secretTokens.redeem(issued[0]?.ticket ?? '', 'env:SECRETS_TEST_SECRET');
      await secretTokens.redeem(issued[1]?.ticket ?? '', `file:${file}`);
      assert.deepEqual(completed, [
        { iotHubConnectionString: 'from-environment', eventHubConnectionString: 'from-file' },
      ]);
      const second = handOver(['iotHubConnectionString', 'eventHubConnectionString']);
      await assert.rejects(
        second.secretTokens.redeem(second.issued[0]?.ticket ?? '', 'env:SECRETS_TEST_ABSENT'),
        {
          code: 'SECRET_UNREADABLE',
          message: /iotHubConnectionString refers to the environment variable SECRETS_TEST_ABSENT/,
        },
      );
      await assert.rejects(
        second.secretTokens.redeem(second.issued[1]?.ticket ?? '', `file:${file}-absent`),
        {
          code: 'SECRET_UNREADABLE',
          message: /eventHubConnectionString refers to the file /,
        },
      );
    } finally {
      delete process.env['SECRETS_TEST_SECRET'];
      await rm(directory, { recursive: true });
    }
  });

  test('say the same of every file that they cannot read, so that they do not tell which paths exist', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'secrets-'));
    const large = path.join(directory, 'large');
    const empty = path.join(directory, 'empty');
    await writeFile(large, 'x'.repeat(20_000));
    await writeFile(empty, '');
    try {
      const messages = new Set<string>();
      for (const target of ['/dev/zero', directory, large, empty, path.join(directory, 'absent')]) {
        const { secretTokens, issued } = handOver(['iotHubConnectionString']);
        await assert.rejects(
          secretTokens.redeem(issued[0]?.ticket ?? '', `file:${target}`),
          (error: Error & { code?: string }) => {
            assert.equal(error.code, 'SECRET_UNREADABLE');
            messages.add(error.message.replace(target, 'PATH'));
            return true;
          },
        );
      }
      assert.deepEqual([...messages], [...messages].slice(0, 1));
      assert.match([...messages][0] ?? '', /expects there a file with text of at most 16384 bytes/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
