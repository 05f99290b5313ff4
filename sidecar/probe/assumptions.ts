/** What the product assumes about ThingWorx or Azure, and what the probe can find out. */
export interface Assumption {
  readonly question: string;
  /** What is assumed, as the probe would find it. */
  readonly assumed: string;
  /** What is known for it. */
  readonly evidence: string;
  /** What follows for the product when something else is found. */
  readonly otherwise: string;
  /** The switch of the ThingWorx emulator that has the other behaviours. */
  readonly emulatorSwitch?: string;
  /** Probed only with --long. */
  readonly long?: true;
}

/** About ThingWorx; the probe has an experiment for each. docs/assumptions.md is made of it. */
export const PLATFORM_ASSUMPTIONS = {
  passwordInScripts: {
    question: 'What does a script read from a PASSWORD property?',
    assumed: 'encrypted',
    evidence: "No public source. PTC's SDK writes the encrypted value in JSON.",
    otherwise:
      'clear: nothing, secrets are handed on as they are. masked: secrets must be in secretReferences, or sidecarTokenText is used.',
    emulatorSwitch: 'passwordInScripts',
  },
  contentLoaderPassword: {
    question:
      'What does another server get when a script passes a PASSWORD to the parameter password of ContentLoaderFunctions?',
    assumed: 'secret',
    evidence: 'Said to work; typings generated from a real server declare the parameter as STRING.',
    otherwise:
      'ciphertext or mask: the token is decrypted by EncryptionServices, or taken from sidecarTokenText; secrets go into secretReferences. CheckConnection says which.',
    emulatorSwitch: 'contentLoaderPassword',
  },
  decryptPropertyValue: {
    question: 'Does EncryptionServices have DecryptPropertyValue?',
    assumed: 'missing',
    evidence: 'Typings generated from a real server do not have it.',
    otherwise:
      'byRight: where PASSWORD values are handed on encrypted, they can be decrypted first; GrantPermissions gives the right.',
    emulatorSwitch: 'decryptPropertyValue',
  },
  contentLoaderStatusKeys: {
    question: 'Do JSON results of ContentLoaderFunctions have responseStatus?',
    assumed: 'true',
    evidence: 'Seen in public code for newer versions.',
    otherwise: 'false: nothing, every answer of the sidecar to a script has status 200 and an envelope.',
    emulatorSwitch: 'contentLoaderStatusKeys',
  },
  contentLoaderThrows: {
    question: 'Does ContentLoaderFunctions throw when the other server answers 404?',
    assumed: 'false',
    evidence: 'Public code checks the result instead of catching an error.',
    otherwise: 'true: nothing, every answer of the sidecar to a script has status 200 and an envelope.',
    emulatorSwitch: 'contentLoaderThrows',
  },
  contentLoaderPreemptiveLogin: {
    question: 'Does ContentLoaderFunctions send user name and password with the first request?',
    assumed: 'false',
    evidence: 'The behaviour of Apache HttpClient 4 without further settings.',
    otherwise: 'true: nothing; one request less for each call.',
    emulatorSwitch: 'contentLoaderPreemptiveLogin',
  },
  jsonInScripts: {
    question: 'Is an array inside a JSON parameter an array to a script?',
    assumed: 'javaBacked',
    evidence:
      'Verified on servers of versions 9.5 to 10.2 by the author of a public tool: Array.isArray is false.',
    otherwise: 'native: nothing, scripts convert JSON values first.',
    emulatorSwitch: 'jsonInScripts',
  },
  rowViews: {
    question: 'Are rows[0] and rows[1] of a table two rows?',
    assumed: 'perRow',
    evidence: 'Users report equal rows after copying in a loop; the cause is not known.',
    otherwise: 'shared: nothing, scripts copy each cell before they read the next row.',
    emulatorSwitch: 'rowViews',
  },
  argumentsOfParameterlessServices: {
    question: 'May a script call me.S({}) for a service without parameters?',
    assumed: 'refuse',
    evidence: 'A public extension reports "Invalid parameter type" for some versions.',
    otherwise: 'accept: nothing, scripts call me.S().',
    emulatorSwitch: 'argumentsOfParameterlessServices',
  },
  parameterDefaults: {
    question: 'Does a script get the declared default of a parameter that the caller left out?',
    assumed: 'ignore',
    evidence: 'No public source.',
    otherwise: 'apply: nothing, scripts fill in the same defaults.',
    emulatorSwitch: 'parameterDefaults',
  },
  languageLevel: {
    question: 'Which language level does the script engine have?',
    assumed: 'es6',
    evidence: 'PTC names Rhino 1.7.11 for versions 8.5 to 9.6, and no level.',
    otherwise: 'Nothing: the scripts are ES5, which every level reads alike.',
    emulatorSwitch: 'languageLevel',
  },
  returnAtTheEnd: {
    question: 'Does a script compile whose last statement is a return?',
    assumed: 'refuse',
    evidence: 'The engine alone refuses it; one public tool saw it work on 9.5 to 10.2.',
    otherwise: 'accept: nothing, no script has one.',
    emulatorSwitch: 'returnAtTheEnd',
  },
  unknownPropertyInUpdate: {
    question: 'What does UpdatePropertyValues do with a row that names an unknown property?',
    assumed: 'call',
    evidence: 'No public source.',
    otherwise: 'row: nothing, ReceiveUpdates looks at the definitions first.',
    emulatorSwitch: 'unknownPropertyInUpdate',
  },
  updateNeedsPropertyWrite: {
    question: 'Does UpdatePropertyValues need PropertyWrite beside ServiceInvoke?',
    assumed: 'true',
    evidence: 'No public source.',
    otherwise: 'false: the group of the sidecar has one right more than it needs.',
    emulatorSwitch: 'updateNeedsPropertyWrite',
  },
  infoTableWithoutDataShape: {
    question: 'Is {rows: [...]} without dataShape taken for an INFOTABLE parameter?',
    assumed: 'refuse',
    evidence: "Measured with PTC's SDK; not known for the server.",
    otherwise: 'declared: nothing, the sidecar always sends dataShape.',
    emulatorSwitch: 'infoTableWithoutDataShape',
  },
  nestedRights: {
    question: 'Whose rights count for a call that a script makes?',
    assumed: 'callerOrSystem',
    evidence: 'Documented by PTC: those of the System user or of the caller.',
    otherwise:
      'caller: administrators and the sidecar have all rights that their services need; the roles below them are refused further in (THINGWORX_FORBIDDEN). unchecked: the rights on services bound what a user can do, and nothing inside them.',
    emulatorSwitch: 'nestedRights',
  },
  functionLibrariesForUsers: {
    question: 'May every user call InfoTableFunctions?',
    assumed: 'true',
    evidence: 'No public source; public extensions grant no such right.',
    otherwise: 'false: GrantPermissions is needed before any service works, and gives the rights.',
    emulatorSwitch: 'functionLibrariesForUsers',
  },
  forbiddenStatus: {
    question: 'Which status has the answer to a missing right?',
    assumed: '403',
    evidence: 'Seen in public code; some versions are said to answer 401.',
    otherwise: '401: nothing, the sidecar tells a missing right from a refused key by the text.',
    emulatorSwitch: 'forbiddenStatus',
  },
  expiredKeyStatus: {
    question: 'Which status has the answer to an expired application key?',
    assumed: '401',
    evidence: 'No public source.',
    otherwise: '403: nothing, both are THINGWORX_UNAUTHORIZED.',
    emulatorSwitch: 'expiredKeyStatus',
  },
  appKeyInUrl: {
    question: 'Is an application key taken from the address?',
    assumed: 'refuse',
    evidence: 'Documented by PTC as discouraged and to be removed.',
    otherwise: 'accept: nothing, the sidecar sends a header.',
    emulatorSwitch: 'appKeyInUrl',
  },
  disabledThings: {
    question: 'Can properties of a disabled Thing be read?',
    assumed: 'refuse',
    evidence: 'No public source; public code enables and restarts a Thing before it uses it.',
    otherwise: 'accept: a disabled device Thing is updated by telemetry, too.',
    emulatorSwitch: 'disabledThings',
  },
  restartLosesValues: {
    question: 'Does RestartThing reset a property that is not persistent?',
    assumed: 'true',
    evidence: 'No public source.',
    otherwise: 'false: nothing; the status is written anew in any case.',
    emulatorSwitch: 'restartLosesValues',
  },
  sameVersion: {
    question: 'What happens when an installed version of an extension is imported again?',
    assumed: 'refuse',
    evidence: 'Public tools report 406, and others 200 with a warning.',
    otherwise: 'warn: nothing, setup does not import an installed version.',
    emulatorSwitch: 'sameVersion',
  },
  upgradeOverwritesValues: {
    question: 'Does an upgrade of an extension set values of its Things back?',
    assumed: 'false',
    evidence: 'No public source.',
    otherwise:
      'true: settings of AzureIoT.Watch must be made again after an upgrade; hub Things are not part of the extension.',
    emulatorSwitch: 'upgradeOverwritesValues',
  },
  policyCoversUndeclaredFiles: {
    question: 'Does the import policy look at files below ui/ that the package does not declare?',
    assumed: 'false',
    evidence: 'A public extension carries such a file, and its readme asks for no further switch.',
    otherwise:
      'true: the zip is imported with --without-sidecar, or with the switches for JavaScript, JSON and CSS on.',
    emulatorSwitch: 'policyCoversUndeclaredFiles',
  },
  extraFiles: {
    question: 'May an extension have files outside Entities, ui and lib?',
    assumed: 'accept',
    evidence: 'Few public packages have such folders.',
    otherwise: 'refuse: nothing, the sidecar lies below ui/.',
    emulatorSwitch: 'extraFiles',
  },
  unsetDatetime: {
    question: 'What is read from a DATETIME property that was never written?',
    assumed: 'nothing',
    evidence: "PTC's SDK leaves unset cells out.",
    otherwise: 'A time: services treat it as a value; HealPropertyTimes and the status show it.',
  },
  equalTimes: {
    question: 'Does a value with the time of the current value replace it?',
    assumed: 'no',
    evidence: 'A public extension for this problem: only newer values change a property since about 8.4.',
    otherwise: 'yes: nothing, values with equal times are given distinct ones.',
  },
  olderTimes: {
    question: 'Does a value with an older time replace the current value?',
    assumed: 'no',
    evidence: 'The same source.',
    otherwise: 'yes: late messages change properties; use a mapping that drops them.',
  },
  scriptTimeLimit: {
    question: 'After how many seconds is a script ended?',
    assumed: '30',
    evidence: 'Documented by PTC as the default of ScriptTimeout since 8.5.',
    otherwise: 'Less: services fail that wait for Azure; raise ScriptTimeout. More: nothing.',
    long: true,
  },
} as const satisfies Record<string, Assumption>;

export type PlatformQuestion = keyof typeof PLATFORM_ASSUMPTIONS;
