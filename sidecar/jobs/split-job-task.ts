import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { Job } from '../azure/iot-hub/jobs.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Log } from '../observe/log.ts';
import { persist, type RunningTask, type TaskKind } from '../tasks/task.ts';
import { type JobContent, readContent, schedule } from './job-content.ts';

/** What a job of several parts is to do; kept on disk. */
export interface SplitJobInput {
  readonly jobId: string;
  /** One for each part. */
  readonly conditions: readonly string[];
  /** ISO 8601. */
  readonly startTime?: string;
  readonly maxExecutionSeconds?: number;
  /** JSON text of job-content.ts. */
  readonly content: string;
  /** The first part, which IoT Hub has taken before the task begins. */
  readonly first: Job;
}

/** The parts that IoT Hub has taken, in order, as it showed them last. */
export interface SplitJobPosition {
  readonly parts: readonly Job[];
}

interface SplitJobWork {
  readonly azure: () => Promise<HubClients>;
  readonly log: Log;
}

/** The job in IoT Hub that is one part of a job; `index` counts from 0. */
export function partId(jobId: string, index: number): string {
  return `${jobId}.${index + 1}`;
}

export function isEndedJob({ status }: Job): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/**
 * Has IoT Hub run the parts of one job: as many at a time as its tier allows (one on F1 and S1), the next when one has ended. It goes on
 * after a crash; a part that was scheduled before is found by its id.
 */
export class SplitJobTask implements TaskKind<SplitJobInput, SplitJobPosition> {
  readonly kind: string;
  readonly resumes = true;
  readonly #work: SplitJobWork;

  /** `kind` is the service that begins it. */
  constructor(kind: string, work: SplitJobWork) {
    this.kind = kind;
    this.#work = work;
  }

  async run(task: RunningTask<SplitJobInput, SplitJobPosition>): Promise<void> {
    const { input, signal } = task;
    const { conditions } = input;
    const content = readContent(input.content);
    const parts = [...(task.position?.parts ?? [input.first])];
    const pace = new Backoff({ initialDelayMs: 500, maxDelayMs: 15_000 });
    task.expect(conditions.length);
    let isFull = false;
    for (;;) {
      let isChanged = false;
      for (const [index, part] of parts.entries()) {
        if (isEndedJob(part)) continue;
        const present = await this.#persist(signal, async ({ jobs }) => jobs.get(part.jobId, { signal }));
        parts[index] = present;
        if (!isEndedJob(present)) continue;
        tellEnd(task, present);
        isChanged = true;
      }
      // While a part runs, only its end can make room; otherwise the jobs of others can.
      if (isChanged || parts.every(isEndedJob)) isFull = false;
      while (!isFull && parts.length < conditions.length) {
        const part = await this.#schedule(input, content, parts.length, signal);
        if (part) parts.push(part);
        isFull = part === undefined;
        isChanged ||= !isFull;
      }
      if (isChanged) {
        pace.reset();
        await task.save({ parts });
      }
      if (parts.length === conditions.length && parts.every(isEndedJob)) return;
      await pace.pause(signal);
    }
  }

  /** The part as IoT Hub took it; undefined while it runs as many jobs as its tier allows. */
  async #schedule(
    { jobId, conditions, startTime, maxExecutionSeconds }: SplitJobInput,
    content: JobContent,
    index: number,
    signal: AbortSignal,
  ): Promise<Job | undefined> {
    const id = partId(jobId, index);
    const start = startTime === undefined ? undefined : new Date(startTime);
    const part = {
      jobId: id,
      queryCondition: conditions[index] as string,
      // The time of a part that had to wait begins when it does.
      ...(start && start.getTime() > Date.now() ? { startTime: start } : {}),
      ...(maxExecutionSeconds === undefined ? {} : { maxExecutionSeconds }),
    };
    return await this.#persist(signal, async ({ jobs }) => {
      try {
        return await schedule(jobs, part, content, { signal });
      } catch (thrown) {
        const { code } = toConnectorError(thrown);
        if (code === 'QUOTA_EXCEEDED') return undefined;
        // Scheduled before a crash, or by a call whose answer was lost.
        if (code === 'AZURE_CONFLICT') return await jobs.get(id, { signal });
        throw thrown;
      }
    });
  }

  #persist<T>(signal: AbortSignal, call: (clients: HubClients) => Promise<T>): Promise<T> {
    const { azure, log } = this.#work;
    return persist(async () => call(await azure()), signal, log);
  }
}

function tellEnd(task: RunningTask<SplitJobInput, SplitJobPosition>, part: Job): void {
  task.advance(1, { [part.status]: 1 });
  task.report({
    item: part.jobId,
    outcome: part.status,
    message: part.failureReason ?? part.statusMessage ?? '',
  });
}

/** Too long an id leaves no room for the number of the part. Throws REQUEST_INVALID. */
export function checkPartIds(jobId: string, count: number): void {
  const longest = partId(jobId, count - 1).length;
  if (longest <= 128) return;
  throw new ConnectorError(
    'REQUEST_INVALID',
    `jobId has ${jobId.length} characters; expected at most ${128 - (longest - jobId.length)}, since the job is split into ${count} jobs.`,
  );
}
