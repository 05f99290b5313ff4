import type { Readiness } from '../observe/health.ts';
import type { HubDirectory } from './directory.ts';
import type { ThingFinder } from './finder.ts';

/** Ready when ThingWorx has answered and every hub Thing that asked for it is connected. */
export function readiness(finder: ThingFinder, hubs: HubDirectory): Readiness {
  const reasons = finder.found ? [] : [finder.lastError?.message ?? 'ThingWorx has not answered yet.'];
  for (const { thing, state, reason } of hubs.statuses()) {
    if (state !== 'running' && state !== 'stopped')
      reasons.push(`${thing} is ${state}${reason ? `: ${reason}` : ''}`);
  }
  return { ready: reasons.length === 0, reasons };
}
