import { EventHubConsumerClient, earliestEventPosition } from '@azure/event-hubs';
import { boundReceiverCredit } from '../../sidecar/azure/event-hubs/event-hub-client.ts';

/**
 * The yardstick: a receive loop of Microsoft's SDK and nothing else, in a process of its own. Parses each body, counts, and ends after
 * the given number of events. The last line of its output is JSON: events, seconds, cpuSeconds (both from the first event on), rssBytes.
 */
const [connectionString = '', expected = '0'] = process.argv.slice(2);
const wanted = Number(expected);

// Without it the SDK's credit grows without bound and the loop is no fair measure of anything but memory.
boundReceiverCredit();

let events = 0;
let startedAt = 0;
let cpuAtStart = process.cpuUsage();
const client = new EventHubConsumerClient('$Default', connectionString);
const finished = new Promise<void>((resolve, reject) => {
  client.subscribe(
    {
      async processEvents(batch) {
        if (batch.length === 0) return;
        if (events === 0) {
          startedAt = performance.now();
          cpuAtStart = process.cpuUsage();
        }
        events += batch.length;
        if (events >= wanted) resolve();
      },
      async processError(error) {
        reject(error);
      },
    },
    { startPosition: earliestEventPosition, maxBatchSize: 500, maxWaitTimeInSeconds: 1 },
  );
});
await finished;
const cpu = process.cpuUsage(cpuAtStart);
const result = {
  events,
  seconds: (performance.now() - startedAt) / 1000,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
  rssBytes: process.resourceUsage().maxRSS * 1024,
};
await client.close();
console.log(JSON.stringify(result));
