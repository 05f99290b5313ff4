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
  /**
   * What `password` of ContentLoaderFunctions makes of a PASSWORD value from a script. The typings of a real server declare the parameter
   * as STRING, so it may well be sent to the other server as the script holds it. `decrypts` sends the secret, `ciphertext` the encrypted
   * text, `masked` eight asterisks; `clear` takes text as it is, for a platform where scripts hold the clear text (passwordInScripts:
   * clear). Text in clear is sent as it is in every case.
   */
  contentLoaderPassword: 'decrypts' | 'ciphertext' | 'masked' | 'clear';
  /**
   * DecryptPropertyValue of EncryptionServices. The typings of a real server do not have it: `missing`. With `byRight` it is there for those
   * who have been given ServiceInvoke on it; what the function libraries grant to every user does not cover it.
   */
  decryptPropertyValue: 'missing' | 'byRight';
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
  contentLoaderPassword: 'decrypts',
  decryptPropertyValue: 'missing',
  contentLoaderStatusKeys: true,
  contentLoaderThrows: false,
  contentLoaderPreemptiveLogin: false,
};
