import { cancelJob } from './cancel-job.ts';
import { getJob } from './get-job.ts';
import { getJobResults } from './get-job-results.ts';
import { listJobs } from './list-jobs.ts';
import { scheduleMethod } from './schedule-method.ts';
import { scheduleTwinUpdate } from './schedule-twin-update.ts';

/** Work that IoT Hub itself does at many devices. */
export const JOBS = [scheduleTwinUpdate, scheduleMethod, getJob, listJobs, cancelJob, getJobResults];
