import { useState } from 'preact/hooks';
import type { CanaryStatus } from '../../contract/canary.ts';
import type { QuotaUse } from '../../contract/quota.ts';
import type { HubStatus } from '../../contract/status.ts';
import type { StatusSample } from '../../contract/stream.ts';
import { call, route } from '../api.ts';
import { formatBytes, formatCount, formatDuration, formatTime } from '../format.ts';
import { addressOf, useAction, useScene } from '../hooks.ts';
import { Chart } from '../parts/chart.tsx';
import { Badge, ChangeButton, Facts, Note, ProblemNote, Table } from '../parts/elements.tsx';
import { NoHub } from '../parts/no-hub.tsx';

const TONES = {
  running: 'good',
  connecting: 'plain',
  stopped: 'plain',
  waiting: 'warning',
  failed: 'bad',
} as const;

/** How every hub and the sidecar itself are. */
export function OverviewPage() {
  const { status, history } = useScene();
  if (!status) return null;
  const times = history.map(({ timeMs }) => timeMs / 1000);
  return (
    <>
      {status.hubs.length === 0 && <NoHub />}
      {status.hubs.map((hub) => (
        <HubCard key={hub.thing} hub={hub} times={times} history={history} remedies={status.remedies} />
      ))}
      <section class="card">
        <h2>Sidecar</h2>
        {status.notReady.length > 0 ? (
          <Note tone="warning">
            <strong>Not ready.</strong>
            <ul>
              {status.notReady.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          </Note>
        ) : (
          <p>
            <Badge tone="good">ready</Badge>
          </p>
        )}
        <Facts
          facts={[
            ['Version', status.version],
            ['Node.js', status.nodeVersion],
            ['Running for', formatDuration(status.now.timeMs - Date.parse(status.startedAt))],
            ['CPU', `${formatCount(status.now.cpuPercent)} %`],
            ['Memory', formatBytes(status.now.memoryBytes)],
            [
              'Free disk space',
              status.now.diskFreeBytes === undefined ? 'unknown' : formatBytes(status.now.diskFreeBytes),
            ],
          ]}
        />
        <div class="charts">
          <Chart
            label="CPU"
            times={times}
            series={[
              { label: 'CPU', colour: '--series-1', values: history.map(({ cpuPercent }) => cpuPercent) },
            ]}
            format={(value) => `${formatCount(value)} %`}
          />
          <Chart
            label="Memory"
            times={times}
            series={[
              {
                label: 'Memory',
                colour: '--series-2',
                values: history.map(({ memoryBytes }) => memoryBytes),
              },
            ]}
            format={formatBytes}
          />
        </div>
      </section>
    </>
  );
}

interface HubCardProps {
  hub: HubStatus;
  times: readonly number[];
  history: readonly StatusSample[];
  remedies: Readonly<Record<string, string>>;
}

function HubCard({ hub, times, history, remedies }: HubCardProps) {
  const { counters, lastError, recentErrors = [], stall } = hub;
  const of = (pick: 'ratePerSecond' | 'lag') => history.map(({ hubs }) => hubs[hub.thing]?.[pick] ?? null);
  return (
    <section class="card" aria-label={hub.thing}>
      <h2>
        {hub.thing} <Badge tone={TONES[hub.state]}>{hub.state}</Badge>
      </h2>
      {hub.reason && <p>{hub.reason}</p>}
      {stall && stall.until === undefined && (
        <Note tone="bad">
          <strong>{stall.code}</strong> No message has moved since {formatTime(stall.since)}. {stall.reason}
          {remedies[stall.code] && <p>{remedies[stall.code]}</p>}
        </Note>
      )}
      {lastError && (
        <Note tone={hub.state === 'running' ? 'plain' : 'bad'}>
          <strong>{lastError.code}</strong> {lastError.message}{' '}
          <span class="quiet">{formatTime(lastError.time)}</span>
          {remedies[lastError.code] && <p>{remedies[lastError.code]}</p>}
        </Note>
      )}
      <Facts
        facts={[
          ['Messages per second', formatCount(hub.ratePerSecond)],
          ['Lag', formatCount(hub.lag)],
          ['Received', formatCount(counters.received)],
          ['Delivered', formatCount(counters.delivered)],
          ['Ignored', formatCount(counters.ignored)],
          [
            'Dead letters',
            counters.deadLettered > 0 ? (
              <a href={addressOf('dead-letters')}>{formatCount(counters.deadLettered)}</a>
            ) : (
              '0'
            ),
          ],
          ['In flight', formatCount(counters.inFlight)],
          ['Released', formatCount(counters.released)],
          ['Repeated', formatCount(counters.repeated)],
          ['Connected since', formatTime(hub.since)],
        ]}
      />
      <Reasons title="Dead letters by reason" counts={hub.deadLetteredByReason} />
      <Reasons title="Ignored by reason" counts={hub.ignoredByReason} />
      <div class="charts">
        <Chart
          label="Messages per second"
          times={times}
          series={[{ label: 'Rate', colour: '--series-1', values: of('ratePerSecond') }]}
          format={formatCount}
        />
        <Chart
          label="Lag"
          times={times}
          series={[{ label: 'Lag', colour: '--series-3', values: of('lag') }]}
          format={formatCount}
        />
      </div>
      {hub.canary && hub.canary.state !== 'off' && <CanarySection hub={hub.thing} canary={hub.canary} />}
      {hub.quota && <QuotaSection hub={hub.thing} quota={hub.quota} />}
      <h3>Partitions</h3>
      <Table
        label={`Partitions of ${hub.thing}`}
        rows={hub.partitions}
        keyOf={({ partition }) => partition}
        empty="No partition is known yet."
        columns={[
          { name: 'Partition', cell: ({ partition }) => partition },
          { name: 'Owner', cell: ({ owner }) => owner || 'none' },
          { name: 'Lag', numeric: true, cell: ({ lag }) => formatCount(lag) },
          { name: 'In flight', numeric: true, cell: ({ inFlight }) => formatCount(inFlight) },
          { name: 'Sequence number', numeric: true, cell: ({ sequenceNumber }) => sequenceNumber },
          { name: 'Last message', cell: ({ lastEnqueuedTime }) => formatTime(lastEnqueuedTime) },
        ]}
      />
      {recentErrors.length > 0 && (
        <>
          <h3>Recent errors</h3>
          <Table
            label={`Recent errors of ${hub.thing}`}
            rows={recentErrors}
            keyOf={({ time, code }) => `${time} ${code}`}
            empty=""
            columns={[
              { name: 'Time', cell: ({ time }) => formatTime(time) },
              {
                name: 'Error',
                cell: ({ code, message }) => (
                  <>
                    <strong>{code}</strong> {message}
                  </>
                ),
              },
              { name: 'What to do', cell: ({ remedy }) => remedy },
              { name: 'Over since', cell: ({ clearedAt }) => formatTime(clearedAt) },
            ]}
          />
        </>
      )}
      <Check hub={hub.thing} />
    </section>
  );
}

const CANARY_TONES = {
  off: 'plain',
  starting: 'plain',
  ok: 'good',
  failed: 'bad',
  suspended: 'warning',
} as const;
const PATH_TONES = { unknown: 'plain', ok: 'good', failed: 'bad' } as const;
const formatMs = (ms: number | undefined) => (ms === undefined ? '' : `${formatCount(ms)} ms`);

function CanarySection({ hub, canary }: { hub: string; canary: CanaryStatus }) {
  return (
    <>
      <h3>
        Canary <Badge tone={CANARY_TONES[canary.state]}>{canary.state}</Badge>
      </h3>
      {canary.reason && <p>{canary.reason}</p>}
      <Table
        label={`Canary of ${hub}`}
        rows={canary.paths}
        keyOf={({ path }) => path}
        empty="No path is measured."
        columns={[
          { name: 'Path', cell: ({ path }) => path },
          { name: 'State', cell: ({ state }) => <Badge tone={PATH_TONES[state]}>{state}</Badge> },
          { name: 'Last', numeric: true, cell: ({ last }) => formatMs(last) },
          { name: 'Median', numeric: true, cell: ({ p50 }) => formatMs(p50) },
          { name: '95 %', numeric: true, cell: ({ p95 }) => formatMs(p95) },
          { name: '99 %', numeric: true, cell: ({ p99 }) => formatMs(p99) },
          { name: 'Rounds, last hour', numeric: true, cell: ({ rounds }) => formatCount(rounds) },
          { name: 'Failures', numeric: true, cell: ({ failures }) => formatCount(failures) },
          { name: 'Since', cell: ({ since }) => formatTime(since) },
        ]}
      />
    </>
  );
}

function QuotaSection({ hub, quota }: { hub: string; quota: QuotaUse }) {
  const { used, limit, percent = 0, forecast, sources, devices } = quota;
  return (
    <>
      <h3>
        Daily quota{' '}
        {limit !== undefined && forecast > limit && <Badge tone="warning">will be exceeded</Badge>}
      </h3>
      <Facts
        facts={[
          ['Messages today (UTC)', formatCount(used)],
          ['Quota', limit === undefined ? 'unknown' : formatCount(limit)],
          ['Used', limit === undefined ? 'unknown' : `${formatCount(percent)} %`],
          ['Forecast to midnight', formatCount(forecast)],
        ]}
      />
      {sources.length > 0 && (
        <p>
          By source: {sources.map(({ source, messages }) => `${source} ${formatCount(messages)}`).join(', ')}
        </p>
      )}
      <Table
        label={`Use of the daily quota of ${hub}`}
        rows={devices}
        keyOf={({ device }) => device}
        empty="No device has used any."
        columns={[
          { name: 'Device', cell: ({ device }) => device },
          { name: 'Messages', numeric: true, cell: ({ messages }) => formatCount(messages) },
          { name: 'Share', numeric: true, cell: ({ share }) => `${formatCount(share)} %` },
          { name: 'Last ten minutes', numeric: true, cell: ({ recent }) => formatCount(recent) },
          { name: 'Floods', cell: ({ floods }) => floods && <Badge tone="warning">floods</Badge> },
        ]}
      />
    </>
  );
}

function Reasons({ title, counts }: { title: string; counts: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(counts);
  if (entries.length === 0) return null;
  return (
    <p>
      {title}: {entries.map(([code, count]) => `${code} ${count}`).join(', ')}
    </p>
  );
}

interface CheckStep {
  readonly step: string;
  readonly outcome: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly timeMs: number;
  readonly message: string;
  readonly remedy: string;
}

const STEP_TONES = { ok: 'good', warning: 'warning', failed: 'bad', skipped: 'plain' } as const;

/** CheckConnection: whether ThingWorx, Azure and storage are reachable, step by step. */
function Check({ hub }: { hub: string }) {
  const [steps, setSteps] = useState<readonly CheckStep[]>();
  const check = useAction(async () => {
    setSteps((await call<{ steps: CheckStep[] }>('POST', route(['hubs', hub, 'check']))).steps);
  });
  return (
    <>
      <div class="buttons">
        <ChangeButton disabled={check.running} onClick={() => void check.run()}>
          {check.running ? 'Checking…' : 'Check ThingWorx, Azure and storage'}
        </ChangeButton>
      </div>
      <ProblemNote problem={check.problem} />
      {steps && (
        <Table
          label={`Connection check of ${hub}`}
          rows={steps}
          keyOf={({ step }) => step}
          empty="No step was made."
          columns={[
            { name: 'Step', cell: ({ step }) => step },
            {
              name: 'Outcome',
              cell: ({ outcome }) => <Badge tone={STEP_TONES[outcome]}>{outcome}</Badge>,
            },
            {
              name: 'What was found',
              cell: ({ message, remedy }) => (
                <>
                  {message} {remedy && <em>{remedy}</em>}
                </>
              ),
            },
            { name: 'Time', numeric: true, cell: ({ timeMs }) => `${timeMs} ms` },
          ]}
        />
      )}
    </>
  );
}
