import { ADMINISTRATORS, permitAll, type Thing } from '../../sidecar/entities/model.ts';
import { handWritten } from '../generate/scripts.ts';

/** Looks each minute at every hub Thing: a sidecar that is dead cannot say so itself. */
export const watch: Thing = {
  kind: 'Thing',
  name: 'AzureIoT.Watch',
  description:
    'Looks each minute whether the sidecar of every hub Thing still writes its status; sets connectionStatus to unreachable when not.',
  thingTemplate: 'Timer',
  properties: [],
  services: [
    {
      name: 'WatchHubs',
      category: 'Connection',
      description: 'Looks at every hub Thing now.',
      parameters: [],
      result: { baseType: 'NOTHING', description: '' },
      script: handWritten('WatchHubs'),
    },
  ],
  events: [],
  subscriptions: [
    {
      name: 'WatchEachMinute',
      description: 'Looks at every hub Thing.',
      eventName: 'Timer',
      script: 'me.WatchHubs();',
    },
  ],
  permissions: permitAll(ADMINISTRATORS),
  configurationTables: [
    {
      name: 'Settings',
      description: 'General Settings',
      fields: [
        {
          name: 'enabled',
          baseType: 'BOOLEAN',
          description: 'Automatically enable timer on startup',
          defaultValue: 'true',
        },
        {
          name: 'runAsUser',
          baseType: 'USERNAME',
          description: 'User context in which to run event handlers',
        },
        { name: 'updateRate', baseType: 'NUMBER', description: 'Update rate', defaultValue: '60000.0' },
      ],
      // Without a user the platform runs no handler and says nothing; this one exists on every server.
      row: { enabled: 'true', runAsUser: 'Administrator', updateRate: '60000.0' },
    },
  ],
};
