import { readFile } from 'node:fs/promises';
import { ConnectorError } from '../errors/connector-error.ts';
import { systemCode } from '../lib/files.ts';
import { platformUrl } from '../settings.ts';
import type { ThingworxLogin } from '../thingworx/client.ts';
import type { Questions } from './questions.ts';

/** The option that gives the address of ThingWorx. */
export const ADDRESS_OPTION = {
  value: 'URL',
  description: 'Address of ThingWorx, such as https://host/Thingworx.',
  environment: 'THINGWORX_URL',
} as const;

/** The options that every command takes which calls ThingWorx as an administrator. */
export const LOGIN_OPTIONS = {
  'thingworx-url': ADDRESS_OPTION,
  administrator: {
    value: 'NAME',
    description:
      'Administrator of ThingWorx. The password is asked for, or taken from THINGWORX_ADMINISTRATOR_PASSWORD.',
    environment: 'THINGWORX_ADMINISTRATOR',
  },
  'administrator-key-file': {
    value: 'FILE',
    description:
      'File with an application key of an administrator, instead of name and password. The key itself is taken from THINGWORX_ADMINISTRATOR_KEY.',
    environment: 'THINGWORX_ADMINISTRATOR_KEY_FILE',
  },
} as const;

const KEY = 'THINGWORX_ADMINISTRATOR_KEY';
const PASSWORD = 'THINGWORX_ADMINISTRATOR_PASSWORD';

/** The address of ThingWorx: the given one, else what somebody answers. */
export async function askAddress(given: string | undefined, questions: Questions): Promise<string> {
  return platformUrl(
    given ??
      (await askRequired(
        questions,
        'Address of ThingWorx, such as https://host/Thingworx',
        '--thingworx-url or THINGWORX_URL',
      )),
  );
}

/** The application key of an administrator if one is given, else name and password. */
export async function askKeyOrLogin(
  given: (name: 'administrator' | 'administrator-key-file') => string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  questions: Questions,
): Promise<ThingworxLogin> {
  const file = given('administrator-key-file');
  if (file !== undefined) return { appKey: await firstLine(file, '--administrator-key-file') };
  const key = environment[KEY]?.trim();
  return key ? { appKey: key } : askLogin(given('administrator'), environment, questions);
}

/** The login of an administrator. Used for this run alone, and written nowhere. */
export async function askLogin(
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  questions: Questions,
): Promise<{ readonly user: string; readonly password: string }> {
  const user =
    given ??
    (await askRequired(
      questions,
      'Name of an administrator of ThingWorx',
      '--administrator or THINGWORX_ADMINISTRATOR',
    ));
  const file = environment[`${PASSWORD}_FILE`];
  const password =
    environment[PASSWORD] ??
    (file ? await firstLine(file, `${PASSWORD}_FILE`) : undefined) ??
    (await askRequired(questions, `Password of ${user}`, `${PASSWORD} or ${PASSWORD}_FILE`, {
      secret: true,
    }));
  return { user, password };
}

/** @throws ConnectorError SETTING_MISSING that names how else the answer can be given, when nobody is there to answer */
export async function askRequired(
  questions: Questions,
  question: string,
  names: string,
  options: { secret?: boolean } = {},
): Promise<string> {
  const answer = questions.canAsk ? await questions.ask(question, options) : '';
  if (answer !== '') return answer;
  throw new ConnectorError('SETTING_MISSING', `${names} is not given; expected: ${question}.`);
}

/** The first line of a file with a secret. */
async function firstLine(file: string, name: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `${name}: the file ${file} cannot be read (${systemCode(cause)}).`,
      {
        cause,
      },
    );
  }
  const line = (text.split(/\r?\n/)[0] ?? '').trim();
  if (line === '')
    throw new ConnectorError('SETTING_INVALID', `${name}: the first line of ${file} is empty.`);
  return line;
}
