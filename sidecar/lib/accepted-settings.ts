import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { isDirectory, isMissing, replaceFile, setAside } from './files.ts';

type Values = Readonly<Record<string, unknown>>;

/** What a Thing hands over when it connects: settings of the right form, its secrets, and what was refused so far. */
export interface OfferedSettings {
  readonly settings: Values;
  readonly secrets: Values;
  /** The secrets that were given as references such as `env:NAME`, as given. */
  readonly references: Readonly<Record<string, string>>;
  readonly refused: ReadonlyMap<string, ConnectorError>;
}

/** A setting that is refused, and why. */
interface RefusedSetting {
  readonly setting: string;
  readonly error: ConnectorError;
}

interface AcceptedSettingsOptions {
  readonly thing: string;
  readonly stateDirectory: string;
  readonly log: Log;
  /** Looks at values of the right form. Gives the reason for each that cannot be used. */
  readonly check: (values: Values) => Promise<ReadonlyMap<string, ConnectorError>>;
  /** The secret to which a reference refers. Rejects when it cannot be read. */
  readonly resolve: (secret: string, reference: string) => Promise<string>;
}

/** Values in use. `lost`: settings that had a value which is not known any more. */
interface Known {
  readonly settings: Values;
  readonly secrets: Values;
  readonly references: Readonly<Record<string, string>>;
  readonly lost: ReadonlySet<string>;
}

/** What the state directory keeps. No secret that ThingWorx holds: `held` has the names of those alone. */
interface Stored {
  readonly settings: Values;
  readonly references: Readonly<Record<string, string>>;
  readonly held: readonly string[];
}

/**
 * The settings of one Thing that are in use. A setting that is refused keeps its last accepted value, also after a restart of the sidecar,
 * so that a refused change does no harm at a later time. Other changes of the same call take effect.
 */
export class AcceptedSettings {
  readonly #options: AcceptedSettingsOptions;
  #known: Known | undefined;
  #refused: readonly RefusedSetting[] = [];
  #refusal: ConnectorError | undefined;
  #wasOffered = false;
  #written = '';

  constructor(options: AcceptedSettingsOptions) {
    this.#options = options;
  }

  get refused(): readonly RefusedSetting[] {
    return this.#refused;
  }

  /** What is refused and what is used instead; undefined when nothing is refused. */
  get refusal(): ConnectorError | undefined {
    return this.#refusal;
  }

  /** Whether the Thing has handed over its settings, be they accepted or not. */
  get wasOffered(): boolean {
    return this.#wasOffered;
  }

  /**
   * Gives the values to use: those offered, and for refused ones the last accepted. `values` is undefined when there is none for a refused
   * setting. `refusal` names what is refused and what is used instead.
   */
  async accept(offered: OfferedSettings): Promise<{ values?: Values; refusal?: ConnectorError }> {
    const accepted = await this.#accept(offered);
    this.#refusal = accepted.refusal;
    this.#wasOffered = true;
    return accepted;
  }

