import Type from 'typebox';
import { forThingWorx } from '../../contract/schema.ts';
import { methodMembers, payloadOf } from '../commands/method-members.ts';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { SCHEDULE_ERRORS, scheduledJob, scheduleMembers, scheduleOf } from './job-members.ts';

export const scheduleMethod = defineOperation({
  name: 'ScheduleMethod',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  summary: 'Has IoT Hub call a direct method of many devices, now or at a time.',
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
    const { jobs } = await hubs.require(hub).azure();
    const call = {
      methodName,
      payload: payloadOf({ payload, payloadText }),
      ...(responseTimeoutSeconds === undefined ? {} : { responseTimeoutSeconds }),
      ...(connectTimeoutSeconds === undefined ? {} : { connectTimeoutSeconds }),
    };
    const { jobId } = await jobs.scheduleMethod(scheduleOf(schedule), call, withinCall(signal));
    return { jobId };
  },
});
