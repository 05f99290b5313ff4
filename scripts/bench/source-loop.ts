import { openEventSource } from '../../sidecar/azure/event-hubs/event-source.ts';
import type { ReceivedMessage } from '../../sidecar/translate/types.ts';

/**
 * The sidecar's event source and nothing behind it, in a process of its own: what bare-loop.ts does, through `openEventSource`, with the receiver
 * of the third argument. The last line of its output is JSON with the same members.
 */
const [connectionString = '', expected = '0', receiver = 'own'] = process.argv.slice(2);
const wanted = Number(expected);

let events = 0;
let startedAt = 0;
let cpuAtStart = process.cpuUsage();
const finished = Promise.withResolvers<void>();
const source = await openEventSource({
  endpoint: { kind: 'connectionString', connectionString },
  consumerGroup: '$Default',
  receiver: receiver === 'sdk' ? 'sdk' : 'own',
  startPosition: { from: 'earliest' },
  handlers: {
    async onBatch(_partitionId: string, batch: readonly ReceivedMessage[]): Promise<void> {
      if (events === 0) {
        startedAt = performance.now();
        cpuAtStart = process.cpuUsage();
      }
      // The bare loop's SDK parses bodies; so does this.
      for (const event of batch) JSON.parse((event.body as Buffer).toString());
      events += batch.length;
      if (events >= wanted) finished.resolve();
    },
    onPartitionOpen: () => {},
    onPartitionClose: () => {},
    onError: (_partitionId, error) => finished.reject(error),
  },
});
await finished.promise;
const cpu = process.cpuUsage(cpuAtStart);
const result = {
  events,
  seconds: (performance.now() - startedAt) / 1000,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
  rssBytes: process.resourceUsage().maxRSS * 1024,
};
await source.stop();
console.log(JSON.stringify(result));
