import { defaultScriptSwitches, type ScriptSwitches } from './script-switches.ts';

/**
 * Behaviour of the platform that public sources leave open, or that differs between its versions. Every switch can be set
 * at the start and changed while the emulator runs (control port, `PUT /switches`), so that tests can run both ways.
 */
export interface Switches extends ScriptSwitches {
  /** A row of UpdatePropertyValues names a property that the Thing does not have: the call fails, or the row is skipped. */
  unknownPropertyInUpdate: 'call' | 'row';
  /** Whether UpdatePropertyValues also needs PropertyWrite of every property that it sets. */
  updateNeedsPropertyWrite: boolean;
  /** An INFOTABLE parameter without dataShape: refused, or read with the Data Shape that the parameter declares. */
  infoTableWithoutDataShape: 'refuse' | 'declared';
  /**
   * Rights for what a script does. `callerOrSystem` is documented: allowed if the System user or the caller may. With
   * `caller` the caller alone counts, with `unchecked` nothing is checked inside a script.
   */
  nestedRights: 'callerOrSystem' | 'caller' | 'unchecked';
  /** Whether every user may invoke the platform's function libraries (InfoTableFunctions, ContentLoaderFunctions, ...). */
  functionLibrariesForUsers: boolean;
  /** An application key as `?appKey=`: PTC calls it insecure, and newer versions refuse it unless it is switched on. */
  appKeyInUrl: 'refuse' | 'accept';
  /** Status for a known but expired application key. */
  expiredKeyStatus: 401 | 403;
  /** Status for a missing right: some versions answer 401. */
  forbiddenStatus: 403 | 401;
  /** Import of an extension version that is installed already: refused with 406, or done again with a warning row. */
  sameVersion: 'refuse' | 'warn';
  /** Whether an extension upgrade sets property values and configuration rows of Things back to the package's. */
  upgradeOverwritesValues: boolean;
  /** Whether the import policy for JavaScript, JSON and CSS also looks at undeclared files below `ui/`. */
  policyCoversUndeclaredFiles: boolean;
  /** Whether an extension may have files outside `Entities/`, `ui/` and `lib/`: real packages with such folders are rare. */
  extraFiles: 'accept' | 'refuse';
  /** Property access to a Thing that is disabled or was never started: refused, or accepted. */
  disabledThings: 'refuse' | 'accept';
  /** Whether RestartThing sets properties that are not persistent back to their defaults. */
  restartLosesValues: boolean;
}

export const defaultSwitches: Readonly<Switches> = {
  unknownPropertyInUpdate: 'call',
  updateNeedsPropertyWrite: true,
  infoTableWithoutDataShape: 'refuse',
  nestedRights: 'callerOrSystem',
  functionLibrariesForUsers: true,
  appKeyInUrl: 'refuse',
  expiredKeyStatus: 401,
  forbiddenStatus: 403,
  sameVersion: 'refuse',
  upgradeOverwritesValues: false,
  policyCoversUndeclaredFiles: false,
  extraFiles: 'accept',
  disabledThings: 'refuse',
  restartLosesValues: true,
  ...defaultScriptSwitches,
};

export const choices: { [K in keyof Switches]: readonly Switches[K][] } = {
  unknownPropertyInUpdate: ['call', 'row'],
  updateNeedsPropertyWrite: [true, false],
  infoTableWithoutDataShape: ['refuse', 'declared'],
  nestedRights: ['callerOrSystem', 'caller', 'unchecked'],
  functionLibrariesForUsers: [true, false],
  appKeyInUrl: ['refuse', 'accept'],
  expiredKeyStatus: [401, 403],
  forbiddenStatus: [403, 401],
  sameVersion: ['refuse', 'warn'],
  upgradeOverwritesValues: [false, true],
  policyCoversUndeclaredFiles: [false, true],
  extraFiles: ['accept', 'refuse'],
  disabledThings: ['refuse', 'accept'],
  restartLosesValues: [true, false],
  passwordInScripts: ['clear', 'encrypted', 'masked'],
  jsonInScripts: ['javaBacked', 'native'],
  rowViews: ['perRow', 'shared'],
  argumentsOfParameterlessServices: ['refuse', 'accept'],
  parameterDefaults: ['ignore', 'apply'],
  languageLevel: ['es6', '1.8', '1.7', 'default'],
  returnAtTheEnd: ['refuse', 'accept'],
  contentLoaderPassword: ['decrypts', 'ciphertext', 'masked', 'clear'],
  decryptPropertyValue: ['missing', 'byRight'],
  contentLoaderStatusKeys: [true, false],
  contentLoaderThrows: [false, true],
  contentLoaderPreemptiveLogin: [false, true],
};

/** Applies changes to `switches`; throws RangeError for an unknown switch or value. */
export function setSwitches(switches: Switches, changes: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(choices, name)) {
      throw new RangeError(`There is no switch ${name}`);
    }
    const allowed: readonly unknown[] = choices[name as keyof Switches];
    if (!allowed.includes(value)) {
      throw new RangeError(`${name} takes ${allowed.map((one) => JSON.stringify(one)).join(', ')}`);
    }
  }
  Object.assign(switches, changes);
}