  async #accept(offered: OfferedSettings): Promise<{ values?: Values; refusal?: ConnectorError }> {
    const refused = new Map(offered.refused);
    const candidates = without({ ...offered.settings, ...offered.secrets }, refused);
    // What depends on a setting that is refused already is looked at together with the value that is used instead.
    for (const [setting, error] of await this.#options.check(candidates))
      if (!refused.has(setting)) refused.set(setting, error);
    this.#refused = [...refused].map(([setting, error]) => ({ setting, error }));
    if (refused.size === 0) return { values: await this.#use({ ...offered, lost: new Set() }) };
    const before = this.#known ?? (await this.#restore());
    const kept = (name: keyof Omit<Known, 'lost'>) => ({
      ...without(offered[name], refused),
      ...only(before?.[name] ?? {}, refused),
    });
    const secrets = kept('secrets');
    const values = { ...kept('settings'), ...secrets };
    const isLost = (setting: string) => before === undefined || before.lost.has(setting);
    const lost = [...refused.keys()].filter(isLost);
    // Settings of an older version of the sidecar may be refused by this one.
    if (lost.length === 0) lost.push(...(await this.#options.check(values)).keys());
    const refusal = this.#refusalOf(lost);
    if (lost.length > 0) return { refusal };
    const references = kept('references') as Record<string, string>;
    return {
      values: await this.#use({ settings: kept('settings'), secrets, references, lost: new Set() }),
      refusal,
    };
  }

  #refusalOf(lost: readonly string[]): ConnectorError {
    const [first] = this.#refused;
    const names = this.#refused.map(({ setting }) => setting);
    const outcome =
      lost.length === 0
        ? `The last accepted ${names.length === 1 ? 'value' : 'values'} of ${names.join(', ')} ${names.length === 1 ? 'stays' : 'stay'} in use.`
        : `No accepted value of ${lost.join(', ')} is known, so ${this.#options.thing} is not connected.`;
    const reasons = [...new Set(this.#refused.map(({ error }) => error.message))].join(' ');
    return new ConnectorError(first?.error.code ?? 'SETTING_INVALID', `${reasons} ${outcome}`, {
      cause: first?.error,
      details: { ...first?.error.details, settings: names },
    });
  }

  async #use(known: Known): Promise<Values> {
    this.#known = known;
    const { settings, secrets, references } = known;
    const held = Object.keys(secrets).filter((name) => !(name in references));
    await this.#store({ settings, references, held });
    return { ...settings, ...secrets };
  }

  get #file(): string {
    const { stateDirectory, thing } = this.#options;
    return path.join(stateDirectory, 'settings', `${encodeURIComponent(thing)}.json`);
  }

  /** A failure costs no more than the last accepted values after the next restart. */
  async #store(stored: Stored): Promise<void> {
    const text = JSON.stringify(stored);
    if (text === this.#written) return;
    try {
      await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      await replaceFile(this.#file, text).catch(async (thrown: unknown) => {
        if (!isDirectory(thrown)) throw thrown;
        await setAside(this.#file);
        await replaceFile(this.#file, text);
      });
      this.#written = text;
    } catch (thrown) {
      this.#options.log.warn(
        { err: toConnectorError(thrown), file: this.#file },
        'The accepted settings could not be stored; they are lost at the next restart.',
      );
    }
  }

  /** What an earlier process has accepted. Undefined when there is nothing that can be read. */
  async #restore(): Promise<Known | undefined> {
    const stored = await this.#read();
    if (!stored) return undefined;
    const { settings, references, held } = stored;
    const secrets: Record<string, string> = {};
    const lost = new Set(held);
    for (const [name, reference] of Object.entries(references)) {
      try {
        secrets[name] = await this.#options.resolve(name, reference);
      } catch {
        lost.add(name);
      }
    }
    return { settings, secrets, references, lost };
  }

  /** What is in the file. A file that is damaged is set aside. */
  async #read(): Promise<Stored | undefined> {
    let reason: string;
    try {
      const stored: unknown = JSON.parse(await readFile(this.#file, 'utf8'));
      if (isStored(stored)) return stored;
      reason = 'it does not have the form of accepted settings';
    } catch (thrown) {
      if (isMissing(thrown)) return undefined;
      reason = toConnectorError(thrown).message;
      if (thrown instanceof SyntaxError) reason = 'it is no JSON';
      if (isDirectory(thrown)) reason = 'a directory is in its place';
    }
    const kept = await setAside(this.#file).catch(() => this.#file);
    this.#options.log.warn(
      { file: kept },
      `The settings that were accepted before the restart cannot be read: ${reason}. The file is kept.`,
    );
    return undefined;
  }
}

function isStored(value: unknown): value is Stored {
  const { settings, references, held } = (value ?? {}) as Partial<Stored>;
  return isObject(settings) && isObject(references) && Array.isArray(held);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function without(values: Values, names: ReadonlyMap<string, unknown>): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name)));
}

function only(values: Values, names: ReadonlyMap<string, unknown>): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
}
