import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { FileDeadLetterStore } from '../../sidecar/dead-letters/file-store.ts';
import { letter, listeningLog, scratchDirectory } from './letters.ts';

test('letters that were confirmed outlive a process that is killed while it writes', async () => {
  const { directory, remove } = await scratchDirectory();
  const program = path.join(import.meta.dirname, 'append-letters.ts');
  let next = 0;
  try {
    for (let round = 0; round < 5; round += 1) {
      const confirmed: number[] = [];
      const child = spawn(process.execPath, [program, directory, String(next)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const wanted = 5 + Math.floor(Math.random() * 40);
      for await (const line of createInterface({ input: child.stdout })) {
        confirmed.push(Number(line));
        if (confirmed.length === wanted) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');

      const store = new FileDeadLetterStore({ directory, log: listeningLog().log });
      for (const number of confirmed) {
        for (let i = 0; i < 5; i += 1) {
          const found = await store.get(letter(number + i).id);
          if (i === 0 && number % 3 === 0) assert.equal(found, undefined, `${number} was deleted`);
          else assert.deepEqual(found?.message, letter(number + i).message);
        }
      }
      await store.close();
      next = (confirmed.at(-1) ?? next) + 1_000;
    }
  } finally {
    await remove();
  }
});
