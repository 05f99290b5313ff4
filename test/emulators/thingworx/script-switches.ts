import { defaultLanguageRules, type LanguageRules } from './script/language-levels.ts';

/**
 * Behaviour of the script side that public sources leave open or that differs between versions. The engine reads the
 * object at the start of each execution, ContentLoaderFunctions at each call, so it may change while the emulator runs.
 */
export interface ScriptSwitches extends LanguageRules {
  /** What a script reads from a PASSWORD. Passed on to a PASSWORD parameter, each form stands for the secret itself. */
  passwordInScripts: 'clear' | 'encrypted' | 'masked';
  /**
   * Arrays inside JSON parameters, properties and results: `javaBacked` ones have indexes and a length, but
   * Array.isArray is false and the array methods are missing.
   */
  jsonInScripts: 'javaBacked' | 'native';
  /** `table.rows[i]`: a view of its own for each row, or one view that every access moves to another row. */
  rowViews: 'perRow' | 'shared';
  /** `me.S({})` for a service without parameters: some versions answer "Invalid parameter type". */
  argumentsOfParameterlessServices: 'refuse' | 'accept';
  /** Whether the declared default of an absent parameter is filled in before a script service runs. */
  parameterDefaults: 'ignore' | 'apply';
  /** ContentLoaderFunctions: whether JSON results carry responseHeaders and responseStatus beside headers. */
  contentLoaderStatusKeys: boolean;
  /** ContentLoaderFunctions: whether a non-2xx answer throws. */
  contentLoaderThrows: boolean;
  /** ContentLoaderFunctions: whether username and password are sent at once, or only after a 401 with a challenge. */
  contentLoaderPreemptiveLogin: boolean;
}

export const defaultScriptSwitches: Readonly<ScriptSwitches> = {
  passwordInScripts: 'encrypted',
  jsonInScripts: 'javaBacked',
  rowViews: 'perRow',
  argumentsOfParameterlessServices: 'refuse',
  parameterDefaults: 'ignore',
  ...defaultLanguageRules,
  contentLoaderStatusKeys: true,
  contentLoaderThrows: false,
  contentLoaderPreemptiveLogin: false,
};
