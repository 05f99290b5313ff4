import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { HubCounters } from '../../sidecar/observe/counters.ts';
import { Metrics } from '../../sidecar/observe/metrics.ts';

function metricsOf(counters: HubCounters): Metrics {
  const metrics = new Metrics();
  metrics.add({
    thing: 'Hub',
    counters,
    state: 'running',
    lagByPartition: () => new Map([['0', 7]]),
    timesByPartition: () => new Map([['0', { lastMessageMs: 1_000_500, lastCheckpointMs: undefined }]]),
  });
  return metrics;
}

describe('the metrics', () => {
  test('are those that docs/metrics.md describes, no more and no fewer, with their types', async () => {
    const documented = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8')
      .split('\n')
      .flatMap((line) => {
        const cells = /^\| `(azure_iot_\w+)` \| (\w+) \|/.exec(line);
        return cells ? [`${cells[1]} ${cells[2]}`] : [];
      });
    const text = await metricsOf(new HubCounters()).text();
    const offered = [...text.matchAll(/^# TYPE (azure_iot_\w+) (\w+)$/gm)].map(
      (match) => `${match[1]} ${match[2]}`,
    );
    assert.deepEqual(documented.toSorted(), offered.toSorted());
  });

  test('add up within a scrape', async () => {
    const counters = new HubCounters();
    counters.receive(10);
    counters.settle('delivered', 5);
    counters.settle('ignored', 1);
    counters.settle('deadLettered', 2);
    counters.settle('released', 1);
    const text = await metricsOf(counters).text();
    const value = (line: string) => Number(new RegExp(`^${line} (\\d+)$`, 'm').exec(text)?.[1]);
    const account = (name: string) => value(`azure_iot_messages_total\\{hub="Hub",account="${name}"\\}`);
    assert.equal(account('received'), 10);
    assert.equal(
      account('received'),
      account('delivered') +
        account('ignored') +
        account('deadLettered') +
        account('released') +
        value('azure_iot_messages_in_flight\\{hub="Hub"\\}'),
    );
    assert.equal(value('azure_iot_partition_lag\\{hub="Hub",partition="0"\\}'), 7);
    assert.match(text, /^azure_iot_partition_last_message_timestamp_seconds\{.*partition="0"\} 1000\.5$/m);
    assert.doesNotMatch(text, /^azure_iot_partition_checkpoint_age_seconds\{/m);
  });
});
