import { cancelJob, getJob, getJobResults, listJobs } from './jobs.ts';
import { scheduleMethod, scheduleTwinUpdate } from './schedules.ts';

/** Work that IoT Hub itself does at many devices. */
export const JOBS = [scheduleTwinUpdate, scheduleMethod, getJob, listJobs, cancelJob, getJobResults];
