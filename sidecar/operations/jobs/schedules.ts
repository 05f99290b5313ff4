import Type from 'typebox';
import { forThingWorx, JsonObject } from '../../contract/schema.ts';
import { writable } from '../../translate/sources/twin-view.ts';
import { methodMembers, payloadOf } from '../commands/methods.ts';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { checkPatch } from '../twins/twins.ts';
import { jobsOf, SCHEDULE_ERRORS, scheduledJob, scheduleMembers, scheduleOf } from './job-members.ts';

const scheduleMethod = defineOperation({
  name: 'ScheduleMethod',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  role: 'engineer',
  summary: 'Creates a job in which IoT Hub calls a direct method of many devices, now or at a given time.',
  method: 'POST',
  path: '/hubs/{hub}/jobs/methods',
  input: Type.Object({
    hub,
    ...scheduleMembers,
    ...methodMembers,
    responseTimeoutSeconds: Type.Optional(
      forThingWorx(
        Type.Integer({
          minimum: 5,
          maximum: 300,
          default: 30,
          description: 'How long a device may take to answer.',
        }),
        { units: 's' },
      ),
    ),
    connectTimeoutSeconds: Type.Optional(
      forThingWorx(
        Type.Integer({
          minimum: 0,
          maximum: 300,
          default: 0,
          description: 'How long IoT Hub waits for a device that is not connected.',
        }),
        { units: 's' },
      ),
    ),
  }),
  output: scheduledJob,
  result: 'jobId',
  errors: SCHEDULE_ERRORS,
  async run({ hubs, signal }, input) {
    const { hub, methodName, payload, payloadText, ...rest } = input;
    const { responseTimeoutSeconds, connectTimeoutSeconds, ...schedule } = rest;
    const method = {
      methodName,
      payload: payloadOf({ payload, payloadText }),
      ...(responseTimeoutSeconds === undefined ? {} : { responseTimeoutSeconds }),
      ...(connectTimeoutSeconds === undefined ? {} : { connectTimeoutSeconds }),
    };
    const jobs = await jobsOf(hubs, hub);
    return { jobId: await jobs.schedule(scheduleOf(schedule), { method }, withinCall(signal)) };
  },
});

const scheduleTwinUpdate = defineOperation({
  name: 'ScheduleTwinUpdate',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  role: 'engineer',
  summary:
    'Creates a job in which IoT Hub changes desired properties or tags of many devices, now or at a given time.',
  method: 'POST',
  path: '/hubs/{hub}/jobs/twin-updates',
  input: Type.Object({
    hub,
    ...scheduleMembers,
    desired: Type.Optional(
      JsonObject({ description: 'Desired properties to merge in; a member that is null is removed.' }),
    ),
    tags: Type.Optional(JsonObject({ description: 'Tags to merge in; a member that is null is removed.' })),
  }),
  output: scheduledJob,
  result: 'jobId',
  errors: SCHEDULE_ERRORS,
  async run({ hubs, signal }, { hub, desired, tags, ...schedule }) {
    checkPatch(desired, tags);
    const patch = {
      ...(desired ? { desired: writable(desired) } : {}),
      ...(tags ? { tags: writable(tags) } : {}),
    };
    const jobs = await jobsOf(hubs, hub);
    return { jobId: await jobs.schedule(scheduleOf(schedule), { patch }, withinCall(signal)) };
  },
});

/** Starting jobs on many devices. */
export const SCHEDULES = [scheduleMethod, scheduleTwinUpdate] as const;
