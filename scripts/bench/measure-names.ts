/** The measures that run unless the command line names others, in their order. */
export const USUAL_MEASURES = [
  'drain',
  'backlog',
  'slow',
  'shapes',
  'things',
  'partitions',
  'letters',
  'tasks',
  'latency',
  'start',
  'takeover',
  'idle',
] as const;

/** Those that run only when they are named. */
export const OTHER_MEASURES = ['receivers', 'group', 'emulator', 'import', 'files', 'containers'] as const;

export type MeasureName = (typeof USUAL_MEASURES | typeof OTHER_MEASURES)[number];
