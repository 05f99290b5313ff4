import Type, { type Static } from 'typebox';
import type { DeviceJob, Job, Schedule } from '../../azure/iot-hub/jobs.ts';
import { DateTime, EXPECTED_KEYWORD, forThingWorx, OneOf, OneRow } from '../../contract/schema.ts';
import { SplitJobs } from '../../jobs/split-jobs.ts';
import { bothForms } from '../../lib/exact-json.ts';
import { answerMembers } from '../commands/methods.ts';
import type { OperationContext } from '../context.ts';
import { azureTime } from '../device-members.ts';
import { IOT_HUB_ERRORS, TASK_ERRORS } from '../error-groups.ts';

/** Input and output members of the operations on jobs. */

export const jobId = Type.String({
  pattern: "^(?!\\.{1,2}$)[A-Za-z0-9\\-:.+%_#*?!(),=@;$']{1,128}$",
  [EXPECTED_KEYWORD]:
    "1 to 128 letters, digits and any of - : . + % _ # * ? ! ( ) , = @ ; $ ', but not . or .. alone",
  description: 'The id of the job.',
});

export const scheduleMembers = {
  condition: Type.String({
    minLength: 1,
    maxLength: 1_000_000,
    description:
      "Which devices: the part of a twin query after WHERE, such as tags.building = '43' or deviceId IN ['a', 'b']; * for all. A longer list than IoT Hub takes becomes several jobs with one id.",
  }),
  jobId: Type.Optional({ ...jobId, description: 'The id of the job. Empty: an id is generated.' }),
  startTime: Type.Optional(DateTime({ description: 'When it begins. Empty: now.' })),
  maxExecutionSeconds: Type.Optional(
    forThingWorx(
      Type.Integer({
        minimum: 1,
        maximum: 172_800,
        default: 3_600,
        description:
          'The time limit of the job in seconds. The job fails for devices that have not answered by then.',
      }),
      { units: 's' },
    ),
  ),
};

interface ScheduleInput {
  readonly condition: string;
  readonly jobId?: string | undefined;
  readonly startTime?: string | undefined;
  readonly maxExecutionSeconds?: number | undefined;
}

export function scheduleOf({ condition, jobId, startTime, maxExecutionSeconds }: ScheduleInput): Schedule {
  return {
    queryCondition: condition,
    ...(jobId ? { jobId } : {}),
    ...(startTime ? { startTime: new Date(startTime) } : {}),
    ...(maxExecutionSeconds === undefined ? {} : { maxExecutionSeconds }),
  };
}

export const scheduledJob = Type.Object({
  jobId: Type.String({ description: 'The id of the job, for GetJob, GetJobResults and CancelJob.' }),
});

/** Every operation on jobs can give these. */
export const JOB_ERRORS = [...IOT_HUB_ERRORS, ...TASK_ERRORS] as const;
export const SCHEDULE_ERRORS = [...JOB_ERRORS, 'AZURE_CONFLICT', 'TASK_QUEUE_FULL'] as const;

/** The jobs of a hub. */
export async function jobsOf(hubs: OperationContext['hubs'], hub: string): Promise<SplitJobs> {
  const connected = hubs.require(hub);
  return new SplitJobs(connected.tasks, await connected.azure());
}

export const JOB_TYPES = ['scheduleUpdateTwin', 'scheduleDeviceMethod'] as const;
export const JOB_STATUSES = [
  'unknown',
  'enqueued',
  'queued',
  'scheduled',
  'running',
  'completed',
  'failed',
  'cancelled',
] as const;

const count = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }));

const jobFields = {
  jobId: Type.String({ description: 'The id of the job.' }),
  type: Type.String({
    description: 'scheduleUpdateTwin or scheduleDeviceMethod; others are jobs of other tools.',
  }),
  status: Type.String({
    description:
      'scheduled, queued, running, completed (all devices are done, or the time limit is reached), failed or cancelled.',
  }),
  condition: Type.String({
    description: 'The condition that selects the devices; empty for jobs of other kinds.',
  }),
  createdTime: Type.Optional(DateTime({ description: 'When it was requested.' })),
  startTime: Type.Optional(DateTime({ description: 'When it begins or began.' })),
  endTime: Type.Optional(DateTime({ description: 'When it ended.' })),
  deviceCount: count('The number of devices of the job; not set before it runs.'),
  succeededCount: count('Devices for which it succeeded.'),
  failedCount: count('Devices for which it failed.'),
  runningCount: count('Devices for which it is running.'),
  pendingCount: count('Devices that it has not reached yet.'),
  message: Type.String({ description: 'What the hub says about it; may be empty.' }),
};

export const JobDocument = OneRow(
  Type.Object(jobFields, { description: 'The job as the hub shows it.' }),
  'AzureIoT.JobDetail_DS',
);

const token = Type.String({
  description: 'The token for the next page, the same on every row. Empty on the last page.',
});

export const JobRow = Type.Object(
  { ...jobFields, continuationToken: token },
  { description: 'One job of a list.' },
);

export function jobDocument(job: Job): Static<typeof JobDocument> {
  const { deviceCount, succeededCount, failedCount, runningCount, pendingCount } =
    job.deviceJobStatistics ?? {};
  return {
    jobId: job.jobId,
    type: job.type,
    status: job.status,
    condition: job.queryCondition ?? '',
    ...azureTime('createdTime', job.createdTime),
    ...azureTime('startTime', job.startTime),
    ...azureTime('endTime', job.endTime),
    ...defined({ deviceCount, succeededCount, failedCount, runningCount, pendingCount }),
    message: job.failureReason ?? job.statusMessage ?? '',
  };
}

export const JobResultRow = Type.Object(
  {
    deviceId: Type.String({ description: 'The device.' }),
    moduleId: Type.String({ description: 'The module; empty for the device itself.' }),
    status: OneOf(['pending', 'scheduled', 'running', 'completed', 'failed', 'canceled'], {
      description: 'The state of the job for this device.',
    }),
    startTime: Type.Optional(DateTime({ description: 'When it began for this device.' })),
    endTime: Type.Optional(DateTime({ description: 'When it ended for this device.' })),
    methodStatus: Type.Optional(
      Type.Integer({ description: 'The status that the device answered to the method.' }),
    ),
    payload: Type.Optional(answerMembers.payload),
    payloadText: Type.Optional(answerMembers.payloadText),
    errorCode: Type.String({ description: "IoT Hub's code of the error; empty when there was none." }),
    error: Type.String({ description: 'Why it failed, as IoT Hub says; may be empty.' }),
    continuationToken: token,
  },
  { description: 'The result of a job for one device.' },
);

export function jobResultRow(result: DeviceJob, continuationToken: string): Static<typeof JobResultRow> {
  // Null for twin updates.
  const answer = result.outcome?.deviceMethodResponse ?? undefined;
  const payload = answer && bothForms(answer.payload ?? null);
  return {
    deviceId: result.deviceId,
    moduleId: result.moduleId ?? '',
    status: result.status,
    ...azureTime('startTime', result.startTimeUtc),
    ...azureTime('endTime', result.endTimeUtc),
    ...(answer === undefined ? {} : { methodStatus: answer.status }),
    ...(payload === undefined ? {} : { payload: payload.value, payloadText: payload.text }),
    errorCode: result.error?.code ?? '',
    error: result.error?.description ?? '',
    continuationToken,
  };
}

function defined<T extends Record<string, number | undefined>>(numbers: T): { [K in keyof T]?: number } {
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: number;
  };
}
