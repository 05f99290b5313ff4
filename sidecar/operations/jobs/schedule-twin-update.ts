import Type from 'typebox';
import { JsonObject } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { writable } from '../../translate/sources/twin-view.ts';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { SCHEDULE_ERRORS, scheduledJob, scheduleMembers, scheduleOf } from './job-members.ts';

export const scheduleTwinUpdate = defineOperation({
  name: 'ScheduleTwinUpdate',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  summary: 'Has IoT Hub change the desired properties or tags of many devices, now or at a time.',
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
    if (!desired && !tags) throw new ConnectorError('REQUEST_INVALID', 'desired or tags is required.');
    const patch = {
      ...(desired ? { desired: writable(desired) } : {}),
      ...(tags ? { tags: writable(tags) } : {}),
    };
    const { jobs } = await hubs.require(hub).azure();
    const { jobId } = await jobs.scheduleTwinUpdate(scheduleOf(schedule), patch, withinCall(signal));
    return { jobId };
  },
});
