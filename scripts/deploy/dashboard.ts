/** One panel: a title, its queries with their legends, and how it shows them. */
interface Panel {
  readonly title: string;
  readonly description: string;
  readonly kind: 'timeseries' | 'stat' | 'state-timeline';
  /** A unit of Grafana. */
  readonly unit: string;
  /** Query to legend. */
  readonly queries: Readonly<Record<string, string>>;
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const HUB = 'hub=~"$hub"';
const rate = (metric: string, labels = HUB) => `rate(${metric}{${labels}}[$__rate_interval])`;
const increase = (metric: string) => `increase(${metric}{${HUB}}[$__range])`;

/** What an operator looks at, from top to bottom. Every metric of docs/metrics.md has its place; a test compares them. */
const ROWS: readonly Row[] = [
  {
    title: 'State',
    panels: [
      {
        title: 'State of the hubs',
        description: 'The current connectionStatus of each hub Thing.',
        kind: 'state-timeline',
        unit: 'short',
        queries: { [`azure_iot_hub_state{${HUB}} == 1`]: '{{hub}} {{state}}' },
      },
      {
        title: 'Lag',
        description: 'Messages in the partitions after the last settled one. It should return to zero.',
        kind: 'timeseries',
        unit: 'short',
        queries: { [`sum by (hub) (azure_iot_partition_lag{${HUB}})`]: '{{hub}}' },
      },
      {
        title: 'Messages lost or skipped',
        description:
          'Expired messages are lost. Skipped ones were not read because a partition had no checkpoint; ReplayEvents ingests them.',
        kind: 'stat',
        unit: 'short',
        queries: {
          [increase('azure_iot_messages_expired_total')]: '{{hub}} expired',
          [increase('azure_iot_messages_skipped_total')]: '{{hub}} skipped',
        },
      },
    ],
  },
  {
    title: 'Messages',
    panels: [
      {
        title: 'Messages per second',
        description:
          'received = delivered + ignored + deadLettered + released + in flight. repeated are part of delivered.',
        kind: 'timeseries',
        unit: 'ops',
        queries: { [`sum by (account) (${rate('azure_iot_messages_total')})`]: '{{account}}' },
      },
      {
        title: 'In flight',
        description: 'Messages received and not yet settled.',
        kind: 'timeseries',
        unit: 'short',
        queries: { [`azure_iot_messages_in_flight{${HUB}}`]: '{{hub}}' },
      },
      {
        title: 'Ignored, by reason',
        description: 'Values and messages left out because a setting or mapping says so.',
        kind: 'timeseries',
        unit: 'ops',
        queries: { [`sum by (reason) (${rate('azure_iot_ignored_total')})`]: '{{reason}}' },
      },
      {
        title: 'Lag by partition',
        description: 'One partition that stays behind has most of the devices, or its reader stands still.',
        kind: 'timeseries',
        unit: 'short',
        queries: { [`azure_iot_partition_lag{${HUB}}`]: '{{hub}} {{partition}}' },
      },
      {
        title: 'Last message by partition',
        description: 'How long ago the last settled message of the partition reached Azure.',
        kind: 'timeseries',
        unit: 's',
        queries: {
          [`time() - azure_iot_partition_last_message_timestamp_seconds{${HUB}}`]: '{{hub}} {{partition}}',
        },
      },
      {
        title: 'Age of the checkpoints',
        description:
          'How long ago a checkpoint of the partition was written. It grows while no messages arrive.',
        kind: 'timeseries',
        unit: 's',
        queries: { [`azure_iot_partition_checkpoint_age_seconds{${HUB}}`]: '{{hub}} {{partition}}' },
      },
      {
        title: 'Messages from storage and replays',
        description: 'Messages that did not come through a lane, by delivery pipeline.',
        kind: 'timeseries',
        unit: 'ops',
        queries: {
          [`sum by (pipeline, account) (${rate('azure_iot_side_messages_total')})`]:
            '{{pipeline}} {{account}}',
        },
      },
    ],
  },
  {
    title: 'ThingWorx',
    panels: [
      {
        title: 'Calls of ReceiveUpdates per second',
        description: 'Under load each call carries many messages.',
        kind: 'timeseries',
        unit: 'reqps',
        queries: { [`sum by (hub) (${rate('azure_iot_send_calls_total')})`]: '{{hub}}' },
      },
      {
        title: 'Response time of ThingWorx',
        description: 'Half and 95 % of the calls of ReceiveUpdates were answered within these times.',
        kind: 'timeseries',
        unit: 's',
        queries: {
          [`histogram_quantile(0.5, sum by (le, hub) (${rate('azure_iot_send_duration_seconds_bucket')}))`]:
            '{{hub}} 50 %',
          [`histogram_quantile(0.95, sum by (le, hub) (${rate('azure_iot_send_duration_seconds_bucket')}))`]:
            '{{hub}} 95 %',
        },
      },
      {
        title: 'HTTP requests that the sidecar answered',
        description: 'Services of Things call the sidecar.',
        kind: 'timeseries',
        unit: 'reqps',
        queries: { 'sum by (status) (rate(azure_iot_http_requests_total[$__rate_interval]))': '{{status}}' },
      },
    ],
  },
  {
    title: 'Dead letters',
    panels: [
      {
        title: 'New dead letters, by reason',
        description: 'docs/dead-letters.md explains the reasons.',
        kind: 'timeseries',
        unit: 'ops',
        queries: { [`sum by (reason) (${rate('azure_iot_dead_letters_total')})`]: '{{reason}}' },
      },
      {
        title: 'Stored',
        description: 'Dead letters in the store.',
        kind: 'stat',
        unit: 'short',
        queries: { [`azure_iot_dead_letters_stored{${HUB}}`]: '{{hub}}' },
      },
      {
        title: 'Size',
        description: 'Size of the dead letters in the store.',
        kind: 'stat',
        unit: 'bytes',
        queries: { [`azure_iot_dead_letters_stored_bytes{${HUB}}`]: '{{hub}}' },
      },
      {
        title: 'Removed by the sidecar',
        description: 'expired: too old. overflowed: the store was full.',
        kind: 'stat',
        unit: 'short',
        queries: { [`sum by (reason) (${increase('azure_iot_dead_letters_removed_total')})`]: '{{reason}}' },
      },
    ],
  },
  {
    title: 'Background work',
    panels: [
      {
        title: 'Tasks',
        description: 'Imports, exports, replays and ingestion of files.',
        kind: 'timeseries',
        unit: 'short',
        queries: { [`sum by (state) (azure_iot_tasks{${HUB}})`]: '{{state}}' },
      },
      {
        title: 'Uploaded files, by outcome',
        description: 'Files that devices uploaded.',
        kind: 'timeseries',
        unit: 'ops',
        queries: { [`sum by (outcome) (${rate('azure_iot_uploads_total')})`]: '{{outcome}}' },
      },
      {
        title: 'Uploaded files that wait',
        description: 'They are announced when the storage for uploads can be used.',
        kind: 'stat',
        unit: 'short',
        queries: { [`azure_iot_uploads_waiting{${HUB}}`]: '{{hub}}' },
      },
      {
        title: 'Software packages',
        description: 'Deployments that have not ended.',
        kind: 'timeseries',
        unit: 'short',
        queries: { [`sum by (state) (azure_iot_packages{${HUB}})`]: '{{state}}' },
      },
      {
        title: 'Campaigns',
        description: 'Campaigns of software packages that are not over.',
        kind: 'timeseries',
        unit: 'short',
        queries: { [`sum by (state) (azure_iot_campaigns{${HUB}})`]: '{{state}}' },
      },
      {
        title: 'Devices of campaigns',
        description: 'By state, of campaigns that are not over.',
        kind: 'timeseries',
        unit: 'short',
        queries: { [`sum by (state) (azure_iot_campaign_devices{${HUB}})`]: '{{state}}' },
      },
    ],
  },
  {
    title: 'Canary',
    panels: [
      {
        title: 'Paths of the canary',
        description: '1: the path works. 0: it has failed. Empty while the canary is off.',
        kind: 'state-timeline',
        unit: 'short',
        queries: { [`azure_iot_canary_up{${HUB}}`]: '{{hub}} {{path}}' },
      },
      {
        title: 'Round trips of the canary',
        description: '95th percentile of the last hour.',
        kind: 'timeseries',
        unit: 's',
        queries: {
          [`azure_iot_canary_round_trip_seconds{${HUB}, quantile="0.95"}`]: '{{hub}} {{path}}',
        },
      },
      {
        title: 'Failed round trips of the canary',
        description: 'One alone is no failure of the path.',
        kind: 'timeseries',
        unit: 'short',
        queries: {
          [`increase(azure_iot_canary_round_trips_total{${HUB}, outcome="failed"}[$__rate_interval])`]:
            '{{hub}} {{path}}',
        },
      },
    ],
  },
  {
    title: 'Daily quota',
    panels: [
      {
        title: 'Metered messages today, by source',
        description: 'Since midnight UTC, as far as the sidecars see them.',
        kind: 'timeseries',
        unit: 'short',
        queries: { [`sum by (source) (azure_iot_quota_used_messages{${HUB}})`]: '{{source}}' },
      },
      {
        title: 'Forecast and quota',
        description: 'Metered messages at midnight UTC if it goes on as in the last hour.',
        kind: 'timeseries',
        unit: 'short',
        queries: {
          [`sum by (hub) (azure_iot_quota_forecast_messages{${HUB}})`]: '{{hub}} forecast',
          [`max by (hub) (azure_iot_quota_limit_messages{${HUB}})`]: '{{hub}} quota',
        },
      },
    ],
  },
  {
    title: 'Process',
    panels: [
      {
        title: 'Refused settings',
        description: 'Settings that keep their last accepted value.',
        kind: 'stat',
        unit: 'short',
        queries: { ['azure_iot_setting_refused']: '{{thing}} {{setting}}' },
      },
      {
        title: 'State directory and ThingWorx',
        description: '1: the state directory can be written, and ThingWorx answers.',
        kind: 'stat',
        unit: 'short',
        queries: {
          ['azure_iot_state_directory_writable']: 'state directory',
          ['azure_iot_thingworx_reachable']: 'ThingWorx',
        },
      },
      {
        title: 'Clocks',
        description: 'How far the clock of each host is ahead of the clock of the sidecar.',
        kind: 'timeseries',
        unit: 's',
        queries: {
          ['azure_iot_host_clock_offset_seconds']: '{{host}}',
          ['- azure_iot_clock_offset_seconds']: 'Azure',
        },
      },
      {
        title: 'Application key',
        description: 'How long the application key is valid. Empty unless THINGWORX_APP_KEY_NAME is set.',
        kind: 'stat',
        unit: 's',
        queries: { ['azure_iot_application_key_expiry_timestamp_seconds - time()']: 'expires' },
      },
      {
        title: 'CPU',
        description: 'Cores in use.',
        kind: 'timeseries',
        unit: 'short',
        queries: {
          'rate(process_cpu_seconds_total{job="azure-iot-sidecar"}[$__rate_interval])': '{{instance}}',
        },
      },
      {
        title: 'Memory',
        description: 'Resident memory.',
        kind: 'timeseries',
        unit: 'bytes',
        queries: { 'process_resident_memory_bytes{job="azure-iot-sidecar"}': '{{instance}}' },
      },
      {
        title: 'Clock',
        description:
          'How far the clock of the sidecar is ahead of the clock of Azure. Keep it near zero with NTP.',
        kind: 'timeseries',
        unit: 's',
        queries: { azure_iot_clock_offset_seconds: '{{instance}}' },
      },
      {
        title: 'Delay of the event loop',
        description: '99 % of the delays were below this time.',
        kind: 'timeseries',
        unit: 's',
        queries: { 'nodejs_eventloop_lag_p99_seconds{job="azure-iot-sidecar"}': '{{instance}}' },
      },
    ],
  },
];

const COLUMNS = 24;
const PANEL_HEIGHT = 8;
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' };

/** The dashboard in Grafana's JSON. */
export function dashboard(): unknown {
  const panels: unknown[] = [];
  let y = 0;
  for (const { title, panels: own } of ROWS) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { h: 1, w: COLUMNS, x: 0, y },
    });
    y += 1;
    const perLine = Math.min(own.length, 3);
    const width = COLUMNS / perLine;
    for (const [index, panel] of own.entries()) {
      const gridPos = {
        h: PANEL_HEIGHT,
        w: width,
        x: (index % perLine) * width,
        y: y + Math.floor(index / perLine) * PANEL_HEIGHT,
      };
      panels.push({ id: panels.length + 1, ...panelOf(panel), gridPos });
    }
    y += Math.ceil(own.length / perLine) * PANEL_HEIGHT;
  }
  return {
    uid: 'azure-iot-sidecar',
    title: 'Azure IoT Hub connector',
    tags: ['azure-iot'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        {
          name: 'hub',
          label: 'Hub Thing',
          type: 'query',
          datasource: PROMETHEUS,
          query: 'label_values(azure_iot_hub_state, hub)',
          refresh: 2,
          includeAll: true,
          multi: true,
        },
      ],
    },
    panels,
  };
}

function panelOf({ title, description, kind, unit, queries }: Panel): object {
  return {
    type: kind,
    title,
    description,
    datasource: PROMETHEUS,
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: Object.entries(queries).map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: PROMETHEUS,
      expr,
      legendFormat,
    })),
  };
}
