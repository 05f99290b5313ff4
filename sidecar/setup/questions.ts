import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** Where a command reads from and writes to. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** Asks people. What is typed for a secret is not shown. */
export class Questions {
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Whether somebody is there who can answer. */
  get canAsk(): boolean {
    return this.#terminal.input.isTTY === true;
  }

  async ask(question: string, { secret = false }: { secret?: boolean } = {}): Promise<string> {
    const { input, output } = this.#terminal;
    let silent = false;
    const shown = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!silent) output.write(chunk);
        done();
      },
    });
    const lines = createInterface({ input, output: shown, terminal: true });
    try {
      const answer = lines.question(`${question}: `);
      silent = secret;
      return (await answer).trim();
    } finally {
      lines.close();
      if (secret) output.write('\n');
    }
  }
}
