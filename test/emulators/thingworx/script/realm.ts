import vm from 'node:vm';
import { rhinoGlobals, rhinoPrototypes, rhinoStatics, rhinoTypedArray } from './rhino-api.ts';

/** Built-in objects of the realm in which scripts run; values made for scripts must come from these. */
export interface Intrinsics {
  Object: ObjectConstructor;
  Array: ArrayConstructor;
  Date: DateConstructor;
  Error: ErrorConstructor;
  Int8Array: Int8ArrayConstructor;
  JSON: JSON;
  /** An array of JSON as the platform shows it to scripts: see ScriptSwitches.jsonInScripts. */
  makeJsonArray(items: unknown[]): object;
  isJsonArray(value: object): boolean;
}

export interface Realm {
  context: vm.Context;
  intrinsics: Intrinsics;
}

/** File names of scripts start with this, so that their frames can be told from those of the engine. */
export const scriptFilePrefix = 'twx:';

/** Position of the innermost frame of a script. */
export const scriptFrame = /twx:([^\n]*?):(\d+):\d+\)?$/m;

/** A new global scope with the standard objects of Rhino 1.7.11 and nothing else; its prototypes cannot be extended. */
export function createRealm(): Realm {
  const context = vm.createContext(Object.create(null), { codeGeneration: { strings: true, wasm: false } });
  const setUp = vm.runInContext(`(${bootstrap.toString()})`, context, {
    filename: 'realm',
  }) as typeof bootstrap;
  const intrinsics = setUp(rhinoGlobals, rhinoStatics, rhinoPrototypes, rhinoTypedArray, scriptFrame.source);
  return { context, intrinsics };
}

