import type { MethodCall } from '../azure/iot-hub/direct-methods.ts';
import type { TwinPatch } from '../azure/iot-hub/hub-types.ts';
import type { Job, Jobs, Schedule } from '../azure/iot-hub/jobs.ts';
import type { CallOptions } from '../azure/iot-hub/rest-client.ts';
import type { TwinName } from '../azure/iot-hub/twins.ts';
import { parseExact } from '../lib/exact-json.ts';

/** What a job does at each device. */
export type JobContent =
  | { readonly patch: TwinPatch }
  | { readonly method: Omit<MethodCall, keyof TwinName> };

export function schedule(
  jobs: Jobs,
  when: Schedule,
  content: JobContent,
  options: CallOptions,
): Promise<Job> {
  return 'patch' in content
    ? jobs.scheduleTwinUpdate(when, content.patch, options)
    : jobs.scheduleMethod(when, content.method, options);
}

/** As JSON text, in which numbers keep all their digits. */
export function contentText(content: JobContent): string {
  return JSON.stringify(content);
}

export function readContent(text: string): JobContent {
  return parseExact(text) as JobContent;
}
