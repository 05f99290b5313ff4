import type { ConnectorError } from '../errors/connector-error.ts';
import type { SettingChange } from './difference.ts';
import type { Change, Plan } from './plan.ts';

type State = 'planned' | 'done' | 'failed' | 'not done';

/** What apply-config came to, as --json prints it. */
export interface ApplyReport {
  readonly outcome: 'unchanged' | 'planned' | 'applied' | 'failed';
  readonly document: string;
  readonly thingworx: string;
  readonly changes: readonly (Change & { readonly state: State })[];
  readonly leftAlone: readonly string[];
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    /** Of a document that cannot be used: path, line and message of each problem. */
    readonly problems?: unknown;
  };
}

export function errorOf({ code, message, retryable, details }: ConnectorError): ApplyReport['error'] {
  const problems = details?.['problems'];
  return { code, message, retryable, ...(problems === undefined ? {} : { problems }) };
}

const SIGNS: Readonly<Record<Change['action'], string>> = {
  create: '+',
  add: '+',
  update: '~',
  remove: '-',
  delete: '-',
};
const MAX_VALUE = 160;

/** A change in one line, and a line for each setting. */
export function changeLines({ action, path, member, settings = [] }: Change): string[] {
  const object = member === undefined ? path : `${path}: ${member}`;
  return [
    `${SIGNS[action]} ${action} ${object}`,
    ...settings.map((setting) => `    ${settingLine(setting)}`),
  ];
}

function settingLine(change: SettingChange): string {
  const { setting, before, after } = change;
  if (!('after' in change)) return `${setting}: ${text(before)} is removed`;
  return `${setting}: ${'before' in change ? `${text(before)} -> ` : ''}${text(after)}`;
}

function text(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length > MAX_VALUE ? `${json.slice(0, MAX_VALUE)}... (${json.length} characters)` : json;
}

/** The plan for people. */
export function planLines({ steps, leftAlone }: Plan): string[] {
  const left =
    leftAlone.length === 0
      ? []
      : ['Not in the document, left alone:', ...leftAlone.map((what) => `    ${what}`)];
  return [...steps.flatMap(({ change }) => changeLines(change)), ...left];
}

/** How many changes of each kind there are. */
export function summary({ steps }: Plan): string {
  const count = (...actions: Change['action'][]) =>
    steps.filter(({ change }) => actions.includes(change.action)).length;
  return `${count('create')} to create, ${count('update')} to update, ${count('delete')} to delete; ${count('add')} members to add, ${count('remove')} to remove.`;
}
