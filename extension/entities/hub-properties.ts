import {
  HubSettings,
  SECRET_NAMES,
  SETTING_NAMES,
  type SettingName,
  settingFacts,
} from '../../sidecar/contract/hub-settings.ts';
import { baseTypeOf, factsOf } from '../../sidecar/contract/schema.ts';
import { INNER_CATEGORY, type PropertyDefinition } from '../../sidecar/entities/model.ts';
import { fieldOf } from '../generate/services.ts';

const STATUS = 'Status';

/** As many partitions as an IoT Hub can have; each has a property of its own, because lanes call at the same time. */
export const MARKED_PARTITIONS = 32;

function settingProperty(name: SettingName): PropertyDefinition {
  const schema = HubSettings.properties[name];
  const facts = factsOf(schema);
  const { minimum, maximum } = facts;
  const { initialValue } = settingFacts(name);
  return {
    ...fieldOf(name, schema),
    category: settingFacts(name).category,
    isPersistent: true,
    ...(initialValue === undefined ? {} : { defaultValue: initialValue }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  };
}

export const settingProperties: readonly PropertyDefinition[] = SETTING_NAMES.map(settingProperty);

/** What Connect reads and sends in its body, with the base type that says how. */
export const settingConstants = {
  HUB_SETTINGS: SETTING_NAMES.filter((name) => settingFacts(name).secret !== true).map((name) => ({
    name,
    baseType: baseTypeOf(HubSettings.properties[name]),
  })),
  HUB_SECRETS: [...SECRET_NAMES],
};

function status(
  name: string,
  baseType: PropertyDefinition['baseType'],
  description: string,
  more: Partial<PropertyDefinition> = {},
): PropertyDefinition {
  return { name, baseType, description, category: STATUS, ...more };
}

/** Written by ReceiveStatus alone; no subscription listens to them. */
export const statusProperties: readonly PropertyDefinition[] = [
  status(
    'connectionStatus',
    'STRING',
    'The state of the connection: stopped, connecting, running, waiting (the sidecar retries), failed (someone must change ' +
      'something first), or unreachable (the sidecar does not answer).',
    { defaultValue: 'stopped' },
  ),
  status('lastError', 'STRING', 'What is wrong at present, as CODE: text; empty when nothing is.'),
  status(
    'recentErrors',
    'INFOTABLE',
    'The last twenty errors, what to do about each, and when each was over.',
    {
      dataShape: 'AzureIoT.RecentError_DS',
      isPersistent: true,
    },
  ),
  status(
    'lastErrorCode',
    'STRING',
    'The code of the last error; the documentation says what to do for each.',
  ),
  status('lastErrorTime', 'DATETIME', 'When the last error happened.'),
  status(
    'ingestionStalled',
    'BOOLEAN',
    'Whether messages wait and none has been settled for 30 seconds or more.',
    {
      isPersistent: true,
    },
  ),
  status('stalledSince', 'DATETIME', 'When ingestion last stalled.', { isPersistent: true }),
  status('statusTime', 'DATETIME', 'When these status properties were written.'),
  status('connectedSince', 'DATETIME', 'When the hub was connected; the counts begin at this time.'),
  status('messagesReceived', 'LONG', 'Messages received from Azure.'),
  status('messagesDelivered', 'LONG', 'Messages that ThingWorx has accepted.'),
  status('messagesIgnored', 'LONG', 'Messages ignored as the settings say.'),
  status(
    'messagesDeadLettered',
    'LONG',
    'Messages that could not be delivered and are in the dead-letter store.',
  ),
  status('messagesInFlight', 'LONG', 'Messages received and not yet settled.'),
  status(
    'messagesRepeated',
    'LONG',
    'Messages that ThingWorx had already applied, counted also as delivered.',
  ),
  status('ratePerSecond', 'NUMBER', 'Messages delivered each second, over the last minute.', {
    units: '1/s',
  }),
  status('lag', 'LONG', 'Messages in all partitions that are not yet settled.'),
  status('partitionStatus', 'INFOTABLE', 'Owner, position and lag of each partition.', {
    dataShape: 'AzureIoT.Partition_DS',
  }),
  status(
    'sidecars',
    'INFOTABLE',
    'The sidecars of this hub, each with its address, state, share and lease.',
    {
      dataShape: 'AzureIoT.GroupMember_DS',
    },
  ),
  status('sidecarVersion', 'STRING', 'The version of the sidecar that serves this hub.'),
];

/**
 * High-water marks, "<stream>:<sequence number>", written by ReceiveUpdates at the end of each call. They are not read-only: nothing that is
 * published says whether a script may write a read-only property, and a mark that cannot be written would apply repeats again.
 */
export const partitionProperties: readonly PropertyDefinition[] = [
  ...marks('partition', 'values'),
  ...marks('events', 'events'),
  ...eachPartition((digits) => ({
    name: `writer${digits}`,
    baseType: 'STRING',
    description: `Who may write the values of partition ${Number(digits)}, "<stream>:<writer>". Not to be edited.`,
    category: INNER_CATEGORY,
    dataChangeType: 'NEVER',
  })),
  ...eachPartition((digits) => ({
    name: `call${digits}`,
    baseType: 'STRING',
    description: `The call that writes values of partition ${Number(digits)} now, with the time of its begin. Not to be edited.`,
    category: INNER_CATEGORY,
    dataChangeType: 'NEVER',
  })),
];

/** ReceiveUpdates and ReceiveEvents are called one after the other for the same messages, so each has its own mark. */
function marks(name: string, what: string): PropertyDefinition[] {
  return eachPartition((digits) => ({
    name: `${name}${digits}`,
    baseType: 'STRING',
    description: `How far the ${what} of partition ${Number(digits)} have been applied. Used to drop repeats; not to be edited.`,
    category: INNER_CATEGORY,
    isPersistent: true,
    dataChangeType: 'NEVER',
  }));
}

function eachPartition(definition: (digits: string) => PropertyDefinition): PropertyDefinition[] {
  return Array.from({ length: MARKED_PARTITIONS }, (_, partition) =>
    definition(String(partition).padStart(2, '0')),
  );
}
