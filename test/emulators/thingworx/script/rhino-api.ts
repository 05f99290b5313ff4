/**
 * Names that the standard objects of Rhino 1.7.11 have at language level ES6 (listed with Object.getOwnPropertyNames in
 * that engine), without those that exist for Java only. Everything else that V8 offers is taken away from scripts.
 */
export const rhinoGlobals: readonly string[] = words(`
  Array ArrayBuffer Boolean DataView Date Error EvalError Float32Array Float64Array Function Infinity Int16Array Int32Array
  Int8Array JSON Map Math NaN Number Object RangeError ReferenceError RegExp Set String Symbol SyntaxError TypeError
  URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakSet decodeURI decodeURIComponent encodeURI
  encodeURIComponent escape eval isFinite isNaN parseFloat parseInt undefined unescape`);

const functionNames = 'arguments caller length name prototype';

/** Own names of each constructor or namespace object. */
export const rhinoStatics: Readonly<Record<string, readonly string[]>> = {
  Object:
    words(`${functionNames} assign create defineProperties defineProperty freeze getOwnPropertyDescriptor
    getOwnPropertyNames getOwnPropertySymbols getPrototypeOf is isExtensible isFrozen isSealed keys preventExtensions seal`),
  Array: words(`${functionNames} from isArray of`),
  String: words(`${functionNames} fromCharCode`),
  Number: words(`${functionNames} MAX_SAFE_INTEGER MAX_VALUE MIN_SAFE_INTEGER MIN_VALUE NEGATIVE_INFINITY NaN
    POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger parseFloat parseInt`),
  Date: words(`${functionNames} UTC now parse`),
  Error: words(`${functionNames} captureStackTrace stackTraceLimit`),
  Math: words(`E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos acosh asin asinh atan atan2 atanh cbrt ceil clz32 cos cosh
    exp expm1 floor fround hypot imul log log10 log1p log2 max min pow random round sign sin sinh sqrt tan tanh trunc`),
  JSON: words('parse stringify'),
  Map: words(functionNames),
  Set: words(functionNames),
  Symbol:
    words(`${functionNames} for hasInstance isConcatSpreadable iterator keyFor match replace search species split
    toPrimitive toStringTag unscopables`),
  ArrayBuffer: words(`${functionNames} isView`),
};

/** Own names of each prototype. RegExp.prototype is left alone: V8's own methods read the flags that Rhino lacks. */
export const rhinoPrototypes: Readonly<Record<string, readonly string[]>> = {
  Object:
    words(`__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ constructor hasOwnProperty
    isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf`),
  Array:
    words(`concat constructor copyWithin entries every fill filter find findIndex forEach includes indexOf join keys
    lastIndexOf length map pop push reduce reduceRight reverse shift slice some sort splice toLocaleString toString unshift
    values`),
  String:
    words(`anchor big blink bold charAt charCodeAt codePointAt concat constructor endsWith fixed fontcolor fontsize
    includes indexOf italics lastIndexOf length link localeCompare match normalize padEnd padStart repeat replace search
    slice small split startsWith strike sub substr substring sup toLocaleLowerCase toLocaleUpperCase toLowerCase toString
    toUpperCase trim trimLeft trimRight valueOf`),
  Number: words('constructor toExponential toFixed toLocaleString toPrecision toString valueOf'),
  Boolean: words('constructor toString valueOf'),
  Date: words(`constructor getDate getDay getFullYear getHours getMilliseconds getMinutes getMonth getSeconds getTime
    getTimezoneOffset getUTCDate getUTCDay getUTCFullYear getUTCHours getUTCMilliseconds getUTCMinutes getUTCMonth
    getUTCSeconds getYear setDate setFullYear setHours setMilliseconds setMinutes setMonth setSeconds setTime setUTCDate
    setUTCFullYear setUTCHours setUTCMilliseconds setUTCMinutes setUTCMonth setUTCSeconds setYear toDateString toISOString
    toJSON toLocaleDateString toLocaleString toLocaleTimeString toString toTimeString toUTCString valueOf`),
  Map: words('clear constructor delete entries forEach get has keys set size values'),
  Set: words('add clear constructor delete entries forEach has size values'),
  Symbol: words('constructor toString valueOf'),
  ArrayBuffer: words('byteLength constructor slice'),
};

/** Names of the shared prototype of the typed arrays. */
export const rhinoTypedArray: readonly string[] = words(
  'buffer byteLength byteOffset constructor length set subarray toString',
);

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
