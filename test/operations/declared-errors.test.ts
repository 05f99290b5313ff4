import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../sidecar/errors/catalogue.ts';
import { COMMON_ERRORS } from '../../sidecar/http/openapi.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import type { Operation } from '../../sidecar/operations/operation.ts';
import { readSources } from '../architecture/imports.ts';
import { CallGraph } from './thrown-codes.ts';

/** Codes that tables make of what Azure answers, by the place from which they are given. */
const TABLES: readonly { readonly reaches: RegExp; readonly codes: readonly ErrorCode[] }[] = [
  {
    reaches: /^sidecar\/(azure\/iot-hub|files|azure\/storage)\b/,
    codes: [
      'AZURE_UNAUTHORIZED',
      'AZURE_UNREACHABLE',
      'CERTIFICATE_UNTRUSTED',
      'PROXY_REFUSED',
      'AZURE_TIMEOUT',
      'AZURE_THROTTLED',
      'AZURE_FAILED',
      'AZURE_REJECTED',
      'AZURE_CANCELLED',
      'AZURE_CONFLICT',
      'PRECONDITION_FAILED',
    ],
  },
  { reaches: /^sidecar\/azure\/iot-hub\//, codes: ['QUOTA_EXCEEDED', 'DEVICE_NOT_FOUND', 'AZURE_NOT_FOUND'] },
  {
    reaches: /^sidecar\/azure\/iot-hub\/direct-methods/,
    codes: ['DEVICE_OFFLINE', 'DEVICE_TIMEOUT', 'DEVICE_RESPONSE_INVALID'],
  },
  { reaches: /^sidecar\/azure\/iot-hub\/cloud-to-device/, codes: ['DEVICE_QUEUE_FULL'] },
];

/** It makes codes of what Azure answers too, whichever call it was. */
const TABLE_FILE = 'sidecar/files/storage-calls.ts';

interface Exception {
  readonly codes: RegExp;
  readonly operations: RegExp;
  readonly because: string;
}

/** Codes that are written where the call graph sees an operation reach them, but that it does not answer. */
const NOT_ANSWERED: readonly Exception[] = [
  {
    codes: /./,
    operations: /^(Connect|Disconnect)$/,
    because: 'what happens while a hub starts and stops becomes its status',
  },
  { codes: /./, operations: /^CheckConnection$/, because: 'each failure is a row of its table' },
  {
    codes: /^(TASK_INTERRUPTED|TASK_NOT_FOUND)$/,
    operations:
      /Task|Import|Migration|ExportThings|CompareRegistry|RefreshTwins|ReplayDeadLetters|IngestBlobs|ReplayEvents|^(ScheduleMethod|ScheduleTwinUpdate|GetJob|ListJobs|GetJobResults|CancelJob)$/,
    because: 'it ends the task, which reports it; a task that was just started is found',
  },
  {
    codes: /^(?!PACKAGE_)/,
    operations: /^(DeployPackage|CancelPackage|ListPackages)$/,
    because: 'the deployment goes on in the background and reports what fails there',
  },
  {
    codes: /^(?!CAMPAIGN_STATE$|STATE_UNAVAILABLE$)/,
    operations: /^(ListCampaigns|GetCampaign|ListCampaignDevices|(Pause|Resume|Cancel|RollBack)Campaign)$/,
    because: 'the campaign goes on in the background and reports what fails there',
  },
  {
    codes: /^(CAMPAIGN_NOT_FOUND$|PACKAGE_|FILE_REPLACED$)/,
    operations: /^StartCampaign$/,
    because: 'the campaign begins in the background',
  },
  {
    codes: /^(AZURE_|CONNECTION_STRING_INVALID$|SETTING_MISSING$|DEVICE_|QUOTA_EXCEEDED$)/,
    operations: /^Defer/,
    because: 'the request is carried out in the background, and the Thing is told what failed there',
  },
  {
    codes:
      /^(FILES_TOO_MANY|FILE_EXISTS|FILE_TOO_LARGE|PRECONDITION_FAILED|UPLOAD_INCOMPLETE|CHECKSUM_MISMATCH|RANGE_NOT_SATISFIABLE)$/,
    operations: /Archive$|^CheckStorage$|^GetFileCheckSum$/,
    because: 'it reads whole files, writes them without a condition, and reads one page of a listing',
  },
  {
    codes: /^FILE_NOT_FOUND$/,
    operations: /^(AppendToText|AppendToTextFile|WriteToTextFile)$/,
    because: 'it creates the file then',
  },
  {
    codes: /^(DEAD_LETTERS_UNAVAILABLE|DEAD_LETTER_UNREADABLE|CONNECTION_STRING_INVALID|PATH_INVALID)$/,
    operations: /^(DeleteFile|ListDirectories|CountDeadLetters|GetDirectoryStructure)$/,
    because: 'a method of the same name of another class throws it',
  },
];

/** Codes that an operation answers although the call graph does not find the place. */
const ALSO_ANSWERED: readonly Exception[] = [
  {
    codes:
      /^(SECRET_UNREADABLE|CONNECTION_STRING_INVALID|SETTING_MISSING|SETTING_INVALID|MAPPINGS_INVALID|PASSWORD_NOT_PASSED)$/,
    operations: /^(Connect|ConnectStorage|PutSecret)$/,
    because: 'settings are applied by a callback of the one-time secret token',
  },
  {
    codes: /^(DEAD_LETTERS_UNAVAILABLE|DEAD_LETTER_UNREADABLE)$/,
    operations: /DeadLetters?$/,
    because: 'the store is an interface with two implementations',
  },
  {
    codes: /^(TASKS|STATE)_UNAVAILABLE$/,
    operations: /^(GetJob|ListJobs|GetJobResults|CancelJob|ListMessageFeedback)$/,
    because: 'what the sidecars of a group share is a store with two implementations',
  },
  {
    codes: /^(SETTING_MISSING|CONNECTION_STRING_INVALID)$/,
    operations: /^RemoveCanary$/,
    because: 'the canary asks for the clients of the hub by a callback',
  },
  {
    codes: /^SETTING_MISSING$/,
    operations: /^StartCampaign$/,
    because: 'campaigns ask for the clients of the hub by a callback',
  },
  {
    codes: /^FILE_CONTENT_INVALID$/,
    operations: /^Load(JSON|Text|XML)$/,
    because: 'a format decodes by a member of its definition',
  },
];

function isIn(exceptions: readonly Exception[], code: string, operation: string): boolean {
  return exceptions.some(({ codes, operations }) => codes.test(code) && operations.test(operation));
}

const sources = readSources('sidecar');

/** What is wrong with the declaration of an operation, in words; none when it is right. */
function problems(graph: CallGraph, { name, errors }: Pick<Operation, 'name' | 'errors'>): string[] {
  const reached = graph.reachedBy(name);
  if (!reached) return ['no definition has this name'];
  const declared = new Set<string>([...COMMON_ERRORS, ...errors]);
  const missing = [...reached.codes]
    .filter(([code, files]) => !declared.has(code) && files.some((file) => file !== TABLE_FILE))
    .filter(([code]) => !isIn(NOT_ANSWERED, code, name));
  const possible = new Set<string>(reached.codes.keys());
  for (const { reaches, codes } of TABLES)
    if ([...reached.files].some((file) => reaches.test(file))) for (const code of codes) possible.add(code);
  const nonsense = errors.filter((code) => !possible.has(code) && !isIn(ALSO_ANSWERED, code, name));
  return [
    ...missing.map(([code, files]) => `${code} of ${files.join(', ')} is not declared`),
    ...nonsense.map((code) => `${code} is declared and nothing throws it`),
  ];
}

describe('the errors that an operation declares', () => {
  const graph = new CallGraph(sources);
  for (const operation of OPERATIONS)
    test(`are those that it can answer: ${operation.name}`, () => {
      assert.deepEqual(problems(graph, operation), []);
    });

  test('are compared with the source: a code in a helper, and a code that nothing throws', () => {
    const text = `
      import { ConnectorError } from '../errors/connector-error.ts';
      function refuse(full: boolean) {
        throw new ConnectorError(full ? 'TASK_QUEUE_FULL' : 'REQUEST_INVALID', 'No.');
      }
      export const probe = defineOperation({ name: 'Probe', path: '/probe', run: async () => refuse(true) });`;
    const file = {
      file: 'sidecar/operations/probe.ts',
      text,
      imports: ['sidecar/errors/connector-error.ts'],
    };
    const graph = new CallGraph([...sources, file]);
    assert.deepEqual(problems(graph, { name: 'Probe', errors: ['TASK_QUEUE_FULL'] }), []);
    assert.deepEqual(problems(graph, { name: 'Probe', errors: ['FILE_EXISTS'] }), [
      'TASK_QUEUE_FULL of sidecar/operations/probe.ts is not declared',
      'FILE_EXISTS is declared and nothing throws it',
    ]);
  });
});
