interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly code?: string;
  readonly err?: { readonly code?: string };
  readonly partitionId?: string;
}

/** What a process that has just started says. */
const STARTED = '"The sidecar listens."';

/** The warnings and errors that the sidecar logs, by what they tell. */
export class LogLines {
  readonly #counts = new Map<string, number>();
  #count = 0;
  #most = { text: '', times: 0 };

  /** All of them. */
  get count(): number {
    return this.#count;
  }

  /** What one process has logged most often, and how often. */
  get most(): { readonly text: string; readonly times: number } {
    return this.#most;
  }

  clear(): void {
    this.#counts.clear();
    this.#count = 0;
    this.#most = { text: '', times: 0 };
  }

  add(line: string): void {
    if (line.includes(STARTED)) this.#counts.clear();
    if (!/"level":"(warn|error|fatal)"/.test(line)) return;
    const { level, msg, code, err, partitionId } = JSON.parse(line) as LogLine;
    const subject = [level, code ?? err?.code, partitionId].filter((part) => part !== undefined).join(' ');
    // Numbers and times differ from line to line.
    const key = `${subject}: ${msg.replaceAll(/\d+/g, '#')}`;
    const times = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, times);
    if (times > this.#most.times) this.#most = { text: key, times };
    this.#count += 1;
  }
}
