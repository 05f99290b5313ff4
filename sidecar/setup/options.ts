import type { OptionDefinitions } from '../lib/command-options.ts';
import { LOGIN_OPTIONS } from './login.ts';

/** What setup takes on the command line. Secrets are taken from the environment, from files and from the keyboard: every user of the machine can read command lines. */
export const SETUP_OPTIONS = {
  ...LOGIN_OPTIONS,
  iothub: {
    value: 'REFERENCE',
    description:
      'Where the sidecar finds the connection string of the IoT Hub: env:NAME or file:/path. The string itself, to be kept in ThingWorx, is asked for, or taken from AZURE_IOTHUB_CONNECTION_STRING.',
  },
  'host-name': {
    value: 'HOST',
    description: 'Host name of the IoT Hub for Microsoft Entra ID, instead of a connection string.',
  },
  storage: {
    value: 'REFERENCE',
    description:
      'Where the sidecar finds the connection string of the storage account for checkpoints: env:NAME or file:/path. The string itself is taken from AZURE_STORAGE_CONNECTION_STRING. Optional.',
  },
  'consumer-group': { value: 'NAME', description: 'Consumer group of the built-in endpoint ($Default).' },
  'hub-thing': { value: 'NAME', description: 'Name of the hub Thing (IoTHub).' },
  zip: {
    value: 'FILE',
    description:
      'The zip of the extension. Needed when ThingWorx does not have the extension, and looked for in this folder.',
  },
  user: {
    value: 'NAME',
    description: 'Name of the user and of the application key of the sidecar (azure-iot-sidecar).',
  },
  'key-days': { value: 'DAYS', description: 'Days until the application key expires (1825).' },
  'sidecar-url': {
    value: 'URL',
    description: 'Address at which ThingWorx reaches the sidecar (http://127.0.0.1:8780).',
  },
  'tls-cert-file': {
    value: 'FILE',
    description: 'Certificate of the sidecar (PEM), when sidecar-url is not on this machine alone.',
    environment: 'SIDECAR_TLS_CERT_FILE',
  },
  'tls-key-file': {
    value: 'FILE',
    description: 'Key of the certificate (PEM).',
    environment: 'SIDECAR_TLS_KEY_FILE',
  },
  directory: {
    value: 'DIR',
    description:
      'Folder for the settings of the sidecar (~/.config/azure-iot-sidecar; with --systemd /etc/azure-iot-sidecar).',
  },
  'state-directory': {
    value: 'DIR',
    description: 'State directory of the sidecar; with --systemd always /var/lib/azure-iot-sidecar.',
    environment: 'SIDECAR_STATE_DIR',
  },
  systemd: { description: 'Also installs the sidecar as a service of systemd and starts it. Needs root.' },
  root: {
    value: 'DIR',
    description: 'With --systemd: installs the service below DIR, as for an image, and starts nothing.',
  },
  'no-check': { description: 'Does not call CheckConnection at the end.' },
  'dry-run': { description: 'Says what would be done, and changes nothing.' },
  undo: { description: 'Removes what setup made, in reverse order.' },
} as const satisfies OptionDefinitions;
