import type { Platform } from '../platform.ts';
import type { Exchange } from './exchange.ts';

/** `/health` and `/Metrics`. */
export class StatusRoutes {
  /** Requests received since the start. */
  requests = 0;
  private readonly platform: Platform;
  private readonly startedMs = Date.now();

  constructor(platform: Platform) {
    this.platform = platform;
  }

  /** Answers without a login as soon as the platform is up. */
  health(exchange: Exchange): void {
    exchange.sendJson({ status: 'UP', version: this.platform.version });
  }

  /** Prometheus text; the names are the emulator's own, prefixed as the platform's. */
  metrics(exchange: Exchange): void {
    const { platform } = this;
    const values: [string, string, number][] = [
      ['thingworx_uptime_seconds', 'Time since the start', (Date.now() - this.startedMs) / 1000],
      ['thingworx_requests_total', 'HTTP requests received', this.requests],
      ['thingworx_things', 'Things', platform.store.count('Things')],
      ['thingworx_event_queue_size', 'Events waiting or in work', platform.events.pending],
      ['thingworx_value_stream_entries', 'Value stream entries kept', platform.history.size],
      ['thingworx_property_writes_total', 'Property values written', platform.properties.writes],
    ];
    const lines = values.map(
      ([name, help, value]) =>
        `# HELP ${name} ${help}\n# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}\n${name} ${value}`,
    );
    exchange.send(200, 'text/plain; version=0.0.4; charset=utf-8', `${lines.join('\n')}\n`);
  }
}
