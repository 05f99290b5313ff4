/** A page of the site: its path under docs/ without `.md`, and its name in the sidebar. */
export interface Page {
  readonly page: string;
  readonly text: string;
}

export interface Group {
  readonly text: string;
  readonly pages: readonly Page[];
}

/** The pages of the documentation by what their reader wants. A test checks that each page is here once. */
export const GROUPS: readonly Group[] = [
  {
    text: 'Get started',
    pages: [
      { page: 'index', text: 'Overview' },
      { page: 'tour', text: 'Tour' },
      { page: 'tutorial', text: 'Tutorial' },
      { page: 'azure', text: 'Prepare Azure' },
      { page: 'install', text: 'Install' },
      { page: 'configure', text: 'Configure' },
      { page: 'examples/', text: 'Runnable examples' },
    ],
  },
  {
    text: 'How-to guides',
    pages: [
      { page: 'map-messages', text: 'Map messages to Things' },
      { page: 'devices', text: 'Devices, twins, methods, jobs' },
      { page: 'models', text: 'Device models' },
      { page: 'opc-ua', text: 'OPC UA' },
      { page: 'software-packages', text: 'Software packages' },
      { page: 'files', text: 'Files in Blob Storage' },
      { page: 'storage', text: 'Messages from storage' },
      { page: 'dead-letters', text: 'Dead letters' },
      { page: 'mashups', text: 'Mashups' },
      { page: 'console', text: 'The console' },
    ],
  },
  {
    text: 'Operations',
    pages: [
      { page: 'operate', text: 'Operate' },
      { page: 'configuration-as-code', text: 'Configuration as code' },
      { page: 'scale', text: 'Several sidecars' },
      { page: 'canary', text: 'The canary' },
      { page: 'quota', text: 'The daily quota' },
      { page: 'deploy', text: 'Containers and monitoring' },
      { page: 'sizing', text: 'Sizing' },
      { page: 'performance', text: 'Performance' },
      { page: 'troubleshoot', text: 'Troubleshoot' },
      { page: 'upgrade', text: 'Upgrade and roll back' },
      { page: 'recovery', text: 'Backup and recovery' },
      { page: 'reliability', text: 'Reliability' },
    ],
  },
  {
    text: 'Reference',
    pages: [
      { page: 'services', text: 'Services, properties, events' },
      { page: 'errors', text: 'Errors' },
      { page: 'metrics', text: 'Metrics' },
      { page: 'permissions', text: 'Permissions' },
      { page: 'security', text: 'Security' },
      { page: 'glossary', text: 'Glossary' },
    ],
  },
  {
    text: 'Explanation',
    pages: [
      { page: 'architecture', text: 'Architecture' },
      { page: 'assumptions', text: 'Assumptions' },
    ],
  },
  {
    text: 'Migration',
    pages: [{ page: 'from-ptc', text: "From PTC's connector" }],
  },
];
