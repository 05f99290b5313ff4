import { cancelTask } from './cancel-task.ts';
import { getTask } from './get-task.ts';
import { getTaskReport } from './get-task-report.ts';
import { listTasks } from './list-tasks.ts';

/** Long work in the background. */
export const TASKS = [listTasks, getTask, getTaskReport, cancelTask] as const;
