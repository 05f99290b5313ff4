import { types } from 'node:util';
import { type ConvertOptions, convert } from '../base-types.ts';
import { InfoTable, type InfoTableRow } from '../infotable.ts';
import type { PasswordCipher } from '../password-cipher.ts';
import type { ScriptSwitches } from '../script-switches.ts';
import { setOwn } from '../value-forms.ts';
import {
  type BaseType,
  type JsonObject,
  type JsonValue,
  Location,
  Password,
  PlatformError,
  type PlatformValue,
  Variant,
  Vector,
} from '../values.ts';
import type { Intrinsics } from './realm.ts';
import { RowCells } from './row-views.ts';
import { ScriptTable } from './tables.ts';
import { messageText } from './wire.ts';

/** Converts between PlatformValues and what a script sees, in both directions. */
export class Bridge {
  readonly intrinsics: Intrinsics;
  private readonly cipher: PasswordCipher;
  /** Host objects of the script and the values that they stand for. */
  private readonly originals = new WeakMap<object, unknown>();
  switches: ScriptSwitches;

  constructor(intrinsics: Intrinsics, cipher: PasswordCipher, switches: ScriptSwitches) {
    this.intrinsics = intrinsics;
    this.cipher = cipher;
    this.switches = switches;
  }

  get readPassword(): (text: string) => string {
    return this.cipher.read;
  }

  /** Registers what a host object stands for, so that `fromScript` finds it. */
  remember<T extends object>(object: T, original: unknown): T {
    this.originals.set(object, original);
    return object;
  }

  original(object: unknown): unknown {
    return typeof object === 'object' && object !== null ? this.originals.get(object) : undefined;
  }

  /** A value as the script sees it. An unset value is undefined. */
  toScript(value: PlatformValue): unknown {
    if (value === null) {
      return undefined;
    }
    if (typeof value !== 'object') {
      return value;
    }
    if (value instanceof Date) {
      return new this.intrinsics.Date(value.getTime());
    }
    if (value instanceof InfoTable) {
      return new ScriptTable(this, value).proxy;
    }
    if (value instanceof Variant) {
      return this.toScript(value.value);
    }
    if (value instanceof Location) {
      const { latitude, longitude, elevation } = value;
      return this.remember(this.object({ latitude, longitude, elevation, units: 'WGS84' }), value);
    }
    if (value instanceof Vector) {
      const [x, y, z, w] = value.components;
      return this.object(
        Object.fromEntries(Object.entries({ x, y, z, w }).filter(([, part]) => part !== undefined)),
      );
    }
    if (value instanceof Password) {
      return this.passwordToScript(value);
    }
    if (value instanceof Uint8Array) {
      // A Java byte array: signed numbers behind an index, no array methods worth mentioning.
      return this.remember(new this.intrinsics.Int8Array(value), value);
    }
    return this.jsonToScript(value as JsonValue);
  }

  /** JSON as the switch `jsonInScripts` says. */
  jsonToScript(json: JsonValue): unknown {
    if (typeof json !== 'object' || json === null) {
      return json;
    }
    if (this.switches.jsonInScripts === 'native') {
      return this.native(json);
    }
    if (Array.isArray(json)) {
      return this.intrinsics.makeJsonArray(json.map((item) => this.jsonToScript(item)));
    }
    const object: Record<string, unknown> = new this.intrinsics.Object() as Record<string, unknown>;
    for (const [key, member] of Object.entries(json)) {
      setOwn(object, key, this.jsonToScript(member));
    }
    return object;
  }

  /** A plain structure in the script's realm. */
  native(value: JsonValue): unknown {
    return this.intrinsics.JSON.parse(messageText(value));
  }

  /** A plain object in the script's realm with the given members as they are. */
  object(members: Record<string, unknown>): object {
    return Object.assign(new this.intrinsics.Object(), members);
  }

  /** An array in the script's realm. */
  array(items: Iterable<unknown>): unknown[] {
    return this.intrinsics.Array.from(items);
  }

  private passwordToScript(password: Password): unknown {
    switch (this.switches.passwordInScripts) {
      case 'clear':
        return password.clear;
      case 'encrypted':
        return password.clear === '' ? '' : this.cipher.encrypt(password.clear);
      default: {
        const masked = this.object({});
        const text = () => (password.clear === '' ? '' : '********');
        for (const name of ['toString', 'valueOf', 'toJSON']) {
          Object.defineProperty(masked, name, { value: text, enumerable: false });
        }
        // Without the text that it was once read from, which the script does not hold.
        return this.remember(masked, new Password(password.clear));
      }
    }
  }

  /**
   * A script's value in the form that `convert` takes: plain structures of this realm, Dates, and the original behind a
   * host object. Functions become undefined.
   */
  fromScript(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) {
      return typeof value === 'function' || typeof value === 'symbol' ? undefined : value;
    }
    const original = this.originals.get(value);
    if (original !== undefined) {
      return original instanceof RowCells ? this.fromCells(original.read()) : original;
    }
    if (types.isDate(value)) {
      return new Date(Date.prototype.getTime.call(value));
    }
    if (Array.isArray(value)) {
      return value.map((item) => this.fromScript(item) ?? null);
    }
    if (types.isBoxedPrimitive(value)) {
      return (value as object).valueOf();
    }
    if (ArrayBuffer.isView(value)) {
      return new Uint8Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
    }
    if (types.isAnyArrayBuffer(value)) {
      return new Uint8Array((value as ArrayBuffer).slice(0));
    }
    if (types.isNativeError(value)) {
      return String(value);
    }
    if (this.intrinsics.isJsonArray(value)) {
      return Array.from(value as ArrayLike<unknown>, (item) => this.fromScript(item) ?? null);
    }
    const object: JsonObject = {};
    for (const [key, member] of Object.entries(value)) {
      const plain = this.fromScript(member);
      if (plain !== undefined) {
        setOwn(object, key, plain as JsonValue);
      }
    }
    return object;
  }

  /** Cells of a row as an object; VARIANT cells give what is in them. */
  private fromCells(row: InfoTableRow): Record<string, unknown> {
    const cells: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(row)) {
      setOwn<unknown>(cells, name, value);
    }
    return cells;
  }

  /** Converts a script's value to a base type. Text for a PASSWORD may be a secret in clear or encrypted by the platform. */
  toPlatform(value: unknown, baseType: BaseType, options: ConvertOptions = {}): PlatformValue {
    const plain = this.fromScript(value);
    return convert(plain, baseType, baseType === 'PASSWORD' ? { readPassword: this.readPassword } : options);
  }

  /** The error that a script catches for one thrown by the platform or by the engine. */
  toScriptError(error: unknown): unknown {
    if (error instanceof PlatformError) {
      const thrown = new this.intrinsics.Error(`${error.javaClass}: ${error.message}`);
      const javaException = this.object({ message: error.message });
      Object.defineProperty(javaException, 'toString', {
        value: () => `${error.javaClass}: ${error.message}`,
      });
      Object.defineProperty(javaException, 'getMessage', { value: () => error.message });
      Object.assign(thrown, { name: 'JavaException', javaException });
      return this.remember(thrown, error);
    }
    if (error instanceof Error) {
      return this.toScriptError(new PlatformError(error.message));
    }
    return error;
  }

  /** Makes a function of the engine callable by scripts. */
  hostFunction<A extends unknown[]>(name: string, run: (...args: A) => unknown): (...args: A) => unknown {
    const host = (...args: A) => {
      try {
        return run(...args);
      } catch (error) {
        throw this.toScriptError(error);
      }
    };
    Object.defineProperty(host, 'name', { value: name });
    return host;
  }
}
