import { homedir } from 'node:os';
import path from 'node:path';
import { parseAddress, parseIotHub, parseStorage } from '../azure/connection-string.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { type GivenOptions, optionValues } from '../lib/command-options.ts';
import { defaultStateDirectory } from '../settings.ts';
import type { ThingworxLogin } from '../thingworx/client.ts';
import { askAddress, askKeyOrLogin, askRequired } from './login.ts';
import { SETUP_OPTIONS } from './options.ts';
import type { Questions } from './questions.ts';

/** A secret of the hub Thing: kept in ThingWorx as a PASSWORD, or a reference that the sidecar resolves. */
interface HubSecret {
  readonly name: 'iotHubConnectionString' | 'storageConnectionString';
  readonly value: string;
  readonly isReference: boolean;
}

/** Everything that setup needs to know. */
export interface Answers {
  readonly thingworxUrl: string;
  readonly login: ThingworxLogin;
  readonly secrets: readonly HubSecret[];
  /** Settings of the hub Thing that are no secrets. */
  readonly hubSettings: Readonly<Record<string, string>>;
  readonly hubThing: string;
  readonly zip: string | undefined;
  readonly user: string;
  readonly keyDays: number;
  readonly sidecarUrl: URL;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly directory: string;
  readonly stateDirectory: string;
  /** Undefined: no service is installed. `root` is where an image is built; undefined on the running system. */
  readonly systemd: { readonly root: string | undefined } | undefined;
  readonly check: boolean;
  readonly dryRun: boolean;
  readonly undo: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;
type OptionName = keyof typeof SETUP_OPTIONS;

/**
 * Collects the answers from options, environment and, where somebody is there, questions.
 * @throws ConnectorError SETTING_MISSING that names the option and the variable, SETTING_INVALID, CONNECTION_STRING_INVALID
 */
export async function collectAnswers(
  options: GivenOptions,
  environment: Environment,
  questions: Questions,
): Promise<Answers> {
  const given = optionValues(SETUP_OPTIONS, options, environment);
  const undo = options['undo'] === true;
  const systemd = options['systemd'] ? { root: given('root') } : undefined;
  if (!systemd && given('root')) throw invalid('--root goes with --systemd.');
  const thingworxUrl = await askAddress(given('thingworx-url'), questions);
  const login = await askKeyOrLogin(given, environment, questions);
  const hubThing = given('hub-thing') ?? 'IoTHub';
  requireName('--hub-thing', hubThing);
  const user = given('user') ?? 'azure-iot-sidecar';
  requireName('--user', user);
  return {
    thingworxUrl,
    login,
    secrets: undo ? [] : await readSecrets(given, environment, questions),
    hubSettings: {
      ...(given('host-name') ? { hostName: hostName(given('host-name') as string) } : {}),
      ...(given('consumer-group') ? { consumerGroup: given('consumer-group') as string } : {}),
    },
    hubThing,
    zip: given('zip'),
    user,
    keyDays: wholeDays(given('key-days') ?? '1825'),
    ...(await readSidecar(given)),
    ...directories(given, environment, systemd),
    systemd,
    check: options['no-check'] !== true && systemd?.root === undefined,
    dryRun: options['dry-run'] === true,
    undo,
  };
}

type Given = (name: OptionName) => string | undefined;

async function readSecrets(
  given: Given,
  environment: Environment,
  questions: Questions,
): Promise<HubSecret[]> {
  const hub = given('iothub') ?? environment['AZURE_IOTHUB_CONNECTION_STRING'];
  const storage = given('storage') ?? environment['AZURE_STORAGE_CONNECTION_STRING'];
  refuseSecretOption('--iothub', given('iothub'), 'AZURE_IOTHUB_CONNECTION_STRING');
  refuseSecretOption('--storage', given('storage'), 'AZURE_STORAGE_CONNECTION_STRING');
  const secrets: HubSecret[] = [];
  if (hub !== undefined || given('host-name') === undefined) {
    const value =
      hub ??
      (await askRequired(
        questions,
        'Connection string of the IoT Hub, or a reference env:NAME or file:/path',
        '--iothub, --host-name or AZURE_IOTHUB_CONNECTION_STRING',
        { secret: true },
      ));
    const secret = hubSecret('iotHubConnectionString', value);
    if (!secret.isReference) parseIotHub(secret.value);
    secrets.push(secret);
  }
  const answer =
    storage ??
    (questions.canAsk
      ? await questions.ask('Connection string of the storage account for checkpoints, or nothing', {
          secret: true,
        })
      : '');
  if (answer !== '') {
    const secret = hubSecret('storageConnectionString', answer);
    if (!secret.isReference && !/^https?:/i.test(secret.value)) parseStorage(secret.value);
    secrets.push(secret);
  }
  return secrets;
}

function hubSecret(name: HubSecret['name'], text: string): HubSecret {
  const value = text.trim();
  return { name, value, isReference: /^(env|file):./.test(value) };
}

function refuseSecretOption(option: string, value: string | undefined, variable: string): void {
  if (value === undefined || /^(env|file):./.test(value)) return;
  throw invalid(
    `${option} must be env:NAME or file:/path: every user of this machine can read a secret on the command line. Set ${variable} instead.`,
  );
}

function hostName(text: string): string {
  parseAddress(text, 'the host name', '--host-name');
  return text;
}

async function readSidecar(given: Given): Promise<Pick<Answers, 'sidecarUrl' | 'tls'>> {
  const text = given('sidecar-url') ?? 'http://127.0.0.1:8780';
  let sidecarUrl: URL;
  try {
    sidecarUrl = new URL(text);
  } catch (cause) {
    throw new ConnectorError(
      'SETTING_INVALID',
      '--sidecar-url is not an address; expected one such as http://127.0.0.1:8780.',
      { cause },
    );
  }
  const cert = given('tls-cert-file');
  const key = given('tls-key-file');
  if ((cert === undefined) !== (key === undefined))
    throw invalid('--tls-cert-file and --tls-key-file go together; expected both or none.');
  if ((sidecarUrl.protocol === 'https:') !== (cert !== undefined))
    throw invalid(
      '--sidecar-url begins with https: if and only if --tls-cert-file and --tls-key-file are given.',
    );
  const tls =
    cert !== undefined && key !== undefined
      ? { cert: path.resolve(cert), key: path.resolve(key) }
      : undefined;
  return { sidecarUrl, tls };
}

function directories(
  given: Given,
  environment: Environment,
  systemd: Answers['systemd'],
): Pick<Answers, 'directory' | 'stateDirectory'> {
  if (systemd) {
    const below = (folder: string) => path.join(systemd.root ?? '/', folder);
    return {
      directory: given('directory') ?? below('etc/azure-iot-sidecar'),
      stateDirectory: below('var/lib/azure-iot-sidecar'),
    };
  }
  const configuration =
    environment['XDG_CONFIG_HOME'] ?? environment['ProgramData'] ?? path.join(homedir(), '.config');
  return {
    directory: path.resolve(given('directory') ?? path.join(configuration, 'azure-iot-sidecar')),
    stateDirectory: path.resolve(given('state-directory') ?? defaultStateDirectory(environment)),
  };
}

/** Names go into the addresses of REST calls and into file names of ThingWorx. */
function requireName(option: string, name: string): void {
  if (!/^[\p{L}\p{N}_.-]{1,200}$/u.test(name))
    throw invalid(`${option} is "${name}"; expected letters, digits, dots, hyphens and underscores.`);
}

function wholeDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days;
  throw invalid(`--key-days is "${text}"; expected a whole number from 1 to 36500.`);
}

function invalid(message: string): ConnectorError {
  return new ConnectorError('SETTING_INVALID', message);
}