/** Runs inside the new realm (as text), so it may name nothing outside itself but standard objects. */
function bootstrap(
  globals: readonly string[],
  statics: Readonly<Record<string, readonly string[]>>,
  prototypes: Readonly<Record<string, readonly string[]>>,
  typedArray: readonly string[],
  framePattern: string,
): Intrinsics {
  const { deleteProperty, construct } = Reflect;
  const { entries, preventExtensions: lock } = Object;
  const scope = globalThis as unknown as Record<string, { prototype: object }>;
  const keepOnly = (target: object, names: readonly string[]) => {
    for (const name of Object.getOwnPropertyNames(target)) {
      if (!names.includes(name)) {
        deleteProperty(target, name);
      }
    }
  };
  const define = (target: object, name: string, value: unknown) => {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
  };

  // Engine differences that a script can see.
  const NativeDate = Date;
  const microseconds = /[.,]\d{4,}/;
  const readable = (text: unknown) => !(typeof text === 'string' && microseconds.test(text));
  const nativeParse = NativeDate.parse;
  const RhinoDate = function (this: unknown, ...args: [unknown]) {
    if (new.target === undefined) {
      return NativeDate();
    }
    const given = args.length === 1 && !readable(args[0]) ? [Number.NaN] : args;
    return construct(NativeDate, given, new.target);
  };
  define(RhinoDate, 'name', 'Date');
  RhinoDate.prototype = NativeDate.prototype;
  define(NativeDate.prototype, 'constructor', RhinoDate);
  define(RhinoDate, 'UTC', NativeDate.UTC);
  define(RhinoDate, 'now', NativeDate.now);
  define(RhinoDate, 'parse', (text: string) => (readable(text) ? nativeParse(text) : Number.NaN));
  define(globalThis, 'Date', RhinoDate);
  define(Number.prototype, 'toLocaleString', Number.prototype.toString);
  const compare = String.prototype.localeCompare;
  define(String.prototype, 'localeCompare', function (this: string, other: string) {
    return compare.call(this, other);
  });

  // Errors of the engine know where they happened; those that a script makes say line 0 and no file.
  const frame = new RegExp(framePattern, 'm');
  const stackOf = (error: object) => frame.exec(String((error as { stack?: unknown }).stack));
  const position = (name: string, read: (error: object) => unknown) => {
    Object.defineProperty(Error.prototype, name, {
      get(this: object) {
        return read(this);
      },
      set(this: object, value: unknown) {
        Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true });
      },
      configurable: true,
    });
  };
  position('fileName', (error) => stackOf(error)?.[1] ?? '');
  position('lineNumber', (error) => Number(stackOf(error)?.[2] ?? 0));
  const NativeError = Error;
  const NativeSyntaxError = SyntaxError;
  for (const name of [
    'Error',
    'EvalError',
    'RangeError',
    'ReferenceError',
    'SyntaxError',
    'TypeError',
    'URIError',
  ]) {
    const Native = scope[name] as unknown as ErrorConstructor;
    const RhinoError = function (this: unknown, ...args: [string?]) {
      const error: object = construct(Native, args.slice(0, 1), new.target ?? RhinoError);
      define(error, 'fileName', '');
      define(error, 'lineNumber', 0);
      return error;
    };
    define(RhinoError, 'name', name);
    RhinoError.prototype = Native.prototype;
    define(Native.prototype, 'constructor', RhinoError);
    define(RhinoError, 'captureStackTrace', NativeError.captureStackTrace);
    define(globalThis, name, RhinoError);
  }

  const NativeRegExp = RegExp;
  const RhinoRegExp = function (this: unknown, pattern: unknown, flags: unknown) {
    if (
      /[^gim]/.test(String(flags ?? '')) ||
      (!(pattern instanceof NativeRegExp) && /\(\?</.test(String(pattern)))
    ) {
      const message = flags === undefined ? 'Invalid quantifier ?' : 'invalid flag after regular expression';
      throw new NativeSyntaxError(message);
    }
    return construct(NativeRegExp, [pattern, flags], new.target ?? RhinoRegExp);
  };
  define(RhinoRegExp, 'name', 'RegExp');
  RhinoRegExp.prototype = NativeRegExp.prototype;
  // RegExp.$1 and its kind answer only for the native constructor.
  const legacy = NativeRegExp as unknown as Record<string, unknown>;
  for (const key of Object.getOwnPropertyNames(NativeRegExp)) {
    if (/^\$|Match$|Paren$|Context$|^input$/.test(key)) {
      Object.defineProperty(RhinoRegExp, key, { get: () => legacy[key], configurable: true });
    }
  }
  define(NativeRegExp.prototype, 'constructor', RhinoRegExp);
  define(globalThis, 'RegExp', RhinoRegExp);

  class JsonArray {
    constructor(items: unknown[]) {
      Object.defineProperty(this, 'length', { value: items.length, writable: true });
      Object.assign(this, items);
    }
  }
  const slice = Array.prototype.slice;
  define(JsonArray.prototype, 'toJSON', function (this: ArrayLike<unknown>) {
    return slice.call(this);
  });
  define(JsonArray.prototype, 'toString', function (this: ArrayLike<unknown>) {
    return JSON.stringify(slice.call(this));
  });

  const intrinsics: Intrinsics = {
    Object,
    Array,
    Date: NativeDate,
    Error: NativeError,
    Int8Array,
    JSON,
    makeJsonArray: (items) => new JsonArray(items),
    isJsonArray: (value) => value instanceof JsonArray,
  };

  keepOnly(Object.getPrototypeOf(Int8Array.prototype) as object, typedArray);
  for (const [name, names] of entries(statics)) {
    keepOnly(scope[name] as object, names);
  }
  for (const [name, names] of entries(prototypes)) {
    keepOnly((scope[name] as { prototype: object }).prototype, names);
  }
  for (const name of globals) {
    const value = scope[name] as unknown;
    if (typeof value === 'function') {
      lock(value);
      if (typeof value.prototype === 'object' && value.prototype !== null) {
        lock(value.prototype);
      }
    }
  }
  keepOnly(globalThis, globals);
  return intrinsics;
}
