import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import { isMissing, replaceFile, systemCode } from '../lib/files.ts';

/** What is in the file. No secret is: of secrets it has a hash, so that an unchanged one is not written again. */
interface Content {
  readonly thingworxUrl: string;
  /** What setup made, by the id of its step. What was there before is never in it, so undo leaves it. */
  readonly made: string[];
  /** Whether the folder was made, too. */
  readonly madeDirectory: boolean;
  readonly hashes: Record<string, string>;
}

/**
 * What setup has made so far, in a file beside the settings. A step is written down before it begins: after an interruption the next run
 * continues, and undo finds everything.
 */
export class SetupRecord {
  readonly #directory: string;
  readonly #file: string;
  readonly #thingworxUrl: string;
  #content: Content;

  constructor(directory: string, thingworxUrl: string) {
    this.#directory = directory;
    this.#file = path.join(directory, 'setup.json');
    this.#thingworxUrl = thingworxUrl;
    this.#content = { thingworxUrl, made: [], madeDirectory: false, hashes: {} };
  }

  /** @throws ConnectorError SETUP_CONFLICT when the file is of another ThingWorx or is damaged */
  async open(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    let content: Partial<Content>;
    try {
      content = JSON.parse(text) as Partial<Content>;
    } catch (cause) {
      throw new ConnectorError('SETUP_CONFLICT', `${this.#file} is not JSON; remove it or restore it.`, {
        cause,
      });
    }
    if (content.thingworxUrl !== this.#thingworxUrl) {
      throw new ConnectorError(
        'SETUP_CONFLICT',
        `${this.#file} belongs to ${content.thingworxUrl}; expected ${this.#thingworxUrl}. Choose another folder with --directory.`,
      );
    }
    this.#content = {
      thingworxUrl: this.#thingworxUrl,
      made: content.made ?? [],
      madeDirectory: content.madeDirectory ?? false,
      hashes: content.hashes ?? {},
    };
  }

  has(step: string): boolean {
    return this.#content.made.includes(step);
  }

  async add(step: string): Promise<void> {
    if (this.has(step)) return;
    this.#content.made.push(step);
    await this.#save();
  }

  async remove(step: string): Promise<void> {
    this.#content = { ...this.#content, made: this.#content.made.filter((one) => one !== step) };
    await this.#save();
  }

  /** Removes the file, and the folder if setup made it and nothing else is in it. */
  async delete(): Promise<void> {
    await rm(this.#file, { force: true });
    if (this.#content.madeDirectory) await rmdir(this.#directory).catch(() => undefined);
  }

  /** Whether the value was written by an earlier run. */
  knows(name: string, value: string): boolean {
    return this.#content.hashes[name] === sha256(value);
  }

  async remember(values: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) this.#content.hashes[name] = sha256(value);
    await this.#save();
  }

  async #save(): Promise<void> {
    try {
      const made = await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      if (made !== undefined) this.#content = { ...this.#content, madeDirectory: true };
    } catch (cause) {
      throw new ConnectorError(
        'LOCAL_STEP_FAILED',
        `The folder ${this.#directory} cannot be made (${systemCode(cause)}); choose another one with --directory.`,
        { cause },
      );
    }
    await replaceFile(this.#file, `${JSON.stringify(this.#content, null, 2)}\n`);
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
