/** One row of the layer table: rooms that stand side by side and may use only what is below them. */
export interface Layer {
  readonly rooms: readonly string[];
  readonly holds: string;
}

/**
 * The layers of the sidecar, from the top down. A room is a folder or file below sidecar/. A file may import from its own room and from
 * rooms in lower layers, never from the same layer or a higher one. docs/architecture.md draws this table; test/architecture checks it
 * against all imports.
 */
export const LAYERS: readonly Layer[] = [
  { rooms: ['console'], holds: 'the console: pages for the browser, bundled apart from the sidecar' },
  { rooms: ['launcher'], holds: 'the file that Node.js is started with: refuses a Node.js that is too old' },
  { rooms: ['main'], holds: 'what the command line asks for, and the exit code' },
  {
    rooms: ['commands'],
    holds: 'run, with the start and the graceful stop of the sidecar; check; the reading of the command line',
  },
  {
    rooms: ['probe', 'configuration'],
    holds:
      'experiments that find out how a ThingWorx server behaves; the configuration of ThingWorx as a document',
  },
  { rooms: ['setup'], holds: 'the setup of ThingWorx and of this machine' },
  { rooms: ['http'], holds: 'the HTTP server: routes, authentication, validation, OpenAPI' },
  {
    rooms: ['operations'],
    holds: 'what a service on a Thing can ask for, one family of definitions per subject',
  },
  { rooms: ['hub'], holds: 'one hub Thing: its connection, state, partitions and background work' },
  {
    rooms: ['packages', 'uploads', 'deferred', 'canary', 'quota'],
    holds:
      'software packages; files that devices upload; requests of subscriptions; the device that tests the connection; the use of the daily quota',
  },
  {
    rooms: ['ingest'],
    holds: 'the delivery pipeline: lanes, notifications, messages from storage, replays',
  },
  {
    rooms: ['dead-letters', 'import', 'migration', 'jobs', 'files'],
    holds:
      "the dead-letter store; imports and exports; the migration from PTC's connector; jobs that are several jobs in IoT Hub; blob containers as file repositories",
  },
  {
    rooms: ['tasks', 'thingworx', 'azure', 'models'],
    holds:
      'background tasks; the ThingWorx REST client; one adapter per Azure service; models of devices as packages for ThingWorx',
  },
  {
    rooms: ['lib', 'secrets', 'entities'],
    holds:
      'what features share; secrets on their way to the sidecar; entities of ThingWorx as definitions and XML',
  },
  {
    rooms: ['contract', 'observe', 'translate'],
    holds: 'schemas of settings and status; log and metrics; messages into values',
  },
  { rooms: ['settings', 'version'], holds: 'the environment of the process; the version' },
  { rooms: ['errors'], holds: 'the error catalogue' },
];

/** The order of the rooms inside a folder that has an order of its own, from the top down. */
export const INNER_LAYERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  azure: [['event-hubs'], ['iot-hub'], ['storage'], ['.']],
  ingest: [['storage'], ['replay'], ['lanes'], ['notifications'], ['.']],
};
