import type { Problems } from './problems.ts';

/** The shape of the extension that every Thing of a model implements. */
export const MODEL_SHAPE = 'AzureIoT.Model_TS';

/**
 * Names that a script cannot have as variables, or that the scripts and ThingWorx use themselves. Members of a model that have one of them get a
 * name of their own.
 */
const SCRIPT_WORDS: ReadonlySet<string> = new Set(
  (
    'abstract arguments boolean break byte case catch char class const continue debugger default delete do double else enum eval export ' +
    'extends false final finally float for function goto if implements import in instanceof int interface let long native new null package ' +
    'private protected public return short static super switch synchronized this throw throws transient true try typeof undefined var void ' +
    'volatile while with yield answer result me logger eventData event Things ThingTemplates ThingShapes DataShapes Resources Subsystems ' +
    'Users Groups Organizations Mashups Networks ApplicationKeys Array Boolean Date Error JSON Math Number Object RegExp String ' +
    'constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf'
  ).split(' '),
);

/** Properties, services and events that every Thing of the platform has. */
const PLATFORM_MEMBERS =
  'name description tags thingTemplate homeMashup avatar projectName identifier published enabled valueStream ' +
  'isSystemObject lastModifiedDate documentationContent DataChange AnyDataChange ThingStart ThingStop Alert ' +
  'AddDynamicSubscription AddEventDefinition AddPropertyDefinition AddServiceDefinition AddTags BrowseDirect ' +
  'CheckPermission CopyPropertyHistory DeleteConfigurationTable DisableSubscription DisableThing EnableSubscription ' +
  'EnableThing Export GetConfigurationTable GetDescription GetHomeMashup GetIdentifier GetMetadata GetMetadataAsJSON ' +
  'GetNamedPropertyValues GetPropertyDefinition GetPropertyDefinitions GetPropertyQuality GetPropertyTime GetPropertyValues ' +
  'GetPropertyValuesVTQ GetServiceDefinitions GetSubscriptions GetTags GetThingTemplate GetValueStream HasProperty ' +
  'ImplementsShape IsDerivedFromTemplate IsEnabled Move PurgeAllPropertyHistory PurgePropertyHistory ' +
  'QueryNamedPropertyHistory QueryPropertyHistory RemovePropertyDefinition RemoveTags RestartThing SaveConfigurationTables ' +
  'SetConfigurationTable SetDescription SetIdentifier SetPropertyValues SetTags SetValueStream UpdatePropertyValues ' +
  'WritePropertiesToStream';

/** Properties, services and events of the shapes of the extension that devices have. A test compares them with the shapes. */
const EXTENSION_MEMBERS =
  'deviceId hubThing twinDesired twinReported twinTags modelId connectionState lastActivityTime softwarePackages ' +
  'connectionSequence commandTimeoutSeconds connectTimeoutSeconds receivedValues modulesStatus modulesStatusTime ' +
  'publisherModuleId serverUserName serverPassword nodeBindings InvokeMethod SendMessage ListMessageFeedback SendProperties PurgeMessages GetTwin UpdateTwin ReplaceTwin DeployPackage ' +
  'CancelPackage SendFileToDevice SynchronizeTwin RefreshTwin RefreshTwinInBackground HealPropertyTimes CallCommand ' +
  'CallCommandForTable WriteProperty WriteByMethod ReceiveTwin ListModules GetModulesStatus SetModules PingEdgeAgent ' +
  'RestartModule GetModuleLogs RefreshModulesStatus PublishNodes UnpublishNodes UnpublishAllNodes GetConfiguredEndpoints ' +
  'GetConfiguredNodes GetDiagnosticInfo Browse ReadValue WriteValue FindNodes BindNodes UnbindNodes ListBindings WriteNode NodeWriteFailed DeviceConnectionChanged TwinChanged TwinUpdateRefused ' +
  'OtherNotification DigitalTwinChanged MessageFeedback FileUploaded PackageChanged PropertyWriteFailed';

/** Names that members of a Thing have already. */
export const TAKEN_NAMES: ReadonlySet<string> = new Set(
  `${PLATFORM_MEMBERS} ${EXTENSION_MEMBERS}`.split(' '),
);

/** Gives members of one Thing their names, each once. */
export class MemberNames {
  readonly #problems: Problems;
  readonly #place: string;
  readonly #given = new Set<string>();
  /** Names that members get beside others of the model. */
  readonly #reserved: ReadonlySet<string>;

  constructor(problems: Problems, place: string, reserved: ReadonlySet<string>) {
    this.#problems = problems;
    this.#place = place;
    this.#reserved = reserved;
  }

  /** The name of a property, service or event of the model that is to be called `wanted`. */
  give(wanted: string): string {
    return this.#first(wanted, (name) => this.#reserved.has(name));
  }

  /** The name of a member that the package adds. */
  giveReserved(wanted: string): string {
    return this.#first(wanted, () => false);
  }

  #first(wanted: string, isReserved: (name: string) => boolean): string {
    let name = wanted;
    while (this.#given.has(name) || TAKEN_NAMES.has(name) || isReserved(name)) name = `${name}_`;
    this.#given.add(name);
    if (name !== wanted)
      this.#problems.note(
        this.#place,
        `The name ${wanted} is taken on Things; in the package it is ${name}.`,
      );
    return name;
  }
}

/** The name of a parameter; one that scripts cannot have gets an underscore. */
export function parameterName(wanted: string): string {
  return SCRIPT_WORDS.has(wanted) ? `${wanted}_` : wanted;
}
