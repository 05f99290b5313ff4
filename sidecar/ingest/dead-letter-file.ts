import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import type { DeadLetter, DeadLetterStore } from './dead-letters.ts';

/** Dead letters in a file of the state directory: a line of JSON each, the body in base64, flushed to the disk before `append` resolves. */
export class FileDeadLetters implements DeadLetterStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async append(letters: readonly DeadLetter[]): Promise<void> {
    const lines = letters.map((letter) => `${JSON.stringify(encode(letter))}\n`).join('');
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const file = await open(path.join(this.#directory, 'letters.ndjson'), 'a', 0o600);
      try {
        await file.appendFile(lines);
        await file.datasync();
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw new ConnectorError(
        'DEAD_LETTERS_UNAVAILABLE',
        `The dead letters in ${this.#directory} cannot be written.`,
        { cause },
      );
    }
  }
}

function encode(letter: DeadLetter): unknown {
  const { body, ...message } = letter.message;
  return { ...letter, message: { ...message, body: Buffer.from(body).toString('base64') } };
}
